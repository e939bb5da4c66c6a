"""Making, changing and deleting webhook endpoints: units of work. Secrets come in made and sealed."""

from collections.abc import Sequence

import msgspec
from msgspec import UNSET
from msgspec.structs import replace

from openharbor.cloud import audit
from openharbor.cloud.scope import TenantScope
from openharbor.cloud.webhooks import store
from openharbor.cloud.webhooks.messages import WebhookEndpointUpdate
from openharbor.cloud.webhooks.signing import rotated
from openharbor.cloud.webhooks.store import Endpoint
from openharbor.kit.database.face import Transaction
from openharbor.kit.errors import Refusal
from openharbor.kit.http.faults import field_fault

MOST_ENDPOINTS = 1000  # an organization
NOT_FOUND = Refusal("WEBHOOK_ENDPOINT_NOT_FOUND", 404, "Webhook endpoint not found")
DISABLED = Refusal("WEBHOOK_ENDPOINT_DISABLED", 409, "Webhook endpoint is disabled")
TOO_MANY = field_fault(("body", "url"), f"There are {MOST_ENDPOINTS} endpoints, and no more are allowed")
TWICE = field_fault(("body", "events"), "List items should be unique")
NOTHING = field_fault(("body",), "Dictionary should have at least 1 item", "too_short")


class Act(msgspec.Struct, frozen=True):
    """Who does it, as the audit log names them; when, in ms since 1970; the operation's id."""

    actor: str
    now: int
    action: str


def unfit(events: Sequence[str] | msgspec.UnsetType) -> Refusal | None:
    """422 for an event that is named twice."""
    return TWICE if events is not UNSET and len(set(events)) < len(events) else None


def create(scope: TenantScope, tx: Transaction, endpoint: Endpoint, act: Act) -> Endpoint | Refusal:
    if store.count(scope, tx) >= MOST_ENDPOINTS:
        return _noted(scope, tx, act, endpoint.id, TOO_MANY)
    store.add(scope, tx, endpoint)
    _note(scope, tx, act, endpoint.id, "done")
    return endpoint


def update(
    scope: TenantScope, tx: Transaction, endpoint_id: int, wanted: WebhookEndpointUpdate, sealed: str | None, act: Act
) -> Endpoint | Refusal:
    """`sealed`: the new secret, where one was asked for; the one before signs for another 24 hours."""
    found = store.find_to_change(scope, tx, endpoint_id)
    if found is None:
        return _noted(scope, tx, act, endpoint_id, NOT_FOUND)
    changed = changed_by(found, wanted, sealed, act.now)
    store.change(scope, tx, changed)
    _note(scope, tx, act, endpoint_id, "done")
    return changed


def changed_by(endpoint: Endpoint, wanted: WebhookEndpointUpdate, sealed: str | None, now: int) -> Endpoint:
    """The endpoint after a change; what was left out stays as it is."""
    return replace(
        endpoint,
        url=endpoint.url if wanted.url is UNSET else wanted.url,
        events=endpoint.events if wanted.events is UNSET else wanted.events,
        description=endpoint.description if wanted.description is UNSET else wanted.description,
        enabled=endpoint.enabled if wanted.enabled is UNSET else wanted.enabled,
        secrets=endpoint.secrets if sealed is None else rotated(endpoint.secrets, sealed, now),
        updated_at=now,
    )


def delete(scope: TenantScope, tx: Transaction, endpoint_id: int, act: Act) -> Refusal | None:
    """What is still pending is dropped with it."""
    if not store.delete(scope, tx, endpoint_id, act.now):
        return _noted(scope, tx, act, endpoint_id, NOT_FOUND)
    _note(scope, tx, act, endpoint_id, "done")
    return None


def _noted(scope: TenantScope, tx: Transaction, act: Act, endpoint_id: int, refusal: Refusal) -> Refusal:
    _note(scope, tx, act, endpoint_id, refusal.code)
    return refusal


def _note(scope: TenantScope, tx: Transaction, act: Act, endpoint_id: int, outcome: str) -> None:
    audit.note(
        scope,
        tx,
        at=act.now,
        actor=act.actor,
        action=act.action,
        outcome=outcome,
        details={"webhook_endpoint_id": endpoint_id},
    )
