"""The chain of the audit log: each entry carries the hash of the one before, so a change breaks every hash after it.

Domain-free and without I/O: a room defines the table, and keeps the `ChainHead` with the state it decides on, so
that a unit of work that is undone leaves the head where it was. Contract: gateway-admin.yaml, AuditEntry.
"""

from collections.abc import Iterable, Mapping
from hashlib import sha256

import msgspec

from openharbor.kit.errors import NO_DETAILS
from openharbor.kit.http.timestamps import rfc3339

FIRST_PREVIOUS_HASH = "0" * 64


class AuditActor(msgspec.Struct, frozen=True):
    """Who acted. `type`: admin, apiKey, loopback, fleet or system. `name` None: it has none."""

    type: str
    name: str | None


class Facts(msgspec.Struct, frozen=True):
    """What an entry is about. `at` in ms since 1970, UTC; numbers below 2**53, which is all RFC 8785 can say."""

    at: int
    actor: AuditActor
    action: str
    success: bool
    locker_id: int | None = None
    transaction_id: str | None = None
    controller_id: int | None = None
    details: Mapping[str, str] = NO_DETAILS


class AuditEntry(msgspec.Struct, frozen=True, rename="camel"):
    """One entry, field for field the contract's AuditEntry."""

    id: int
    timestamp: str
    actor: AuditActor
    action: str
    success: bool
    locker_id: int | None
    transaction_id: str | None
    controller_id: int | None
    details: dict[str, str]
    previous_hash: str
    hash: str


class ChainHead(msgspec.Struct, frozen=True):
    """The end of a chain: its last entry, or the state before the first one."""

    last_id: int = 0
    last_hash: str = FIRST_PREVIOUS_HASH


class _Actor(msgspec.Struct, frozen=True):
    name: str | None
    type: str


class _Canonical(msgspec.Struct, frozen=True, rename="camel"):
    """What is hashed. Fields stand in the order of RFC 8785; compact JSON of msgspec escapes strings as it says."""

    action: str
    actor: _Actor
    controller_id: int | None
    details: dict[str, str]
    id: int
    locker_id: int | None
    previous_hash: str
    success: bool
    timestamp: str
    transaction_id: str | None


_encode = msgspec.json.Encoder().encode


def append(head: ChainHead, facts: Facts) -> tuple[ChainHead, AuditEntry]:
    """The next entry of the chain, and the chain's new end."""
    entry = link(head.last_hash, head.last_id + 1, facts)
    return ChainHead(entry.id, entry.hash), entry


def link(previous_hash: str, entry_id: int, facts: Facts) -> AuditEntry:
    """The entry with this number, behind the one with that hash. Raises UnicodeEncodeError for a lone surrogate."""
    timestamp, details = rfc3339(facts.at), dict(facts.details)
    canonical_form = _Canonical(
        facts.action,
        _Actor(facts.actor.name, facts.actor.type),
        facts.controller_id,
        _ordered(details),
        entry_id,
        facts.locker_id,
        previous_hash,
        facts.success,
        timestamp,
        facts.transaction_id,
    )
    return AuditEntry(
        entry_id,
        timestamp,
        facts.actor,
        facts.action,
        facts.success,
        facts.locker_id,
        facts.transaction_id,
        facts.controller_id,
        details,
        previous_hash,
        sha256(_encode(canonical_form)).hexdigest(),
    )


def entry_of(entry_id: int, facts: Facts, previous_hash: str, entry_hash: str) -> AuditEntry:
    """An entry read from its row; nothing is checked."""
    return AuditEntry(
        id=entry_id,
        timestamp=rfc3339(facts.at),
        actor=facts.actor,
        action=facts.action,
        success=facts.success,
        locker_id=facts.locker_id,
        transaction_id=facts.transaction_id,
        controller_id=facts.controller_id,
        details=dict(facts.details),
        previous_hash=previous_hash,
        hash=entry_hash,
    )


def verify(entries: Iterable[AuditEntry], previous_hash: str = FIRST_PREVIOUS_HASH, next_id: int = 1) -> int | None:
    """The number of the first entry that is missing or not what was written, or None.

    `entries` in the order of their ids, one at a time: a million need no more memory than one. Entries cut off at
    the end leave a whole chain; only a head kept elsewhere shows them.
    """
    for entry in entries:
        if entry.id != next_id or entry.previous_hash != previous_hash or entry.hash != digest(entry):
            return next_id
        previous_hash, next_id = entry.hash, next_id + 1
    return None


def digest(entry: AuditEntry) -> str:
    """SHA-256 in hex of the canonical form."""
    return sha256(canonical(entry)).hexdigest()


def canonical(entry: AuditEntry) -> bytes:
    """The entry without `hash` as RFC 8785 JSON."""
    return _encode(
        _Canonical(
            action=entry.action,
            actor=_Actor(entry.actor.name, entry.actor.type),
            controller_id=entry.controller_id,
            details=_ordered(entry.details),
            id=entry.id,
            locker_id=entry.locker_id,
            previous_hash=entry.previous_hash,
            success=entry.success,
            timestamp=entry.timestamp,
            transaction_id=entry.transaction_id,
        )
    )


def _ordered(details: dict[str, str]) -> dict[str, str]:
    """Keys by UTF-16 code units (RFC 8785, 3.2.3)."""
    if len(details) < 2:
        return details
    return {key: details[key] for key in sorted(details, key=_utf16)}


def _utf16(key: str) -> bytes:
    return key.encode("utf-16-be")
