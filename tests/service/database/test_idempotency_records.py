"""The records of requests with an Idempotency-Key are the same on each database."""

import asyncio
from functools import partial

import pytest
from sqlalchemy import MetaData
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.schema import CreateIndex, CreateTable

from openharbor.kit.database.face import Database, Transaction
from openharbor.kit.idempotency import (
    KEPT_MS,
    Fresh,
    Keyed,
    Replay,
    Running,
    StoredAnswer,
    Verdict,
    abandon,
    begin,
    expire,
    find,
    fingerprint,
    finish,
    idempotency_table,
    judge,
    keep,
)

NOW = 1_772_471_051_482
ANSWER = StoredAnswer(201, '{"name":"Zoë"}'.encode(), {"Location": "/transactions/1"})
KEYED = Keyed("7", "k", fingerprint("POST", "/transactions", b"{}"))


@pytest.fixture
async def records(database: Database, url: str) -> Database:
    dialect = sqlite.dialect() if url.startswith("sqlite") else postgresql.dialect()  # type: ignore[no-untyped-call]
    table = idempotency_table(MetaData())
    texts = [str(CreateTable(table).compile(dialect=dialect))]
    texts += [str(CreateIndex(index).compile(dialect=dialect)) for index in table.indexes]
    await database.write(lambda tx: [tx.execute(text) for text in texts])
    return database


def verdict(now: int, tx: Transaction) -> Verdict:
    return judge(find(tx, "7", "k", now), KEYED.fingerprint)


async def test_a_request_is_running_then_replayed_and_after_a_day_forgotten(records: Database) -> None:
    assert await records.write(lambda tx: begin(tx, KEYED, NOW))
    assert await records.read(partial(verdict, NOW)) == Running()
    assert await records.write(lambda tx: finish(tx, "7", "k", ANSWER))
    assert not await records.write(lambda tx: abandon(tx, "7", "k"))
    assert await records.read(partial(verdict, NOW)) == Replay(ANSWER)
    assert await records.read(partial(verdict, NOW + KEPT_MS)) == Fresh()
    assert await records.write(lambda tx: expire(tx, NOW + KEPT_MS, limit=5)) == 1


async def test_of_many_that_keep_the_same_key_at_once_one_does(records: Database) -> None:
    kept = await asyncio.gather(*(records.write(lambda tx: keep(tx, KEYED, ANSWER, NOW)) for _ in range(20)))
    assert sorted(kept) == [False] * 19 + [True]
