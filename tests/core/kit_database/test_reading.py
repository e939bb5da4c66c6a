"""Reads see one snapshot, never wait for the writer, and cannot write."""

import asyncio
from pathlib import Path
from threading import Event

import pytest

from openharbor.kit.database.driver import NoDatabase, sqlite3
from openharbor.kit.database.face import Transaction
from openharbor.kit.database.readers import Readers, reading
from openharbor.kit.database.sqlite import SqliteDatabase


def count(tx: Transaction) -> int:
    row = tx.one("SELECT count(*) AS n FROM notes")
    assert row is not None
    return int(row["n"])


def add(tx: Transaction) -> None:
    tx.execute("INSERT INTO notes (note) VALUES (NULL)")


async def test_a_read_sees_one_state_however_long_it_takes(database: SqliteDatabase) -> None:
    began, go_on = Event(), Event()

    def twice(tx: Transaction) -> tuple[int, int]:
        first = count(tx)
        began.set()
        go_on.wait(10)
        return first, count(tx)

    slow = asyncio.create_task(database.read(twice))
    await asyncio.to_thread(began.wait, 10)
    await database.write(add)
    assert await database.read(count) == 1
    go_on.set()
    assert await slow == (0, 0)


async def test_a_read_does_not_see_a_unit_that_is_not_committed(database: SqliteDatabase) -> None:
    wrote, go_on = Event(), Event()

    def slowly(tx: Transaction) -> None:
        add(tx)
        wrote.set()
        go_on.wait(10)

    writing = asyncio.create_task(database.write(slowly))
    await asyncio.to_thread(wrote.wait, 10)
    assert await database.read(count) == 0
    go_on.set()
    await writing
    assert await database.read(count) == 1


async def test_a_read_cannot_write(database: SqliteDatabase) -> None:
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        await database.read(add)


async def test_a_read_that_fails_leaves_the_reader_usable(database: SqliteDatabase) -> None:
    for error in (ValueError, StopIteration):

        def fails(tx: Transaction, error: type[Exception] = error) -> None:
            raise error

        with pytest.raises((ValueError, RuntimeError)):
            await database.read(fails)
    assert await asyncio.gather(*(database.read(count) for _ in range(8))) == [0] * 8


async def test_commands_read_beside_the_process_that_writes(database: SqliteDatabase, path: Path) -> None:
    await database.write(add)
    with reading(path) as tx:
        assert count(tx) == 1
        await database.write(add)
        assert count(tx) == 1
    readers = Readers(path)
    assert await readers.read(count) == 2
    await readers.close()
    assert await database.read(count) == 2


async def test_commands_read_when_nobody_writes(database: SqliteDatabase, path: Path) -> None:
    await database.write(add)
    await database.close()
    with reading(path) as tx:
        assert count(tx) == 1


def test_reading_what_does_not_exist_says_so(path: Path) -> None:
    with pytest.raises(NoDatabase, match=r"site\.db does not exist"), reading(path):
        pass
    assert not path.exists()
