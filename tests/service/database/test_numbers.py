"""Numbers for rows: never the same twice, whoever draws, and whatever happens in between."""

import asyncio

import pytest
from sqlalchemy import BigInteger, Column, MetaData, Table, Text
from sqlalchemy.schema import CreateTable

from openharbor.kit.database.face import Database
from openharbor.kit.database.numbers import Numbers
from openharbor.kit.errors import Closed

TABLE = Table(
    "number_blocks",
    MetaData(),
    Column("name", Text, primary_key=True),
    Column("next", BigInteger, nullable=False),
)


@pytest.fixture
async def numbered(database: Database) -> Database:
    await database.write(lambda tx: tx.execute(str(CreateTable(TABLE))))
    return database


async def blocks(database: Database) -> dict[str, int]:
    rows = await database.read(lambda tx: tx.all("SELECT name, next FROM number_blocks"))
    return {row["name"]: row["next"] for row in rows}


async def test_the_first_number_is_1_and_the_next_is_the_next(numbered: Database) -> None:
    numbers = Numbers(numbered)
    assert [await numbers.next("tokens") for _ in range(3)] == [1, 2, 3]
    assert await numbers.next("links") == 1
    assert await blocks(numbered) == {"tokens": 101, "links": 101}


async def test_a_row_that_is_there_says_where_to_begin(numbered: Database) -> None:
    await numbered.write(lambda tx: tx.execute("INSERT INTO number_blocks (name, next) VALUES ('tokens', 5000)"))
    assert await Numbers(numbered).next("tokens") == 5000


async def test_callers_at_once_share_a_block_and_get_different_numbers(numbered: Database) -> None:
    numbers = Numbers(numbered, block=10)
    drawn = await asyncio.gather(*(numbers.next("tokens") for _ in range(205)))
    assert sorted(drawn) == list(range(1, 206))
    assert await blocks(numbered) == {"tokens": 211}


async def test_a_number_is_taken_before_it_is_given(numbered: Database) -> None:
    numbers = Numbers(numbered, block=1)
    for number in range(1, 4):
        assert await numbers.next("tokens") == number
        assert await blocks(numbered) == {"tokens": number + 1}


async def test_a_restart_leaves_a_gap_and_nothing_twice(numbered: Database) -> None:
    first = [await Numbers(numbered, block=10).next("tokens") for _ in range(3)]
    assert first == [1, 11, 21]


async def test_two_who_draw_at_once_never_get_the_same(numbered: Database) -> None:
    both = (Numbers(numbered, block=3), Numbers(numbered, block=7))
    drawn = await asyncio.gather(*(numbers.next("tokens") for numbers in both for _ in range(100)))
    assert len(set(drawn)) == 200


async def test_a_caller_that_is_cancelled_leaves_the_others_theirs(numbered: Database) -> None:
    numbers = Numbers(numbered, block=10)
    tasks = [asyncio.create_task(numbers.next("tokens")) for _ in range(20)]
    await asyncio.sleep(0)
    tasks[0].cancel()
    drawn = await asyncio.gather(*tasks[1:])
    assert len(set(drawn)) == 19


async def test_without_a_database_nobody_gets_a_number(numbered: Database) -> None:
    await numbered.close()
    with pytest.raises(Closed):
        await Numbers(numbered).next("tokens")


async def test_a_block_has_at_least_one_number(numbered: Database) -> None:
    with pytest.raises(ValueError, match="must be 1 or more"):
        Numbers(numbered, block=0)
