"""Requests made with an Idempotency-Key: done once, answered again."""

import json
from collections.abc import Iterator
from contextlib import closing

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import MetaData, create_engine

from openharbor.kit.database.driver import sqlite3
from openharbor.kit.database.transaction import SqliteTransaction
from openharbor.kit.idempotency import (
    KEPT_MS,
    Fresh,
    Keyed,
    Mismatch,
    Record,
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
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=4),
    max_leaves=10,
)


@pytest.fixture
def tx() -> Iterator[SqliteTransaction]:
    metadata = MetaData()
    idempotency_table(metadata)
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        connection.row_factory = sqlite3.Row
        engine = create_engine("sqlite://", creator=lambda: connection)
        metadata.create_all(engine)
        yield SqliteTransaction(connection)


def keyed(key: str = "k", space: str = "7", body: bytes = b"{}") -> Keyed:
    return Keyed(space, key, fingerprint("POST", "/transactions", body))


def verdict(tx: SqliteTransaction, request: Keyed, now: int = NOW) -> Verdict:
    return judge(find(tx, request.space, request.key, now), request.fingerprint)


def test_a_key_is_fresh_until_it_is_used(tx: SqliteTransaction) -> None:
    assert verdict(tx, keyed()) == Fresh()


def test_a_request_done_in_one_unit_is_replayed(tx: SqliteTransaction) -> None:
    assert keep(tx, keyed(), ANSWER, NOW)
    assert verdict(tx, keyed()) == Replay(ANSWER)


def test_a_request_that_has_begun_is_running_until_it_is_finished(tx: SqliteTransaction) -> None:
    assert begin(tx, keyed(), NOW)
    assert verdict(tx, keyed()) == Running()
    assert finish(tx, "7", "k", ANSWER)
    assert verdict(tx, keyed()) == Replay(ANSWER)


def test_a_request_that_did_nothing_gives_its_key_back(tx: SqliteTransaction) -> None:
    begin(tx, keyed(), NOW)
    assert abandon(tx, "7", "k")
    assert verdict(tx, keyed()) == Fresh()


def test_a_stored_answer_is_neither_changed_nor_given_back(tx: SqliteTransaction) -> None:
    keep(tx, keyed(), ANSWER, NOW)
    assert not finish(tx, "7", "k", StoredAnswer(500))
    assert not abandon(tx, "7", "k")
    assert not keep(tx, keyed(), StoredAnswer(500), NOW)
    assert not begin(tx, keyed(), NOW)
    assert verdict(tx, keyed()) == Replay(ANSWER)


def test_the_same_key_with_another_request_is_a_mismatch_running_or_done(tx: SqliteTransaction) -> None:
    begin(tx, keyed(), NOW)
    other = keyed(body=b'{"transactionId":"b"}')
    assert verdict(tx, other) == Mismatch()
    finish(tx, "7", "k", ANSWER)
    assert verdict(tx, other) == Mismatch()


def test_each_key_space_has_its_own_keys(tx: SqliteTransaction) -> None:
    keep(tx, keyed(space="7"), ANSWER, NOW)
    assert verdict(tx, keyed(space="8")) == Fresh()
    assert keep(tx, keyed(space="8"), StoredAnswer(200), NOW)
    assert verdict(tx, keyed(space="7")) == Replay(ANSWER)


def test_a_key_is_kept_for_24_hours_and_may_then_be_used_again(tx: SqliteTransaction) -> None:
    keep(tx, keyed(), ANSWER, NOW)
    assert verdict(tx, keyed(), NOW + KEPT_MS - 1) == Replay(ANSWER)
    later = NOW + KEPT_MS
    assert verdict(tx, keyed(), later) == Fresh()
    assert keep(tx, keyed(), StoredAnswer(200), later)
    assert verdict(tx, keyed(), later) == Replay(StoredAnswer(200, b"", {}))


def test_expired_records_are_deleted_a_bounded_number_at_a_time(tx: SqliteTransaction) -> None:
    for number in range(10):
        keep(tx, keyed(key=str(number)), ANSWER, NOW + number)
    later = NOW + KEPT_MS + 6
    assert [expire(tx, later, limit=3) for _ in range(4)] == [3, 3, 1, 0]
    assert find(tx, "7", "7", later) is not None


def test_a_key_used_again_does_not_stand_in_the_way_of_others_that_expire(tx: SqliteTransaction) -> None:
    for key in ("renewed", "old"):
        keep(tx, keyed(key=key), ANSWER, NOW)
    later = NOW + KEPT_MS
    keep(tx, keyed(key="renewed"), ANSWER, later)
    assert expire(tx, later, limit=1) == 1
    assert verdict(tx, keyed(key="renewed"), later) == Replay(ANSWER)


def test_a_record_says_when_it_was_made_and_when_it_expires(tx: SqliteTransaction) -> None:
    begin(tx, keyed(), NOW)
    assert find(tx, "7", "k", NOW) == Record(keyed().fingerprint, NOW, NOW + KEPT_MS, None)


@given(JSON)
def test_key_order_and_white_space_do_not_matter(value: object) -> None:
    def backwards(part: object) -> object:
        if isinstance(part, dict):
            return {key: backwards(part[key]) for key in reversed(part)}
        return [backwards(item) for item in part] if isinstance(part, list) else part

    compact = json.dumps(value, separators=(",", ":")).encode()
    spread = json.dumps(backwards(value), indent=3, ensure_ascii=False).encode()
    assert fingerprint("POST", "/", compact) == fingerprint("POST", "/", spread)


@given(JSON, JSON)
def test_bodies_that_say_something_else_differ(one: object, other: object) -> None:
    first, second = json.dumps(one, sort_keys=True).encode(), json.dumps(other, sort_keys=True).encode()
    assert (fingerprint("POST", "/", first) == fingerprint("POST", "/", second)) == (first == second)


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PATCH", "/a", b"{}"),
        ("POST", "/b", b"{}"),
        ("POST", "/a", None),
        ("POST", "/a", b'{"a":1}'),
        ("POST", "/", b"a"),
    ],
)
def test_method_path_and_body_each_make_a_request_another_one(method: str, path: str, body: bytes | None) -> None:
    assert fingerprint(method, path, body) != fingerprint("POST", "/a", b"{}")


def test_no_body_and_an_empty_one_are_the_same() -> None:
    assert fingerprint("POST", "/a", None) == fingerprint("POST", "/a", b"")


@pytest.mark.parametrize(
    "body", [b"{", b"\xff", b"[" * 5000 + b"]" * 5000, b"9" * 5000, b'"\\ud800"', b"1e999", b"[1e308,2]"]
)
def test_a_body_that_is_no_usable_json_counts_byte_for_byte(body: bytes) -> None:
    assert fingerprint("POST", "/a", body) == fingerprint("POST", "/a", body)
    assert fingerprint("POST", "/a", body) != fingerprint("POST", "/a", body + b"!")
