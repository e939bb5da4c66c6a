"""What every room may rely on, whichever database is behind it."""

import asyncio
import json
from functools import partial
from threading import Event
from typing import Any

import psycopg
import pytest

from openharbor.kit.database.driver import sqlite3
from openharbor.kit.database.face import Database, Transaction
from openharbor.kit.errors import Closed

BROKEN_CONSTRAINT = (sqlite3.IntegrityError, psycopg.IntegrityError)


def add(number: int, tx: Transaction) -> int:
    return tx.execute("INSERT INTO notes (id, note) VALUES (:id, :note)", id=number, note=f"note {number}")


def numbers(tx: Transaction) -> list[int]:
    return [row["id"] for row in tx.all("SELECT id FROM notes ORDER BY id")]


async def value(database: Database, sql: str, **values: object) -> Any:
    row = await database.read(lambda tx: tx.one(f"SELECT {sql} AS it", **values))
    assert row is not None
    return row["it"]


async def test_a_unit_gives_its_result_and_the_next_one_sees_what_it_wrote(database: Database) -> None:
    assert await database.write(partial(add, 1)) == 1
    assert await database.write(numbers) == [1]
    assert await database.read(numbers) == [1]
    assert database.state == "ok"


async def test_a_unit_without_a_statement_is_one_too(database: Database) -> None:
    assert await database.write(lambda _tx: "nothing") == "nothing"
    assert await database.read(lambda _tx: "nothing") == "nothing"


async def test_an_exception_undoes_its_unit_alone_and_reaches_its_caller(database: Database) -> None:
    def unit(number: int, tx: Transaction) -> None:
        add(number, tx)
        if number % 3 == 0:
            raise ValueError(number)

    results = await asyncio.gather(*(database.write(partial(unit, n)) for n in range(30)), return_exceptions=True)
    failed = [n for n, result in enumerate(results) if isinstance(result, ValueError)]
    assert failed == list(range(0, 30, 3))
    assert await database.read(numbers) == [n for n in range(30) if n not in failed]


async def test_a_broken_constraint_undoes_the_whole_unit(database: Database) -> None:
    def twice(tx: Transaction) -> None:
        add(2, tx)
        add(1, tx)

    await database.write(partial(add, 1))
    with pytest.raises(BROKEN_CONSTRAINT):
        await database.write(twice)
    assert await database.read(numbers) == [1]
    assert database.state == "ok"


async def test_what_no_future_can_carry_arrives_as_another_error(database: Database) -> None:
    def stops(tx: Transaction) -> None:
        add(1, tx)
        raise StopIteration

    with pytest.raises(RuntimeError, match="StopIteration"):
        await database.write(stops)
    with pytest.raises(RuntimeError, match="StopIteration"):
        await database.read(lambda _tx: next(iter(())))
    assert await database.read(numbers) == []


async def test_one_caller_after_another_keeps_its_order(database: Database) -> None:
    def append(number: int, tx: Transaction) -> None:
        row = tx.one("SELECT coalesce(max(amount), 0) + 1 AS place FROM notes")
        assert row is not None
        tx.execute("INSERT INTO notes (id, amount) VALUES (:id, :place)", id=number, place=row["place"])

    for number in (5, 3, 9, 1):
        await database.write(partial(append, number))
    rows = await database.read(lambda tx: tx.all("SELECT id FROM notes ORDER BY amount"))
    assert [row["id"] for row in rows] == [5, 3, 9, 1]


async def test_cancelling_its_caller_does_not_undo_a_unit(database: Database) -> None:
    began, go_on = Event(), Event()

    def slowly(tx: Transaction) -> None:
        began.set()
        go_on.wait(10)
        add(1, tx)

    task = asyncio.create_task(database.write(slowly))
    await asyncio.to_thread(began.wait, 10)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    go_on.set()
    async with asyncio.timeout(20):
        while not await database.read(numbers):  # noqa: ASYNC110  # nobody is told any more
            await asyncio.sleep(0.01)


