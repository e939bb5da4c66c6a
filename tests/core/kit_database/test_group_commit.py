"""Units of work that wait are committed together, and each is answered when it is durable."""

import asyncio
import os
import sqlite3 as standard_sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from threading import Event, get_ident
from typing import Protocol

import pytest

from openharbor.kit.database.driver import connect, sqlite3
from openharbor.kit.database.face import Transaction
from openharbor.kit.database.sqlite import SqliteDatabase
from openharbor.kit.database.writer import MOST_IN_GROUP, MOST_WAITING
from openharbor.kit.errors import Closed, StorageUnavailable


class Count(Protocol):
    count: int
    losses: int


def note(text: str, tx: Transaction) -> str:
    tx.execute("INSERT INTO notes (note) VALUES (:text)", text=text)
    return text


def notes(tx: Transaction) -> list[str]:
    return [row["note"] for row in tx.all("SELECT note FROM notes ORDER BY id")]


def on_disk(path: Path) -> list[str]:
    connection = standard_sqlite3.connect(path)
    try:
        return [row[0] for row in connection.execute("SELECT note FROM notes ORDER BY id")]
    finally:
        connection.close()


@contextmanager
def busy(database: SqliteDatabase) -> Iterator[asyncio.Task[bool]]:
    """The writer is kept in a unit until the block ends, so that everything written meanwhile waits."""
    go_on = Event()
    holding = asyncio.create_task(database.write(lambda _: go_on.wait(10)))
    try:
        yield holding
    finally:
        go_on.set()


async def begin() -> None:
    """Lets every task get as far as its write."""
    await asyncio.sleep(0)
    await asyncio.sleep(0)


def task(database: SqliteDatabase, work: Callable[[Transaction], str]) -> asyncio.Task[str]:
    return asyncio.create_task(database.write(work))


async def test_a_write_returns_what_the_unit_returned(database: SqliteDatabase) -> None:
    assert await database.write(partial(note, "a")) == "a"


async def test_an_acknowledged_unit_is_on_disk(database: SqliteDatabase, path: Path) -> None:
    await database.write(partial(note, "a"))
    connection = connect(path)
    assert [row["note"] for row in connection.execute("SELECT note FROM notes")] == ["a"]
    connection.close()


async def test_units_that_wait_share_one_commit(database: SqliteDatabase, commits: Count) -> None:
    with busy(database) as holding:
        writes = [task(database, partial(note, str(n))) for n in range(100)]
        await begin()
    await asyncio.gather(holding, *writes)
    assert commits.count <= 2


async def test_a_group_has_at_most_256_units(database: SqliteDatabase, commits: Count) -> None:
    with busy(database) as holding:
        writes = [task(database, partial(note, str(n))) for n in range(2 * MOST_IN_GROUP)]
        await begin()
    await asyncio.gather(holding, *writes)
    assert commits.count == 3


async def test_units_run_in_the_order_they_were_written(database: SqliteDatabase) -> None:
    texts = [str(n) for n in range(300)]
    await asyncio.gather(*(database.write(partial(note, text)) for text in texts))
    assert await database.read(notes) == texts


async def test_many_writers_need_far_fewer_commits_than_units_and_lose_none(
    database: SqliteDatabase, commits: Count, path: Path
) -> None:
    async def writer(name: int) -> None:
        for n in range(20):
            await database.write(partial(note, f"{name}-{n}"))

    await asyncio.gather(*(writer(name) for name in range(64)))
    await database.close()
    assert commits.count < 64 * 20 / 4
    assert len(on_disk(path)) == 64 * 20


async def test_the_observer_hears_of_a_commit_before_its_callers_do(path: Path) -> None:
    heard: list[str] = []

    class Observer:
        def committed(self) -> None:
            heard.append("observer")

        def lost(self, transaction: Transaction) -> None:
            heard.append(f"lost {transaction}")

    database = SqliteDatabase(path, observer=Observer(), reserve_bytes=0)
    await database.write(lambda _: None)
    heard.append("caller")
    await database.close()
    assert heard == ["observer", "caller"]


async def test_an_observer_that_fails_after_a_commit_is_made_to_read_again(path: Path) -> None:
    class Observer:
        losses = 0

        def committed(self) -> None:
            if not self.losses:
                raise ValueError

        def lost(self, transaction: Transaction) -> None:
            assert transaction.one("SELECT 1") is not None
            self.losses += 1

    observer = Observer()
    database = SqliteDatabase(path, observer=observer, reserve_bytes=0)
    assert await database.write(lambda _: "durable") == "durable"
    assert observer.losses == 1
    assert database.state == "ok"
    await database.close()


async def test_a_unit_that_raises_is_undone_alone(database: SqliteDatabase) -> None:
    def fails(tx: Transaction) -> str:
        note("half", tx)
        raise ValueError("no")

    with busy(database) as holding:
        writes = [task(database, work) for work in (partial(note, "before"), fails, partial(note, "after"))]
        await begin()
    results = await asyncio.gather(holding, *writes, return_exceptions=True)
    assert [repr(result) for result in results[1:]] == ["'before'", "ValueError('no')", "'after'"]
    assert await database.read(notes) == ["before", "after"]
    assert database.state == "ok"


