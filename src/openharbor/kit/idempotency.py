"""Records of requests made with an Idempotency-Key: what was asked, and the answer to give again.

Units of work call these functions with their transaction, so the record is durable together with what the request
did. Contract: gateway-local.yaml, "Idempotency". Times in ms since 1970, UTC.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from types import MappingProxyType
from typing import TYPE_CHECKING

import msgspec

from openharbor.kit.database.face import Transaction

if TYPE_CHECKING:  # a service that is at its schema's head starts without it
    from sqlalchemy import MetaData, Table

KEPT_MS = 24 * 3600 * 1000
NO_HEADERS: Mapping[str, str] = MappingProxyType({})

INSERT = (
    "INSERT INTO idempotency (key_space, idempotency_key, fingerprint, created_at, expires_at, status, headers, body)"
    " VALUES (:space, :key, :fingerprint, :now, :expires_at, :status, :headers, :body)"
    " ON CONFLICT (key_space, idempotency_key) DO NOTHING"
)
DELETE_EXPIRED = "DELETE FROM idempotency WHERE key_space = :space AND idempotency_key = :key AND expires_at <= :now"

_decode_headers = msgspec.json.Decoder(dict[str, str]).decode


class StoredAnswer(msgspec.Struct, frozen=True):
    """What was answered. `body` is UTF-8, as all JSON."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = NO_HEADERS


class Keyed(msgspec.Struct, frozen=True):
    """A request with an Idempotency-Key in its key space (one for each API key), and what it asks for."""

    space: str
    key: str
    fingerprint: str


class Record(msgspec.Struct, frozen=True):
    """What is stored under a key. `answer` None: the first request is still running, or was cut off."""

    fingerprint: str
    created_at: int
    expires_at: int
    answer: StoredAnswer | None


class Fresh(msgspec.Struct, frozen=True):
    """The key is unused: do the work."""


class Replay(msgspec.Struct, frozen=True):
    """The same request was answered: give that answer again, do nothing."""

    answer: StoredAnswer


class Running(msgspec.Struct, frozen=True):
    """The same request has begun and has no answer yet: do nothing."""


class Mismatch(msgspec.Struct, frozen=True):
    """The key was used with another request: 409 CONFLICT."""


Verdict = Fresh | Replay | Running | Mismatch


def judge(record: Record | None, fingerprint: str) -> Verdict:
    """What to do with a request, given what is stored under its key."""
    if record is None:
        return Fresh()
    if record.fingerprint != fingerprint:
        return Mismatch()
    return Running() if record.answer is None else Replay(record.answer)


def fingerprint(method: str, path: str, body: bytes | None) -> str:
    """SHA-256 in hex of what a request asks for.

    Key order and white space of a JSON body do not matter; a body that is not JSON counts byte for byte. No body and
    an empty one are the same, `{}` is another.
    """
    return sha256(b"\0".join((method.encode(), path.encode(), _canonical(body or b"")))).hexdigest()


def find(tx: Transaction, space: str, key: str, now: int) -> Record | None:
    """The record under this key, unless it has expired."""
    row = tx.one(
        "SELECT fingerprint, created_at, expires_at, status, headers, body FROM idempotency"
        " WHERE key_space = :space AND idempotency_key = :key AND expires_at > :now",
        space=space,
        key=key,
        now=now,
    )
    if row is None:
        return None
    answer = None
    if row["status"] is not None:
        answer = StoredAnswer(row["status"], row["body"].encode(), _decode_headers(row["headers"]))
    return Record(row["fingerprint"], row["created_at"], row["expires_at"], answer)


def begin(tx: Transaction, request: Keyed, now: int) -> bool:
    """Takes the key for a request whose answer comes later. False: it is taken, nothing was written."""
    return _insert(tx, request, None, now)


def keep(tx: Transaction, request: Keyed, answer: StoredAnswer, now: int) -> bool:
    """`begin` and `finish` in one, for work that is done in this very unit. False: the key is taken."""
    return _insert(tx, request, answer, now)


def finish(tx: Transaction, space: str, key: str, answer: StoredAnswer) -> bool:
    """Stores the answer of a request that has begun. False: there is none under this key."""
    changed = tx.execute(
        "UPDATE idempotency SET status = :status, headers = :headers, body = :body"
        " WHERE key_space = :space AND idempotency_key = :key AND status IS NULL",
        space=space,
        key=key,
        **_columns(answer),
    )
    return changed == 1


def abandon(tx: Transaction, space: str, key: str) -> bool:
    """Gives the key of a request back that has begun and did nothing. False: there is none under this key."""
    changed = tx.execute(
        "DELETE FROM idempotency WHERE key_space = :space AND idempotency_key = :key AND status IS NULL",
        space=space,
        key=key,
    )
    return changed == 1


def expire(tx: Transaction, now: int, limit: int = 500) -> int:
    """Deletes expired records, looking at the `limit` oldest ones; how many. Repeat while it returns `limit`."""
    return tx.execute(
        "DELETE FROM idempotency WHERE expires_at <= :now AND record_id IN"
        " (SELECT record_id FROM idempotency ORDER BY record_id LIMIT :limit)",
        now=now,
        limit=limit,
    )


def idempotency_table(metadata: MetaData) -> Table:
    """The table of these records, for a room to have among its own."""
    from sqlalchemy import BigInteger, Column, Integer, Table, Text, UniqueConstraint

    return Table(
        "idempotency",
        metadata,
        # Records expire in the order of their numbers, so the oldest are found without another index.
        Column("record_id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
        Column("key_space", Text, nullable=False),
        Column("idempotency_key", Text, nullable=False),
        Column("fingerprint", Text, nullable=False),
        Column("created_at", BigInteger, nullable=False),
        Column("expires_at", BigInteger, nullable=False),
        Column("status", Integer),  # null: no answer yet
        Column("headers", Text),
        Column("body", Text),
        UniqueConstraint("key_space", "idempotency_key"),
    )


def _insert(tx: Transaction, request: Keyed, answer: StoredAnswer | None, now: int) -> bool:
    """Puts a record in place of nothing or of an expired one, with a new number: `expire` goes by it."""
    values = {
        "space": request.space,
        "key": request.key,
        "fingerprint": request.fingerprint,
        "now": now,
        "expires_at": now + KEPT_MS,
        **_columns(answer),
    }
    if tx.execute(INSERT, **values) == 1:
        return True
    return tx.execute(DELETE_EXPIRED, space=request.space, key=request.key, now=now) == 1 and (
        tx.execute(INSERT, **values) == 1
    )


def _columns(answer: StoredAnswer | None) -> dict[str, object]:
    if answer is None:
        return {"status": None, "headers": None, "body": None}
    headers = msgspec.json.encode(dict(answer.headers)).decode()
    return {"status": answer.status, "headers": headers, "body": answer.body.decode()}


def _canonical(body: bytes) -> bytes:
    try:
        return msgspec.json.encode(msgspec.json.decode(body), order="sorted")
    except (ValueError, RecursionError, OverflowError):
        return body
