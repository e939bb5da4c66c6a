"""The audit log of the cloud: every attempt, its caller, its outcome and its reason."""

from collections.abc import Mapping

import msgspec

from openharbor.cloud.scope import TenantScope
from openharbor.kit.database.face import Transaction

NO_DETAILS: Mapping[str, object] = {}
encode = msgspec.json.Encoder().encode

INSERT = (
    "INSERT INTO audit (at, actor, organization_id, action, tower_id, locker_id, outcome, details)"
    " VALUES (:at, :actor, :organization_id, :action, :tower_id, :locker_id, :outcome, :details)"
)


def note(
    scope: TenantScope,
    tx: Transaction,
    *,
    at: int,
    actor: str,
    action: str,
    outcome: str,
    tower_id: str | None = None,
    locker_id: int | None = None,
    details: Mapping[str, object] = NO_DETAILS,
) -> None:
    """One entry. `actor`: `client:NAME`, `operator:EMAIL`, `worker`, `command line`. `outcome`: row or refusal."""
    tx.execute(
        INSERT,
        at=at,
        actor=actor,
        organization_id=scope.organization_id,
        action=action,
        tower_id=tower_id,
        locker_id=locker_id,
        outcome=outcome,
        details=encode(details).decode() if details else "{}",
    )