async def test_closing_finishes_what_was_accepted_and_refuses_the_rest(database: Database) -> None:
    tasks = [asyncio.create_task(database.write(partial(add, n))) for n in range(20)]
    await asyncio.sleep(0)
    await database.close()
    assert await asyncio.gather(*tasks) == [1] * 20
    with pytest.raises(Closed):
        await database.write(numbers)
    with pytest.raises(Closed):
        await database.read(numbers)
    await database.close()


async def test_a_read_cannot_write(database: Database) -> None:
    with pytest.raises((sqlite3.OperationalError, psycopg.errors.ReadOnlySqlTransaction), match=r"read-?only"):
        await database.read(partial(add, 1))
    assert database.state == "ok"
    assert await database.read(numbers) == []


async def test_a_read_sees_one_state_however_long_it_takes(database: Database) -> None:
    began, go_on = Event(), Event()

    def twice(tx: Transaction) -> tuple[list[int], list[int]]:
        first = numbers(tx)
        began.set()
        go_on.wait(10)
        return first, numbers(tx)

    slow = asyncio.create_task(database.read(twice))
    await asyncio.to_thread(began.wait, 10)
    await database.write(partial(add, 1))
    go_on.set()
    assert await slow == ([], [])


async def test_concurrent_changes_of_one_row_are_all_there(database: Database) -> None:
    def increment(tx: Transaction) -> int:
        row = tx.one("SELECT amount FROM notes WHERE id = 1 FOR UPDATE")
        assert row is not None
        tx.execute("UPDATE notes SET amount = :amount WHERE id = 1", amount=row["amount"] + 1)
        return int(row["amount"])

    await database.write(lambda tx: tx.execute("INSERT INTO notes (id, amount) VALUES (1, 0)"))
    seen = await asyncio.gather(*(database.write(increment) for _ in range(200)))
    assert sorted(seen) == list(range(200))
    assert await value(database, "(SELECT amount FROM notes)") == 200


async def test_row_locks_may_be_written_everywhere(database: Database) -> None:
    def claim(tx: Transaction) -> list[int]:
        rows = tx.all(
            "UPDATE notes SET amount = 1 WHERE id IN"
            " (SELECT id FROM notes WHERE amount IS NULL ORDER BY id LIMIT :most FOR UPDATE SKIP LOCKED) RETURNING id",
            most=2,
        )
        return sorted(row["id"] for row in rows)

    await database.write(lambda tx: [add(n, tx) for n in range(3)])
    assert await database.write(lambda tx: len(tx.all("SELECT id FROM notes FOR UPDATE SKIP LOCKED"))) == 3
    assert [await database.write(claim) for _ in range(3)] == [[0, 1], [2], []]


VALUES: list[object] = [
    None,
    0,
    -1,
    2**63 - 1,
    -(2**63),
    "",
    "Zoë ' \" % %s :name :: $1 \\ \n 🚪",
    1.5,
    -0.1,
    1e300,
    True,
    b"\x00\xff:",
]


@pytest.mark.parametrize("given", VALUES, ids=repr)
async def test_a_value_comes_back_as_it_was(database: Database, given: object) -> None:
    column = {str: "note", float: "share", bytes: "blob"}.get(type(given), "amount")

    def there_and_back(tx: Transaction) -> object:
        tx.execute(f"INSERT INTO notes (id, {column}) VALUES (1, :given)", given=given)
        row = tx.one(f"SELECT {column} FROM notes WHERE {column} = :given OR {column} IS NULL", given=given)
        assert row is not None
        return row[column]

    assert await database.write(there_and_back) == given


async def test_json_text_is_not_touched(database: Database) -> None:
    text = json.dumps({"b": [1, 2.50, "\x00"], "a": None}, indent=1)
    await database.write(lambda tx: tx.execute("INSERT INTO notes (id, note) VALUES (1, :text)", text=text))
    assert await value(database, "(SELECT note FROM notes)") == text


