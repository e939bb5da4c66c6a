"""What somebody tries with a locker: the change is written, and the audit entry whatever came of it."""

from collections.abc import Callable, Mapping
from functools import partial

import msgspec

from openharbor.cloud import audit
from openharbor.cloud.audit import NO_DETAILS
from openharbor.cloud.lockers import store
from openharbor.cloud.lockers.change import Change
from openharbor.cloud.lockers.store import Loaded
from openharbor.cloud.parts import CloudParts
from openharbor.cloud.scope import TenantScope
from openharbor.kit.database.face import Transaction
from openharbor.kit.errors import Refusal
from openharbor.kit.http.operation import Call
from openharbor.kit.webhooks import ID_BYTES, message_id


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """`action`: the operation's name. `actor` as in the audit log. `now`: ms since 1970."""

    action: str
    actor: str
    now: int
    new_message_id: Callable[[], str]


def carry_out(
    scope: TenantScope,
    tx: Transaction,
    attempt: Attempt,
    decided: Change | Refusal,
    *,
    tower_id: str | None,
    locker_id: int | None,
    details: Mapping[str, object] = NO_DETAILS,
) -> None:
    """Writes the change, or nothing; and the audit entry, with the row of locker-states.md 4 or the refusal's text."""
    if isinstance(decided, Change):
        store.keep(scope, tx, decided, now=attempt.now, new_message_id=attempt.new_message_id)
    outcome = decided.row if isinstance(decided, Change) else decided.message
    note(scope, tx, attempt, outcome, tower_id=tower_id, locker_id=locker_id, details=details)


def note(
    scope: TenantScope,
    tx: Transaction,
    attempt: Attempt,
    outcome: str,
    *,
    tower_id: str | None,
    locker_id: int | None = None,
    details: Mapping[str, object] = NO_DETAILS,
) -> None:
    """The audit entry of an attempt. `outcome`: what came of it, or the refusal's text."""
    audit.note(
        scope,
        tx,
        at=attempt.now,
        actor=attempt.actor,
        action=attempt.action,
        outcome=outcome,
        tower_id=tower_id,
        locker_id=locker_id,
        details=details,
    )


def try_on(
    scope: TenantScope,
    tx: Transaction,
    attempt: Attempt,
    found: Loaded | Refusal,
    decide: Callable[[Loaded], Change | Refusal],
    *,
    tower_id: str | None,
    locker_id: int | None,
    details: Mapping[str, object] = NO_DETAILS,
) -> Loaded | Refusal:
    """The locker after the decision, which is carried out; or why it was not found, or not changed."""
    decided = found if isinstance(found, Refusal) else decide(found)
    carry_out(scope, tx, attempt, decided, tower_id=tower_id, locker_id=locker_id, details=details)
    if isinstance(found, Refusal):
        return found
    return decided if isinstance(decided, Refusal) else Loaded(decided.locker, found.tower, found.shown)


def organization_of(scope: TenantScope) -> int:
    """Who asks. Raises ValueError for the installation, which holds no lockers."""
    if scope.organization_id is None:
        raise ValueError("only an organization can hold a locker")
    return scope.organization_id


def attempt_of(parts: CloudParts, call: Call, action: str) -> Attempt:
    """What the caller of this request tries."""
    actor = f"{call.caller.kind}:{call.caller.name}"
    return Attempt(action=action, actor=actor, now=call.received_at, new_message_id=partial(new_message_id, parts))


def new_message_id(parts: CloudParts) -> str:
    """A `webhook-id` of this moment."""
    return message_id(parts.clock.now(), parts.random(ID_BYTES))
