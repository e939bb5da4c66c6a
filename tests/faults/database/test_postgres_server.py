"""A server that stops, crashes, hangs or is out of reach: nothing acknowledged is lost, nothing refused was done."""

import asyncio
import itertools
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial

import psycopg
import pytest

from harness.postgres import Server, running
from openharbor.kit.database.face import Database, OutcomeUnknown, Transaction
from openharbor.kit.database.postgres import PostgresDatabase
from openharbor.kit.errors import StorageUnavailable

TABLE = "CREATE TABLE notes (number BIGINT, side TEXT, UNIQUE (number, side))"
OURS = "SELECT pid FROM pg_stat_activity WHERE application_name = 'openharbor' AND datname = current_database()"


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """One that these tests may break."""
    with running() as server:
        yield server


@pytest.fixture
def url(server: Server) -> str:
    url = server.database()
    with psycopg.connect(url) as connection:
        connection.execute(TABLE)
    return url


def note(number: int, tx: Transaction) -> None:
    for side in ("left", "right"):
        tx.execute("INSERT INTO notes (number, side) VALUES (:number, :side)", number=number, side=side)


def stored(url: str) -> set[int]:
    """What is there; no unit is there in part."""
    with psycopg.connect(url) as connection:
        rows = connection.execute("SELECT number, count(*) FROM notes GROUP BY number").fetchall()
    assert {count for _, count in rows} <= {2}
    return {number for number, _ in rows}


@asynccontextmanager
async def opened(url: str, threads: int = 4) -> AsyncIterator[PostgresDatabase]:
    database = PostgresDatabase(url, threads=threads, trial_seconds=0.02)
    try:
        yield database
    finally:
        await database.close()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110  # what other threads and processes do
            await asyncio.sleep(0.005)


@dataclass
class Load:
    """Sixteen callers that write one note after another, and what each was told."""

    database: Database
    acknowledged: set[int] = field(default_factory=set)
    refused: set[int] = field(default_factory=set)
    unknown: set[int] = field(default_factory=set)
    ended: bool = False
    numbers: Iterator[int] = field(default_factory=itertools.count)

    async def run(self) -> None:
        while not self.ended:
            number = next(self.numbers)
            try:
                await self.database.write(partial(note, number))
            except OutcomeUnknown:
                self.unknown.add(number)
            except StorageUnavailable:
                self.refused.add(number)
                await asyncio.sleep(0.01)
            else:
                self.acknowledged.add(number)

    def check(self, url: str) -> None:
        there = stored(url)
        assert self.acknowledged <= there
        assert not self.refused & there
        assert there <= self.acknowledged | self.unknown


@asynccontextmanager
async def load(database: Database) -> AsyncIterator[Load]:
    """Under way before it is given, and again before it ends."""
    written = Load(database)
    tasks = [asyncio.create_task(written.run()) for _ in range(16)]
    await until(lambda: len(written.acknowledged) >= 50)
    yield written
    before = len(written.acknowledged)
    await until(lambda: len(written.acknowledged) >= before + 50)
    written.ended = True
    await asyncio.gather(*tasks)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGQUIT])
async def test_a_server_that_is_started_again_under_load_loses_nothing(
    server: Server, url: str, how: signal.Signals
) -> None:
    async with opened(url) as database:
        async with load(database) as written:
            await asyncio.to_thread(server.stop, how)
            await until(lambda: database.state == "failing" and len(written.refused) >= 32)
            server.start()
            await until(lambda: database.state == "ok")
        assert database.state == "ok"
    written.check(url)


async def test_a_session_killed_under_load_takes_the_server_down_for_a_moment_and_loses_nothing(
    server: Server, url: str
) -> None:
    async with opened(url) as database:
        async with load(database) as written:
            with psycopg.connect(url) as connection:
                sessions = [pid for (pid,) in connection.execute(OURS)]
            server.kill_backend(sessions[0])
            await asyncio.to_thread(server.wait_until_ready)
        await until(lambda: database.state == "ok")
    written.check(url)


async def test_sessions_that_ended_while_they_were_idle_are_not_noticed(url: str) -> None:
    async with opened(url, threads=2) as database:
        await asyncio.gather(*(database.write(partial(note, number)) for number in range(10)))
        with psycopg.connect(url) as connection:
            connection.execute(OURS.replace("SELECT pid", "SELECT pg_terminate_backend(pid)"))
        await asyncio.gather(*(database.write(partial(note, number)) for number in range(10, 20)))
        assert len(await database.read(lambda tx: tx.all("SELECT number FROM notes"))) == 40
        assert database.state == "ok"
    assert stored(url) == set(range(20))


async def test_without_a_server_everything_is_refused_at_once_until_it_is_back(server: Server, url: str) -> None:
    async with opened(url) as database:
        await database.write(partial(note, 1))
        server.stop()
        for number in range(2, 8):
            with pytest.raises(StorageUnavailable, match="nothing was changed"):
                await database.write(partial(note, number))
            with pytest.raises(StorageUnavailable):
                await database.read(lambda tx: tx.one("SELECT 1"))
        assert database.state == "failing"
        server.start()
        await until(lambda: database.state == "ok")
        await database.write(partial(note, 10))
    assert stored(url) == {1, 10}


async def test_a_database_that_is_closed_without_its_server_is_closed(server: Server, url: str) -> None:
    async with opened(url) as database:
        await database.write(partial(note, 1))
        server.stop()
        with pytest.raises(StorageUnavailable):
            await database.write(partial(note, 2))
    server.start()


async def test_a_server_that_hangs_is_given_up(server: Server, url: str) -> None:
    database = PostgresDatabase(
        url, threads=1, statement_timeout_s=0.1, answer_timeout_s=0.1, connect_timeout_s=2, trial_seconds=0.02
    )
    await database.write(partial(note, 1))
    server.pause()
    try:
        async with asyncio.timeout(30):
            with pytest.raises(StorageUnavailable):
                await database.write(partial(note, 2))
        assert database.state == "failing"
    finally:
        server.resume()
    await until(lambda: database.state == "ok")
    await database.write(partial(note, 3))
    await database.close()
    assert stored(url) == {1, 3}


async def test_a_server_without_space_fails_until_a_trial_was_written(url: str) -> None:
    def full(tx: Transaction) -> None:
        note(1, tx)
        tx.execute("DO $$ BEGIN RAISE EXCEPTION 'no space left' USING ERRCODE = '53100'; END $$")

    async with opened(url) as database:
        with pytest.raises(StorageUnavailable, match="nothing was changed"):
            await database.write(full)
        assert database.state == "failing"
        await until(lambda: database.state == "ok")
        await database.write(partial(note, 2))
    assert stored(url) == {2}


async def test_a_server_that_may_only_be_read_is_failing_and_is_read(url: str) -> None:
    name = url.rpartition("/")[2]
    async with opened(url, threads=1) as database:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on'.encode())
            with pytest.raises(StorageUnavailable):
                await database.write(partial(note, 1))
            assert database.state == "failing"
            connection.execute("SET transaction_read_only = off")
            connection.execute(f'ALTER DATABASE "{name}" SET default_transaction_read_only = off'.encode())
        await until(lambda: database.state == "ok")
        await database.write(partial(note, 2))
    assert stored(url) == {2}
