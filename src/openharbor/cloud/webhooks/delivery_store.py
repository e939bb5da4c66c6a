"""SQL of deliveries as their organization sees them: what is listed, and what is asked for again."""

import msgspec

from openharbor.cloud.scope import TenantScope
from openharbor.cloud.webhooks.delivery import Attempt
from openharbor.cloud.webhooks.retry_policy import DeliveryStatus
from openharbor.kit.database.face import Row, Transaction

SELECT = (
    "SELECT id, endpoint_id, event, source, tower_id, locker_id, status, created_at, next_attempt_at, attempts"
    " FROM webhook_deliveries"
)

ATTEMPTS = msgspec.json.Decoder(tuple[Attempt, ...])


class Delivery(msgspec.Struct, frozen=True):
    """One event for one endpoint. Times: ms since 1970."""

    id: str
    endpoint_id: int
    event: str
    source: str
    tower_id: str
    locker_id: int | None
    status: DeliveryStatus
    created_at: int
    next_attempt_at: int | None
    attempts: tuple[Attempt, ...]


def page(
    _scope: TenantScope, tx: Transaction, endpoint_id: int, status: DeliveryStatus | None, skip: int, limit: int
) -> list[Delivery]:
    """Newest first; `status` None: all. The endpoint was found in the same scope."""
    chosen = "" if status is None else " AND status = :status"
    rows = tx.all(
        f"{SELECT} WHERE endpoint_id = :endpoint_id{chosen}"
        " ORDER BY created_at DESC, id DESC LIMIT :limit OFFSET :skip",
        endpoint_id=endpoint_id,
        limit=limit,
        skip=skip,
        **({} if status is None else {"status": status}),
    )
    return [delivery_of(row) for row in rows]


def find(_scope: TenantScope, tx: Transaction, endpoint_id: int, delivery_id: str) -> Delivery | None:
    row = tx.one(
        f"{SELECT} WHERE id = :id AND endpoint_id = :endpoint_id FOR UPDATE",
        id=delivery_id,
        endpoint_id=endpoint_id,
    )
    return None if row is None else delivery_of(row)


def send_again(_scope: TenantScope, tx: Transaction, delivery_id: str, now: int) -> None:
    """Due now, with all its attempts before it, and outside the order of its locker's events."""
    tx.execute(
        "UPDATE webhook_deliveries SET status = 'pending', lane = NULL, failed = 0, next_attempt_at = :now,"
        " finished_at = NULL WHERE id = :id",
        id=delivery_id,
        now=now,
    )


def delivery_of(row: Row) -> Delivery:
    return Delivery(
        id=row["id"],
        endpoint_id=row["endpoint_id"],
        event=row["event"],
        source=row["source"],
        tower_id=row["tower_id"],
        locker_id=row["locker_id"],
        status=row["status"],
        created_at=row["created_at"],
        next_attempt_at=row["next_attempt_at"],
        attempts=ATTEMPTS.decode(row["attempts"]),
    )
