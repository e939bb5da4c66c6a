"""SQL of the sender: what is due, whose turn it is, and what came of it.

A claim is a lease: it puts the next attempt at its own end, so that what a killed sender had claimed becomes due again.
"""

from collections.abc import Mapping

import msgspec

from openharbor.cloud import audit
from openharbor.cloud.scope import TenantScope
from openharbor.cloud.webhooks.delivery import Attempt
from openharbor.cloud.webhooks.retry_policy import Decision, decide, succeeded
from openharbor.cloud.webhooks.signing import Secrets
from openharbor.kit.database.face import Row, Transaction

MOST_ATTEMPTS_KEPT = 32
DUE = (
    "SELECT e.id, (SELECT MIN(d.next_attempt_at) FROM webhook_deliveries d"
    " WHERE d.endpoint_id = e.id AND d.next_attempt_at IS NOT NULL) AS due_at"
    " FROM webhook_endpoints e WHERE e.enabled = 1"
)
ENDPOINT = (
    "SELECT id, organization_id, url, sealed_secret, sealed_previous, previous_until FROM webhook_endpoints"
    " WHERE id = :endpoint_id AND enabled = 1"
)
# At most the first of each lane that is not finished. Without a lane nothing is ahead.
HEADS = (
    "SELECT d.id, d.lane, d.body, d.failed FROM webhook_deliveries d"
    " WHERE d.endpoint_id = :endpoint_id AND d.status = 'pending' AND d.next_attempt_at <= :now"
    " AND NOT EXISTS (SELECT 1 FROM webhook_deliveries a WHERE a.endpoint_id = d.endpoint_id AND a.lane = d.lane"
    " AND a.status = 'pending' AND (a.sequence < d.sequence OR (a.sequence = d.sequence AND a.id < d.id)))"
    " ORDER BY d.next_attempt_at LIMIT :most FOR UPDATE SKIP LOCKED"
)
CLAIM = "UPDATE webhook_deliveries SET claimed_until = :until, next_attempt_at = :until WHERE id = :id"
CLAIMED = (
    "SELECT d.attempts, d.failed FROM webhook_deliveries d"
    " WHERE d.id = :id AND d.status = 'pending' AND d.claimed_until = :until FOR UPDATE"
)
FINISH = (
    "UPDATE webhook_deliveries SET status = :status, next_attempt_at = :next_attempt_at, claimed_until = NULL,"
    " attempts = :attempts, failed = :failed, finished_at = :finished_at WHERE id = :id"
)
PUT_OFF_BEHIND = (
    "UPDATE webhook_deliveries SET next_attempt_at = :next_attempt_at WHERE endpoint_id = :endpoint_id"
    " AND lane = :lane AND status = 'pending' AND next_attempt_at < :next_attempt_at"
)
DISABLE = "UPDATE webhook_endpoints SET enabled = 0, updated_at = :now WHERE id = :endpoint_id AND enabled = 1"
GIVE_BACK = (
    "UPDATE webhook_deliveries SET claimed_until = NULL, next_attempt_at = :now"
    " WHERE id = :id AND status = 'pending' AND claimed_until = :until"
)

ATTEMPTS = msgspec.json.Decoder(list[Attempt])


class Claim(msgspec.Struct, frozen=True):
    """A delivery that this sender alone attempts until `until` (ms since 1970)."""

    id: str
    endpoint_id: int
    organization_id: int
    lane: str | None
    url: str
    secrets: Secrets
    body: bytes
    until: int


def due(_scope: TenantScope, tx: Transaction) -> dict[int, int]:
    """Enabled endpoints for which something waits, and when the first of it is due."""
    return {row["id"]: row["due_at"] for row in tx.all(DUE) if row["due_at"] is not None}


def claim(scope: TenantScope, tx: Transaction, wanted: Mapping[int, int], now: int, until: int) -> list[Claim]:
    """Up to so many deliveries of each of these endpoints."""
    claims: list[Claim] = []
    for endpoint_id, most in wanted.items():
        endpoint = tx.one(ENDPOINT, endpoint_id=endpoint_id)
        if endpoint is not None:
            claims += _claim(scope, tx, endpoint, most, now, until)
    return claims


def _claim(_scope: TenantScope, tx: Transaction, endpoint: Row, most: int, now: int, until: int) -> list[Claim]:
    rows = tx.all(HEADS, endpoint_id=endpoint["id"], now=now, most=most)
    for row in rows:
        tx.execute(CLAIM, id=row["id"], until=until)
    secrets = Secrets(endpoint["sealed_secret"], endpoint["sealed_previous"], endpoint["previous_until"])
    return [
        Claim(
            row["id"],
            endpoint["id"],
            endpoint["organization_id"],
            row["lane"],
            endpoint["url"],
            secrets,
            row["body"].encode(),
            until,
        )
        for row in rows
    ]


def finish(_scope: TenantScope, tx: Transaction, claim: Claim, attempt: Attempt, now: int) -> Decision | None:
    """What becomes of a delivery after an attempt; None: the claim had run out, and it is another's."""
    row = tx.one(CLAIMED, id=claim.id, until=claim.until)
    if row is None:
        return None
    decision = decide(attempt.response_status, row["failed"], now)
    attempts = [*ATTEMPTS.decode(row["attempts"]), attempt][-MOST_ATTEMPTS_KEPT:]
    tx.execute(
        FINISH,
        id=claim.id,
        status=decision.status,
        next_attempt_at=decision.next_attempt_at,
        attempts=msgspec.json.encode(attempts).decode(),
        failed=row["failed"] + (not succeeded(attempt.response_status)),
        finished_at=None if decision.status == "pending" else now,
    )
    if decision.next_attempt_at is not None and claim.lane is not None:
        tx.execute(
            PUT_OFF_BEHIND,
            next_attempt_at=decision.next_attempt_at,
            endpoint_id=claim.endpoint_id,
            lane=claim.lane,
        )
    if decision.disables_endpoint:
        _disable(TenantScope(claim.organization_id), tx, claim.endpoint_id, now)
    return decision


def give_back(_scope: TenantScope, tx: Transaction, claims: list[Claim], now: int) -> None:
    """These were not finished: they are due again at once."""
    for claim in claims:
        tx.execute(GIVE_BACK, id=claim.id, until=claim.until, now=now)


def _disable(scope: TenantScope, tx: Transaction, endpoint_id: int, now: int) -> None:
    """The receiver answered 410."""
    if tx.execute(DISABLE, endpoint_id=endpoint_id, now=now):
        audit.note(
            scope,
            tx,
            at=now,
            actor="worker",
            action="disable_webhook_endpoint",
            outcome="410",
            details={"webhook_endpoint_id": endpoint_id},
        )
