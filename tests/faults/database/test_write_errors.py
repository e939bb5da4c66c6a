"""When the file cannot be written, the whole group is undone, memory is read again, and it is tried again later."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

import pytest

from harness.broken_disk import no_file_may_grow
from openharbor.kit.database.face import Transaction
from openharbor.kit.database.sqlite import SqliteDatabase
from openharbor.kit.errors import StorageUnavailable

UntilOk = Callable[[SqliteDatabase], Awaitable[None]]
TRIAL_SECONDS = 0.05


class Memory:
    def __init__(self) -> None:
        self.heard: list[str] = []
        self.unreadable = False

    def committed(self) -> None:
        self.heard.append("committed")

    def lost(self, transaction: Transaction) -> None:
        if self.unreadable:
            raise OSError("unreadable")
        self.heard.append(f"lost, on disk {count(transaction)}")


def note(tx: Transaction) -> str:
    tx.execute("INSERT INTO notes (note) VALUES (NULL)")
    return "noted"


def count(tx: Transaction) -> int:
    row = tx.one("SELECT count(*) AS n FROM notes")
    assert row is not None
    return int(row["n"])


async def opened(path: Path, memory: Memory) -> SqliteDatabase:
    database = SqliteDatabase(path, observer=memory, reserve_bytes=0, trial_seconds=TRIAL_SECONDS)
    await database.write(lambda tx: tx.execute("CREATE TABLE notes (id INTEGER PRIMARY KEY, note TEXT)"))
    await database.write(note)
    memory.heard.clear()
    return database


async def test_a_lost_group_reaches_no_caller_as_done_and_memory_is_read_again(
    tmp_path: Path, until_ok: UntilOk
) -> None:
    memory = Memory()
    database = await opened(tmp_path / "site.db", memory)
    with no_file_may_grow():
        results = await asyncio.gather(
            *(database.write(note, essential=True) for _ in range(5)), return_exceptions=True
        )
        assert [type(result) for result in results] == [StorageUnavailable] * 5
        assert database.state == "failing"
        assert set(memory.heard) == {"lost, on disk 1"}
        assert await database.read(count) == 1
    await until_ok(database)
    assert await database.write(note) == "noted"
    assert await database.read(count) == 2
    await database.close()


async def test_while_writing_fails_other_units_are_refused_before_they_run(tmp_path: Path, until_ok: UntilOk) -> None:
    database = await opened(tmp_path / "site.db", Memory())
    ran: list[str] = []
    with no_file_may_grow():
        with pytest.raises(StorageUnavailable):
            await database.write(note)
        with pytest.raises(StorageUnavailable):
            await database.write(lambda _: ran.append("ran"))
        await asyncio.sleep(3 * TRIAL_SECONDS)  # trials that must fail
        assert database.state == "failing"
    await until_ok(database)
    assert ran == []
    await database.close()


async def test_nothing_is_decided_on_memory_that_could_not_be_read_again(tmp_path: Path, until_ok: UntilOk) -> None:
    memory = Memory()
    database = await opened(tmp_path / "site.db", memory)
    memory.unreadable = True
    with no_file_may_grow(), pytest.raises(StorageUnavailable):
        await database.write(note)
    ran: list[str] = []
    with pytest.raises(StorageUnavailable):
        await database.write(lambda _: ran.append("ran"), essential=True)
    await asyncio.sleep(3 * TRIAL_SECONDS)
    assert (ran, database.state) == ([], "failing")
    memory.unreadable = False
    await until_ok(database)
    assert memory.heard[0] == "lost, on disk 1"
    await database.close()


async def test_closing_while_writing_fails_ends_and_keeps_what_was_acknowledged(tmp_path: Path) -> None:
    path = tmp_path / "site.db"
    database = await opened(path, Memory())
    with no_file_may_grow():
        with pytest.raises(StorageUnavailable):
            await database.write(note)
        await database.close()
    again = SqliteDatabase(path, reserve_bytes=0)
    assert await again.read(count) == 1
    await again.close()


async def test_a_unit_that_hides_its_own_write_error_does_not_pass_for_durable(tmp_path: Path) -> None:
    database = await opened(tmp_path / "site.db", Memory())

    def hides(tx: Transaction) -> None:
        try:
            tx.execute(
                "INSERT INTO notes (note) SELECT hex(zeroblob(100)) FROM (WITH RECURSIVE n (i) AS"
                " (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 200000) SELECT i FROM n)"
            )
        except Exception as error:
            hidden.append(error)

    hidden: list[Exception] = []
    with no_file_may_grow(), pytest.raises(StorageUnavailable):
        await database.write(partial(hides))
    assert hidden
    assert await database.read(count) == 1
    await database.close()
