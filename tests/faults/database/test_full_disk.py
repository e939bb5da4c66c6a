"""On a full disk new work is refused, essential units live on the reserve, and nothing acknowledged is lost."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest

from openharbor.kit.database.backup import backup
from openharbor.kit.database.face import Transaction
from openharbor.kit.database.migrations import sqlite_url, upgrade
from openharbor.kit.database.readers import reading
from openharbor.kit.database.reserve import Reserve
from openharbor.kit.database.sqlite import SqliteDatabase
from openharbor.kit.errors import Failed, StorageUnavailable

UntilOk = Callable[[SqliteDatabase], Awaitable[None]]
RESERVE = 4 << 20
TRIAL_SECONDS = 0.05


class Memory:
    """What a room has in memory: the notes, changed by units, read again after a loss."""

    def __init__(self) -> None:
        self.working: tuple[int, ...] = ()
        self.published: tuple[int, ...] = ()

    def committed(self) -> None:
        self.published = self.working

    def lost(self, transaction: Transaction) -> None:
        self.working = numbers(transaction)

    def note(self, number: int, tx: Transaction) -> int:
        tx.execute("INSERT INTO notes (number, text) VALUES (:number, :text)", number=number, text="x" * 500)
        self.working = (*self.working, number)
        return number


def numbers(tx: Transaction) -> tuple[int, ...]:
    return tuple(row["number"] for row in tx.all("SELECT number FROM notes ORDER BY number"))


async def opened(disk: Path, memory: Memory) -> SqliteDatabase:
    database = SqliteDatabase(disk / "site.db", observer=memory, reserve_bytes=RESERVE, trial_seconds=TRIAL_SECONDS)
    await database.write(lambda tx: tx.execute("CREATE TABLE IF NOT EXISTS notes (number INTEGER UNIQUE, text TEXT)"))
    return database


def fill(disk: Path) -> Path:
    """Takes every byte that is left."""
    filler = disk / "filler"
    with filler.open("ab", buffering=0) as file:
        for size in (1 << 20, 4096, 1):
            with suppress(OSError):
                while True:
                    file.write(b"\0" * size)
    assert os.statvfs(disk).f_bavail == 0
    return filler


async def write_until_refused(database: SqliteDatabase, memory: Memory, first: int) -> int:
    """How many were acknowledged."""
    for number in range(first, first + 100_000):
        try:
            await database.write(partial(memory.note, number))
        except StorageUnavailable:
            return number - first
    raise AssertionError("the disk never got full")


async def test_what_was_acknowledged_before_the_disk_got_full_is_there_and_memory_says_the_same(
    small_disk: Path,
) -> None:
    memory = Memory()
    database = await opened(small_disk, memory)
    fill(small_disk)
    count = await write_until_refused(database, memory, 0)
    assert database.state == "failing"
    assert await database.read(numbers) == tuple(range(count)) == memory.published == memory.working
    assert Reserve(small_disk / "site.db").held() == RESERVE  # nothing essential has asked for it
    await database.close()


async def test_while_failing_other_units_are_refused_at_once_and_essential_ones_are_durable(small_disk: Path) -> None:
    memory = Memory()
    database = await opened(small_disk, memory)
    fill(small_disk)
    count = await write_until_refused(database, memory, 0)
    for number in range(count, count + 500):
        assert await database.write(partial(memory.note, number), essential=True) == number
        with pytest.raises(StorageUnavailable):
            await database.write(partial(memory.note, -1))
    assert database.state == "failing"
    assert 0 < Reserve(small_disk / "site.db").held() < RESERVE
    with reading(small_disk / "site.db") as tx:
        assert numbers(tx) == tuple(range(count + 500)) == memory.published
    await database.close()


async def test_of_a_group_that_does_not_fit_only_the_essential_units_are_done(small_disk: Path) -> None:
    memory = Memory()
    database = await opened(small_disk, memory)
    fill(small_disk)

    def too_much(tx: Transaction) -> None:
        tx.execute("INSERT INTO notes (number, text) VALUES (-1, hex(zeroblob(3000000)))")

    results = await asyncio.gather(
        database.write(too_much),
        database.write(partial(memory.note, 1), essential=True),
        database.write(partial(memory.note, 2)),
        database.write(partial(memory.note, 3), essential=True),
        return_exceptions=True,
    )
    assert isinstance(results[0], StorageUnavailable)
    assert (results[1], results[3]) == (1, 3)
    stored = await database.read(numbers)
    assert set(stored) == {1, 3} | ({2} if results[2] == 2 else set())
    assert memory.published == stored
    await database.close()


async def test_the_reserve_carries_essential_work_far_beyond_its_own_size(small_disk: Path) -> None:
    """Checkpoints go on in the space given up, so the log is used again instead of growing."""
    memory = Memory()
    database = await opened(small_disk, memory)
    fill(small_disk)
    count = await write_until_refused(database, memory, 0)
    log = small_disk / "site.db-wal"
    for number in range(count, count + 4000):  # about 16 MiB of log, 2 MiB of notes
        await database.write(partial(memory.note, number), essential=True)
    assert log.stat().st_size < 1 << 20
    assert len(await database.read(numbers)) == count + 4000
    await database.close()


async def test_when_the_reserve_is_used_up_essential_units_are_refused_too_and_nothing_is_half_done(
    small_disk: Path, until_ok: UntilOk
) -> None:
    memory = Memory()
    database = await opened(small_disk, memory)
    filler = fill(small_disk)
    number = 0
    try:
        while True:
            await database.write(partial(memory.note, number), essential=True)
            number += 1
            if number % 200 == 0:
                fill(small_disk)  # something else on the disk takes what is given up
    except StorageUnavailable:
        pass
    assert Reserve(small_disk / "site.db").held() == 0
    assert await database.read(numbers) == tuple(range(number)) == memory.published
    filler.unlink()
    await until_ok(database)
    assert await database.write(partial(memory.note, number)) == number
    await database.close()


async def test_when_space_is_back_the_reserve_is_filled_before_other_units_are_accepted(
    small_disk: Path, until_ok: UntilOk
) -> None:
    memory = Memory()
    database = await opened(small_disk, memory)
    filler = fill(small_disk)
    count = await write_until_refused(database, memory, 0)
    await database.write(partial(memory.note, count), essential=True)
    fill(small_disk)
    reserve = Reserve(small_disk / "site.db")
    with filler.open("rb+") as file:
        file.truncate(filler.stat().st_size - (RESERVE - reserve.held()) // 2)
    await asyncio.sleep(5 * TRIAL_SECONDS)  # trials that must fail
    assert database.state == "failing"
    filler.unlink()
    await until_ok(database)
    assert reserve.held() == RESERVE
    assert await database.write(partial(memory.note, count + 1)) == count + 1
    assert memory.published == tuple(range(count + 2))
    await database.close()


CRASH = """
import asyncio, os, sys
from pathlib import Path
from openharbor.kit.database.sqlite import SqliteDatabase