async def test_a_constraint_has_the_last_word(database: SqliteDatabase) -> None:
    await database.write(partial(note, "a"))
    with pytest.raises(sqlite3.IntegrityError):
        await database.write(partial(note, "a"))
    assert await database.read(notes) == ["a"]


@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt(), StopIteration(), asyncio.CancelledError()])
async def test_a_unit_cannot_end_the_writer_or_its_caller(database: SqliteDatabase, error: BaseException) -> None:
    def fails(tx: Transaction) -> None:
        raise error

    with pytest.raises(RuntimeError, match=type(error).__name__) as raised:
        await database.write(fails)
    assert raised.value.__cause__ is error
    assert await database.write(partial(note, "goes on")) == "goes on"


async def test_a_unit_that_ends_the_transaction_itself_loses_its_group(
    database: SqliteDatabase, commits: Count
) -> None:
    with busy(database) as holding:
        writes = [
            task(database, partial(note, "a")),
            asyncio.create_task(database.write(lambda tx: tx.execute("ROLLBACK"))),
        ]
        await begin()
    results = await asyncio.gather(holding, *writes, return_exceptions=True)
    assert isinstance(results[-1], StorageUnavailable)
    assert commits.losses == 1


async def test_a_cancelled_caller_does_not_undo_its_unit_nor_hurt_the_others(database: SqliteDatabase) -> None:
    with busy(database) as holding:
        cancelled, other = task(database, partial(note, "cancelled")), task(database, partial(note, "other"))
        await begin()
        cancelled.cancel()
    assert await other == "other"
    await holding
    with pytest.raises(asyncio.CancelledError):
        await cancelled
    assert await database.read(notes) == ["cancelled", "other"]


async def test_close_finishes_what_was_accepted_and_then_refuses(database: SqliteDatabase, path: Path) -> None:
    with busy(database) as holding:
        accepted = [task(database, partial(note, str(n))) for n in range(300)]
        await begin()
        closing = asyncio.create_task(database.close())
        await begin()
        with pytest.raises(Closed):
            await database.write(partial(note, "late"))
    await asyncio.gather(holding, closing, *accepted)
    with pytest.raises(Closed):
        await database.read(notes)
    assert on_disk(path) == [str(n) for n in range(300)]


async def test_close_may_be_called_again_and_by_several(database: SqliteDatabase) -> None:
    await asyncio.gather(database.close(), database.close())
    await database.close()


async def test_after_close_there_is_one_file_without_a_log_and_it_can_be_opened_again(
    database: SqliteDatabase, path: Path
) -> None:
    await database.write(partial(note, "a"))
    await database.read(notes)
    await database.close()
    assert sorted(file.name for file in path.parent.iterdir()) == ["site.db", "site.db.lock"]
    again = SqliteDatabase(path, reserve_bytes=0)
    assert await again.read(notes) == ["a"]
    await again.close()


async def test_units_run_in_one_thread_that_is_not_the_callers(database: SqliteDatabase) -> None:
    threads = await asyncio.gather(*(database.write(lambda _: get_ident()) for _ in range(20)))
    assert len(set(threads)) == 1
    assert get_ident() not in threads


async def test_more_units_than_may_wait_are_refused(database: SqliteDatabase) -> None:
    with busy(database) as holding:
        writes = [asyncio.create_task(database.write(lambda _: None)) for _ in range(MOST_WAITING + MOST_IN_GROUP + 10)]
        await begin()
    results = await asyncio.gather(holding, *writes, return_exceptions=True)
    refused = sum(isinstance(result, StorageUnavailable) for result in results)
    assert refused == 10 + MOST_IN_GROUP + 1  # only the group under way, of one, waits nowhere
    assert database.state == "ok"


async def test_what_a_transaction_answers(database: SqliteDatabase) -> None:
    def work(tx: Transaction) -> tuple[int, str, list[str], object]:
        tx.execute_many("INSERT INTO notes (note) VALUES (:text)", [{"text": "a"}, {"text": "b"}])
        changed = tx.execute("UPDATE notes SET note = note || '!'")
        row = tx.one("INSERT INTO notes (note) VALUES ('c') RETURNING note")
        assert row is not None
        return changed, row["note"], notes(tx), tx.one("SELECT * FROM notes WHERE id = 99")

    assert await database.write(work) == (2, "c", ["a!", "b!", "c"], None)


async def test_its_files_are_for_its_owner_only_and_its_sizes_are_known(database: SqliteDatabase, path: Path) -> None:
    assert {file.stat().st_mode & 0o077 for file in path.parent.iterdir()} == {0}
    assert database.size_bytes() >= os.stat(path).st_size > 0
    assert database.free_bytes() > 0


async def test_a_commit_waits_for_the_disk(path: Path) -> None:
    database = SqliteDatabase(path, reserve_bytes=0)
    settings = await database.write(
        lambda tx: [tx.all(f"PRAGMA {name}")[0][name] for name in ("journal_mode", "synchronous", "foreign_keys")]
    )
    await database.close()
    assert settings == ["wal", 2, 1]
