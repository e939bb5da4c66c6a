"""The outbox: the events of a change become deliveries in the same unit of work (webhooks.md 5)."""

from collections.abc import Callable, Sequence

import msgspec

from openharbor.cloud.lockers.change import Notice
from openharbor.cloud.scope import TenantScope
from openharbor.cloud.webhooks.events import TOKEN_CREATED, body_of
from openharbor.kit.database.face import Row, Transaction

LISTENING = "SELECT id, events FROM webhook_endpoints WHERE organization_id = :organization_id AND enabled = 1"
LISTENING_TO_TOWER = (
    "SELECT id, events FROM webhook_endpoints WHERE enabled = 1"
    " AND (EXISTS (SELECT 1 FROM towers WHERE id = :tower_id AND access = 'public')"
    " OR organization_id IN (SELECT organization_id FROM tower_organizations WHERE tower_id = :tower_id))"
)
PAYLOAD = "SELECT payload FROM links WHERE id = :link_id"
# What waits behind a delivery that was put off is put off with it, so that a look at what is due stays short. Behind
# one that is being attempted it is due at once, and its turn comes when that one is finished.
INSERT = (
    "INSERT INTO webhook_deliveries (id, endpoint_id, lane, sequence, event, source, tower_id, locker_id, body, status,"
    " created_at, next_attempt_at, attempts) VALUES (:id, :endpoint_id, :lane,"
    " COALESCE((SELECT MAX(sequence) FROM webhook_deliveries"
    " WHERE endpoint_id = :endpoint_id AND lane = :lane AND status = 'pending'), 0) + 1,"
    " :event, :source, :tower_id, :locker_id, :body, 'pending', :now,"
    " COALESCE((SELECT MAX(CASE WHEN claimed_until IS NULL THEN next_attempt_at END) FROM webhook_deliveries"
    " WHERE endpoint_id = :endpoint_id AND lane = :lane AND status = 'pending' AND next_attempt_at > :now), :now),"
    " '[]')"
)

NAMES = msgspec.json.Decoder(list[str])
Listeners = list[tuple[int, frozenset[str]]]  # endpoints and what they subscribed to; nothing named: everything


def record(
    scope: TenantScope, tx: Transaction, notices: Sequence[Notice], *, recorded_at: int, new_id: Callable[[], str]
) -> None:
    """One delivery for each notice and each enabled endpoint that subscribed to it.

    `recorded_at`: ms since 1970. `new_id`: a `webhook-id`. An event goes to whom it concerns, whoever caused it: a
    request of one organization may bring to light that the reservation of another ran out.
    """
    listeners: dict[tuple[int | None, str], Listeners] = {}
    payloads: dict[int, str] = {}
    for notice in notices:
        key = (notice.organization_id, notice.tower_id if notice.organization_id is None else "")
        if key not in listeners:
            listeners[key] = _listeners(scope, tx, notice)
        endpoints = [number for number, names in listeners[key] if not names or notice.event in names]
        if endpoints:
            body = body_of(notice, _payload(scope, tx, notice, payloads), recorded_at).decode()
            for endpoint_id in endpoints:
                queue(
                    scope,
                    tx,
                    notice,
                    body,
                    lane=lane_of(notice),
                    endpoint_id=endpoint_id,
                    id_=new_id(),
                    now=recorded_at,
                )


def lane_of(notice: Notice) -> str:
    """What is strictly in order: one locker's events, and one tower's TOWER_SYNCED."""
    return f"tower:{notice.tower_id}" if notice.locker_id is None else f"locker:{notice.locker_id}"


def queue(
    _scope: TenantScope,
    tx: Transaction,
    notice: Notice,
    body: str,
    *,
    lane: str | None,
    endpoint_id: int,
    id_: str,
    now: int,
) -> None:
    """One delivery, due at once or after what its lane waits for. `lane` None: outside any order."""
    tx.execute(
        INSERT,
        id=id_,
        endpoint_id=endpoint_id,
        lane=lane,
        event=notice.event,
        source=notice.source,
        tower_id=notice.tower_id,
        locker_id=notice.locker_id,
        body=body,
        now=now,
    )


def _listeners(_scope: TenantScope, tx: Transaction, notice: Notice) -> Listeners:
    if notice.organization_id is None:
        rows: list[Row] = tx.all(LISTENING_TO_TOWER, tower_id=notice.tower_id)
    else:
        rows = tx.all(LISTENING, organization_id=notice.organization_id)
    return [(row["id"], frozenset(NAMES.decode(row["events"]))) for row in rows]


def _payload(
    _scope: TenantScope,
    tx: Transaction,
    notice: Notice,
    known: dict[int, str],
) -> str | None:
    """What the notice's link was given. Raises LookupError for a link that is not stored: it is written first."""
    link_id = notice.link_id
    if link_id is None or notice.source == TOKEN_CREATED:
        return None
    if link_id not in known:
        row = tx.one(PAYLOAD, link_id=link_id)
        if row is None:
            raise LookupError(f"the link {link_id} of an event is not stored")
        known[link_id] = row["payload"]
    return known[link_id]