async def main():
    database = SqliteDatabase(Path(sys.argv[1]), reserve_bytes=int(sys.argv[2]))
    await database.write(lambda tx: tx.execute("CREATE TABLE IF NOT EXISTS notes (number INTEGER UNIQUE, text TEXT)"))
    await database.write(lambda tx: tx.execute("INSERT INTO notes VALUES (0, 'before')"))
    os._exit(0)

asyncio.run(main())
"""


def crash(path: Path) -> None:
    subprocess.run([sys.executable, "-c", CRASH, path, str(RESERVE)], check=True)
    assert path.with_name("site.db-wal").stat().st_size > 0
    path.with_name("site.db-shm").unlink()  # after a power cut there is none


@pytest.mark.parametrize("crashed", [False, True], ids=["stopped cleanly", "crashed"])
async def test_it_starts_on_a_full_disk_and_does_essential_work(
    small_disk: Path, crashed: bool, until_ok: UntilOk
) -> None:
    memory = Memory()
    path = small_disk / "site.db"
    if crashed:
        crash(path)
    else:
        database = await opened(small_disk, memory)
        await database.write(partial(memory.note, 0))
        await database.close()
    filler = fill(small_disk)
    database = SqliteDatabase(path, observer=memory, reserve_bytes=RESERVE, trial_seconds=TRIAL_SECONDS)
    assert database.state == "failing"
    assert await database.read(numbers) == (0,)
    assert await database.write(partial(memory.note, 1), essential=True) == 1
    filler.unlink()
    await until_ok(database)
    await database.close()


async def test_a_disk_without_room_for_the_reserve_is_not_ok_from_the_start(small_disk: Path) -> None:
    database = SqliteDatabase(small_disk / "site.db", reserve_bytes=64 << 20)
    assert database.state == "failing"
    with pytest.raises(StorageUnavailable):
        await database.write(lambda _: None)
    await database.close()


async def test_a_database_at_its_head_is_found_so_on_a_full_disk(small_disk: Path) -> None:
    database = await opened(small_disk, Memory())
    await database.write(lambda tx: tx.execute("CREATE TABLE alembic_version (version_num TEXT)"))
    await database.write(lambda tx: tx.execute("INSERT INTO alembic_version VALUES ('0001')"))
    await database.close()
    fill(small_disk)
    upgrade(sqlite_url(small_disk / "site.db"), small_disk / "no revisions are read", "0001")
    database = SqliteDatabase(small_disk / "site.db", reserve_bytes=RESERVE)
    assert database.state == "failing"
    await database.close()


async def test_a_backup_to_a_full_disk_says_so_and_leaves_nothing(small_disk: Path, tmp_path: Path) -> None:
    path = tmp_path / "site.db"
    database = SqliteDatabase(path, reserve_bytes=0)
    await database.write(lambda tx: tx.execute("CREATE TABLE notes AS SELECT zeroblob(1000000) AS text"))
    fill(small_disk)
    with pytest.raises(Failed, match=r"copy\.db failed: database or disk is full"):
        backup(path, small_disk / "copy.db")
    assert os.listdir(small_disk) == ["filler"]
    await database.close()