async def test_an_integer_beyond_64_bits_is_refused(database: Database) -> None:
    def store(much: int, tx: Transaction) -> None:
        tx.execute("INSERT INTO notes (id) VALUES (:much)", much=much)

    for much in (2**63, -(2**63) - 1):
        with pytest.raises(OverflowError):
            await database.write(partial(store, much))
    assert await database.read(numbers) == []


async def test_a_name_may_come_twice_and_in_quotes_it_is_no_name(database: Database) -> None:
    assert await value(database, ":a + :b * :a", a=3, b=5) == 18
    assert await value(database, "':a' || ':b''c'") == ":a:b'c"
    assert await value(database, "(SELECT count(*) FROM notes WHERE :n IS NULL OR id = :n)", n=None) == 0


async def test_a_value_that_is_missing_is_an_error_and_one_too_many_is_none(database: Database) -> None:
    with pytest.raises((sqlite3.ProgrammingError, psycopg.ProgrammingError), match="value"):
        await value(database, ":a + :b", a=1)
    assert await value(database, ":a + 1", a=1, unused=2) == 2


async def test_sums_counts_and_conditions_are_numbers(database: Database) -> None:
    many: list[dict[str, object]] = [{"id": n, "amount": 2**40} for n in range(3)]
    await database.write(lambda tx: tx.execute_many("INSERT INTO notes (id, amount) VALUES (:id, :amount)", many))
    row = await database.read(
        lambda tx: tx.one(
            "SELECT count(*) AS n, sum(amount) AS whole, avg(id) + 0.5 AS mean,"
            " EXISTS (SELECT 1 FROM notes) AS any_one FROM notes"
        )
    )
    assert row is not None
    found = [row[name] for name in ("n", "whole", "mean", "any_one")]
    assert found == [3, 3 * 2**40, 1.5, 1]
    assert [type(it) for it in found] == [int, int, float, int]


async def test_many_rows_are_written_in_one_unit_or_not_at_all(database: Database) -> None:
    sql = "INSERT INTO notes (id, note) VALUES (:id, :note)"
    rows: list[dict[str, object]] = [{"id": n, "note": str(n) if n % 2 else None} for n in range(1000)]
    await database.write(lambda tx: tx.execute_many(sql, rows))
    assert await value(database, "(SELECT count(*) FROM notes WHERE note IS NULL)") == 500
    assert await database.read(numbers) == list(range(1000))
    more: list[dict[str, object]] = [{"id": n, "note": None} for n in (1001, 1002, 7, 1003)]
    with pytest.raises(BROKEN_CONSTRAINT):
        await database.write(lambda tx: tx.execute_many(sql, more))
    await database.write(lambda tx: tx.execute_many(sql, []))
    assert await database.read(numbers) == list(range(1000))


async def test_conflicts_and_returning_read_the_same(database: Database) -> None:
    def take(tx: Transaction) -> tuple[int, int, int]:
        again = "INSERT INTO notes (id, amount) VALUES (1, 10) ON CONFLICT (id) DO"
        first, second = tx.execute(f"{again} NOTHING"), tx.execute(f"{again} NOTHING")
        row = tx.one(f"{again} UPDATE SET amount = notes.amount + :more RETURNING amount", more=5)
        assert row is not None
        return first, second, row["amount"]

    assert await database.write(take) == (1, 0, 15)
    assert await database.write(lambda tx: tx.execute("UPDATE notes SET amount = 0 WHERE id = :id", id=2)) == 0
    assert await database.write(lambda tx: tx.execute("DELETE FROM notes")) == 1


async def test_a_row_is_read_by_the_names_of_its_columns(database: Database) -> None:
    await database.write(partial(add, 1))
    row = await database.read(lambda tx: tx.one("SELECT id AS it, note FROM notes"))
    assert row is not None
    assert (row["it"], row["note"]) == (1, "note 1")
    with pytest.raises(IndexError):
        row["id"]
    assert await database.read(lambda tx: tx.one("SELECT id FROM notes WHERE id = 0")) is None
    assert await database.read(lambda tx: tx.all("SELECT id FROM notes WHERE id = 0")) == []
