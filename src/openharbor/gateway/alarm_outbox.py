"""The webhooks of alarms that wait to be sent: rows written in the commit of the change (webhooks.md 5).

At least once, in strict order for each subject: the next one of a locker is not tried before the one ahead of it was
delivered or is dead.
"""

import msgspec

from openharbor.gateway.alarm_messages import webhook_json
from openharbor.gateway.alarms import Change
from openharbor.kit.database.face import Transaction as Tx
from openharbor.kit.webhooks import next_attempt_at

MOST_WAITING = 10_000  # a receiver that is away for a day hears of so many; alarms themselves are never left out


class Waiting(msgspec.Struct, frozen=True):
    """One webhook whose turn it is. `attempts`: those that failed so far."""

    row_id: int
    message_id: str
    body: bytes
    attempts: int


def put(tx: Tx, change: Change, message_id: str) -> None:
    """Records the webhook of a change; the oldest one is given up when too many wait."""
    waiting = tx.one("SELECT count(*) AS n, min(row_id) AS oldest FROM alarm_webhooks WHERE finished_at IS NULL")
    if waiting is not None and waiting["n"] >= MOST_WAITING:
        _end(tx, waiting["oldest"], change.at, delivered=False)
    tx.execute(
        "INSERT INTO alarm_webhooks (message_id, subject, body, created_at, attempts, due_at)"
        " VALUES (:message_id, :subject, :body, :at, 0, :at)",
        message_id=message_id,
        subject=change.alarm.cause.subject,
        body=webhook_json(change, change.at).decode(),
        at=change.at,
    )


def due(tx: Tx, now: int, most: int) -> list[Waiting]:
    """The first of each subject, where it is due, oldest first."""
    rows = tx.all(
        "SELECT row_id, message_id, body, attempts FROM alarm_webhooks WHERE row_id IN (SELECT min(row_id)"
        " FROM alarm_webhooks WHERE finished_at IS NULL GROUP BY subject) AND due_at <= :now"
        " ORDER BY row_id LIMIT :most",
        now=now,
        most=most,
    )
    return [Waiting(row["row_id"], row["message_id"], row["body"].encode(), row["attempts"]) for row in rows]


def finish(tx: Tx, one: Waiting, status: int | None, now: int) -> bool:
    """Notes how an attempt ended (`status` None: no answer); whether the webhook is given up now."""
    if status is not None and 200 <= status <= 299:
        _end(tx, one.row_id, now, delivered=True)
        return False
    again = next_attempt_at(one.attempts + 1, now)
    if again is None:
        _end(tx, one.row_id, now, delivered=False)
        return True
    tx.execute(
        "UPDATE alarm_webhooks SET attempts = :attempts, due_at = :due_at WHERE row_id = :row_id",
        attempts=one.attempts + 1,
        due_at=again,
        row_id=one.row_id,
    )
    return False


def forget_webhooks(tx: Tx, finished_before: int, most: int) -> int:
    """Deletes those that were delivered or given up long ago; how many."""
    return tx.execute(
        "DELETE FROM alarm_webhooks WHERE row_id IN (SELECT row_id FROM alarm_webhooks"
        " WHERE finished_at < :before ORDER BY row_id LIMIT :most)",
        before=finished_before,
        most=most,
    )


def _end(tx: Tx, row_id: int, now: int, *, delivered: bool) -> None:
    tx.execute(
        "UPDATE alarm_webhooks SET finished_at = :now, delivered = :delivered WHERE row_id = :row_id",
        now=now,
        delivered=int(delivered),
        row_id=row_id,
    )
