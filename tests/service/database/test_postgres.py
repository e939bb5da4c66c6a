"""What only a server does: units side by side, in conflict, over their time, in two processes."""

import asyncio
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from threading import Event

import psycopg
import pytest

from harness.postgres import Server
from openharbor.kit.database.face import Transaction
from openharbor.kit.database.opening import open_database
from openharbor.kit.database.postgres import PostgresDatabase
from openharbor.kit.errors import Failed, StorageUnavailable


def two_rows(tx: Transaction) -> None:
    tx.execute_many("INSERT INTO notes (id, amount) VALUES (:id, 0)", [{"id": 1}, {"id": 2}])


def amounts(tx: Transaction) -> list[int]:
    return [row["amount"] for row in tx.all("SELECT amount FROM notes ORDER BY id")]


def meeting(first: int, second: int, mine: Event, other: Event, runs: list[int]) -> Callable[[Transaction], None]:
    """A unit that has changed row `first` when it waits for the other one, and changes row `second` then."""

    def unit(tx: Transaction) -> None:
        runs.append(first)
        tx.execute("UPDATE notes SET amount = amount + 1 WHERE id = :id", id=first)
        mine.set()
        other.wait(10)
        tx.execute("UPDATE notes SET amount = amount + 1 WHERE id = :id", id=second)

    return unit


async def test_a_unit_that_read_what_another_changed_runs_again(on_server: PostgresDatabase) -> None:
    read, changed = Event(), Event()
    runs: list[int] = []

    def late(tx: Transaction) -> None:
        runs.append(amounts(tx)[0])
        read.set()
        changed.wait(10)
        tx.execute("UPDATE notes SET amount = :amount WHERE id = 1", amount=runs[-1] + 1)

    await on_server.write(two_rows)
    task = asyncio.create_task(on_server.write(late))
    await asyncio.to_thread(read.wait, 10)
    await on_server.write(lambda tx: tx.execute("UPDATE notes SET amount = 10 WHERE id = 1"))
    changed.set()
    await task
    assert runs == [0, 10]
    assert on_server.conflicts == 1
    assert await on_server.read(amounts) == [11, 0]


async def test_of_two_units_that_wait_for_each_other_one_runs_again(on_server: PostgresDatabase) -> None:
    one, two = Event(), Event()
    runs: list[int] = []
    await on_server.write(two_rows)
    await asyncio.gather(on_server.write(meeting(1, 2, one, two, runs)), on_server.write(meeting(2, 1, two, one, runs)))
    assert on_server.conflicts == len(runs) - 2 > 0
    assert await on_server.read(amounts) == [2, 2]


async def test_a_unit_in_conflict_for_ever_is_given_up_with_nothing_changed(postgres: Server) -> None:
    pauses: list[float] = []

    def pause() -> float:
        pauses.append(0.0)
        return 0.0

    def always(tx: Transaction) -> None:
        tx.execute("CREATE TABLE notes (id BIGINT)")
        tx.execute("DO $$ BEGIN RAISE EXCEPTION 'in the way' USING ERRCODE = '40001'; END $$")

    database = PostgresDatabase(postgres.database(), threads=1, random=pause)
    with pytest.raises(StorageUnavailable, match="in conflict with others 40 times; nothing was changed"):
        await database.write(always)
    assert len(pauses) == 40
    assert await database.read(lambda tx: tx.one("SELECT to_regclass('notes') AS it")["it"]) is None  # type: ignore[index]
    assert database.state == "ok"
    await database.close()


async def test_an_error_that_a_unit_catches_is_no_success(on_server: PostgresDatabase) -> None:
    def catches(tx: Transaction) -> str:
        two_rows(tx)
        try:
            two_rows(tx)
        except psycopg.errors.UniqueViolation:
            return "went well"
        return ""

    with pytest.raises(psycopg.errors.UniqueViolation):
        await on_server.write(catches)
    assert await on_server.read(amounts) == []


async def test_a_statement_over_its_time_is_its_callers_error(postgres: Server) -> None:
    database = PostgresDatabase(postgres.database(), threads=1, statement_timeout_s=0.05)
    for run in (database.write, database.read):
        with pytest.raises(psycopg.errors.QueryCanceled):
            await run(lambda tx: tx.one("SELECT pg_sleep(20)"))
    assert database.state == "ok"
    assert await database.write(lambda tx: tx.execute("SELECT 1")) == 1
    await database.close()


async def test_a_wait_for_a_lock_has_an_end(postgres: Server) -> None:
    url = postgres.database()
    database = PostgresDatabase(url, threads=1, lock_timeout_s=0.05)
    await database.write(lambda tx: tx.execute("CREATE TABLE notes (id BIGINT)"))
    with psycopg.connect(url) as other:
        other.execute("LOCK TABLE notes")
        with pytest.raises(psycopg.errors.LockNotAvailable):
            await database.write(lambda tx: tx.execute("INSERT INTO notes VALUES (1)"))
    await database.close()


async def test_a_text_with_a_nul_is_refused_not_cut_off(on_server: PostgresDatabase) -> None:
    with pytest.raises(psycopg.DataError, match="0x00"):
        await on_server.write(lambda tx: tx.execute("INSERT INTO notes (id, note) VALUES (1, :it)", it="a\x00b"))
    assert await on_server.read(amounts) == []


async def test_an_error_does_not_tell_the_values_of_the_row(on_server: PostgresDatabase) -> None:
    def twice(tx: Transaction) -> None:
        for number in (1, 2):
            tx.execute("INSERT INTO notes (id, note) VALUES (:id, 'secret')", id=number)

    with pytest.raises(psycopg.errors.UniqueViolation) as caught:
        await on_server.write(twice)
    assert "secret" not in str(caught.value)
    assert "notes_note_key" in str(caught.value)


