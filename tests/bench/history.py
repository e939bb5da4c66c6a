"""A gateway that has finished a million transactions: its journal, written straight into a database."""

import itertools
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import msgspec

from openharbor.kit.audit import AuditActor, AuditEntry, ChainHead, Facts, append

MINUTE_MS = 60_000
START = 1_700_000_000_000
ACTOR = AuditActor("loopback", None)

NUMBERS = "WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < :count)"
TRANSACTIONS = (
    f"{NUMBERS} INSERT INTO transactions"
    " (transaction_id, locker_id, created_at, last_opened_at, open_count, released_at)"
    " SELECT 'old-' || n, n % :lockers + 1, :start + n * 60000, :start + n * 60000 + 20000, 1,"
    " :start + n * 60000 + 50000 FROM numbers"
)
OPENINGS = (
    f"{NUMBERS} INSERT INTO openings (locker_id, transaction_row_id, actor_type, started_at, finished_at, outcome,"
    " confirmed, door_open, attempts, duration_ms)"
    " SELECT n % :lockers + 1, n, 'loopback', :start + n * 60000 + 19000, :start + n * 60000 + 20000, 'opened',"
    " 1, 1, 1, 1000 FROM numbers"
)
PULSES = (
    f"{NUMBERS} INSERT INTO pulses (opening_id, attempt, fired_at) SELECT n, 1, :start + n * 60000 + 19000 FROM numbers"
)
AUDIT = (
    "INSERT INTO audit (id, at, actor_type, actor_name, action, success, locker_id, transaction_id, controller_id,"
    " details, previous_hash, hash) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)


def write_history(database: Path, transactions: int, lockers: int) -> None:
    """Adds so many finished transactions, an open and an audit entry for each. The gateway must be stopped."""
    values = {"count": transactions, "lockers": lockers, "start": START}
    with sqlite3.connect(database, isolation_level=None) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("BEGIN")
        for statement in (TRANSACTIONS, OPENINGS, PULSES):
            connection.execute(statement, values)
        head = ChainHead(*connection.execute("SELECT id, hash FROM audit ORDER BY id DESC LIMIT 1").fetchone())
        connection.executemany(AUDIT, map(row, entries(head, transactions, lockers)))
        connection.execute("COMMIT")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()


def entries(head: ChainHead, count: int, lockers: int) -> Iterator[tuple[int, AuditEntry]]:
    """One release for each transaction, chained behind `head`."""
    for number in itertools.islice(itertools.count(1), count):
        at = START + number * MINUTE_MS
        facts = Facts(
            at, ACTOR, "TRANSACTION_RELEASED", True, number % lockers + 1, f"old-{number}", number % lockers // 64 + 1
        )
        head, entry = append(head, facts)
        yield at, entry


def row(found: tuple[int, AuditEntry]) -> tuple[object, ...]:
    at, entry = found
    return (
        entry.id,
        at,
        entry.actor.type,
        entry.actor.name,
        entry.action,
        int(entry.success),
        entry.locker_id,
        entry.transaction_id,
        entry.controller_id,
        msgspec.json.encode(entry.details).decode(),
        entry.previous_hash,
        entry.hash,
    )