async def test_a_value_of_a_type_that_no_column_has_is_an_error(on_server: PostgresDatabase) -> None:
    with pytest.raises(psycopg.ProgrammingError, match="type list cannot be stored"):
        await on_server.write(lambda tx: tx.execute("SELECT :it", it=[1]))


async def test_a_schema_that_changes_under_prepared_statements_is_noticed(
    on_server: PostgresDatabase,
) -> None:
    await on_server.write(two_rows)
    everything = partial(lambda tx: [list(row) for row in tx.all("SELECT * FROM notes ORDER BY id")])
    for _ in range(4):  # both sessions
        assert len((await on_server.read(everything))[0]) == 5
    await on_server.write(lambda tx: tx.execute("ALTER TABLE notes ADD COLUMN more BIGINT"))
    for _ in range(4):
        assert len((await on_server.read(everything))[0]) == 6


async def test_more_statements_than_are_kept_prepared_are_no_matter(postgres: Server) -> None:
    database = PostgresDatabase(postgres.database(), threads=1)
    for first in range(0, 1500, 300):
        texts = [f"SELECT {number} AS n" for number in range(first, first + 300)]
        rows = await database.read(lambda tx, texts=texts: [tx.one(text)["n"] for text in texts])  # type: ignore[misc]
        assert rows == list(range(first, first + 300))
    row = await database.read(lambda tx: tx.one("SELECT count(*) AS n FROM pg_prepared_statements"))
    assert row is not None
    assert row["n"] <= 512 + 300
    await database.close()


async def test_units_beyond_the_bound_are_refused(postgres: Server) -> None:
    database = PostgresDatabase(postgres.database(), threads=1, most_waiting=3)
    go_on = Event()
    waiting = [asyncio.create_task(database.write(lambda _tx: go_on.wait(10))) for _ in range(3)]
    await asyncio.sleep(0)
    with pytest.raises(StorageUnavailable, match="3 units of work wait"):
        await database.write(lambda _tx: None)
    go_on.set()
    assert await asyncio.gather(*waiting) == [True] * 3
    assert await database.write(lambda _tx: "room again") == "room again"
    await database.close()


INCREMENTS = """
import asyncio, sys
from openharbor.kit.database.numbers import Numbers
from openharbor.kit.database.postgres import PostgresDatabase

def increment(tx):
    amount = tx.one("SELECT amount FROM notes WHERE id = 1")["amount"]
    tx.execute("UPDATE notes SET amount = :amount WHERE id = 1", amount=amount + 1)

async def main():
    database = PostgresDatabase(sys.argv[1], threads=4)
    numbers = Numbers(database, block=7)
    await asyncio.gather(*(database.write(increment) for _ in range(100)))
    print(*[await numbers.next("tokens") for _ in range(50)])
    await database.close()

asyncio.run(main())
"""


async def test_two_processes_lose_nothing_and_draw_no_number_twice(postgres: Server) -> None:
    url = postgres.database()
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE notes (id BIGINT PRIMARY KEY, amount BIGINT)")
        connection.execute("CREATE TABLE number_blocks (name TEXT PRIMARY KEY, next BIGINT NOT NULL)")
        connection.execute("INSERT INTO notes VALUES (1, 0)")
    command = [sys.executable, "-c", INCREMENTS, url]
    processes = [await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE) for _ in range(2)]
    outputs = await asyncio.gather(*(process.communicate() for process in processes))
    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT amount FROM notes").fetchall() == [(200,)]
    drawn = b" ".join(output for output, _ in outputs).split()
    assert len(drawn) == len(set(drawn)) == 100


async def test_two_workers_never_claim_the_same_row(postgres: Server) -> None:
    url = postgres.database()
    both = [PostgresDatabase(url, threads=4) for _ in range(2)]
    await both[0].write(lambda tx: tx.execute("CREATE TABLE jobs (id BIGINT PRIMARY KEY, claimed BIGINT)"))
    await both[0].write(lambda tx: tx.execute("INSERT INTO jobs (id) SELECT generate_series(1, 200)"))

    def claim(tx: Transaction) -> list[int]:
        rows = tx.all("SELECT id FROM jobs WHERE claimed IS NULL ORDER BY id LIMIT 5 FOR UPDATE SKIP LOCKED")
        tx.execute_many("UPDATE jobs SET claimed = 1 WHERE id = :id", [{"id": row["id"]} for row in rows])
        return [row["id"] for row in rows]

    claimed: list[int] = []
    while len(claimed) < 200:
        found = await asyncio.gather(*(database.write(claim) for database in both for _ in range(8)))
        claimed += [number for numbers in found for number in numbers]
    assert sorted(claimed) == list(range(1, 201))
    for database in both:
        await database.close()


def test_without_a_server_it_says_where_it_looked_and_no_password() -> None:
    with pytest.raises(Failed) as caught:
        open_database("postgresql://me:hunter2@127.0.0.1:1/parcels")
    message = str(caught.value)
    assert message.startswith("postgresql://me@127.0.0.1:1/parcels cannot be reached: ")
    assert "\n" not in message
    assert "hunter2" not in message


def test_a_wrong_password_is_named_as_such_and_not_shown(postgres: Server) -> None:
    url = postgres.url().replace("not-for-production", "hunter2")
    with pytest.raises(Failed, match="password authentication failed") as caught:
        open_database(url)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("url", ["postgresql://me:hunter2@host:1/db?nonsense=1", "mysql://me:hunter2@host/db", "x"])
def test_what_is_no_url_of_a_database_is_refused_without_showing_it(url: str) -> None:
    with pytest.raises(Failed, match="postgresql://") as caught:
        open_database(url)
    assert "hunter2" not in str(caught.value)
