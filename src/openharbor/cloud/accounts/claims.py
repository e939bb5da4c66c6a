"""Claims of sessions with a tower: which ones everybody gets, and which a client must be allowed (sdk.yaml, Claim)."""

from collections.abc import Iterable
from typing import Final

from openharbor.cloud import audit
from openharbor.cloud.accounts import store
from openharbor.cloud.accounts.store import Client
from openharbor.cloud.scope import TenantScope
from openharbor.kit.database.face import Transaction
from openharbor.kit.errors import Failed

USUAL: Final = ("sync_packet", "locker_pickup", "locker_delivery")
STAFF: Final = ("owner", "technician", "developer")


def staff_claims(claims: Iterable[str]) -> frozenset[str]:
    """What a client is to be allowed. Raises Failed for what is no claim that can be allowed."""
    wanted = frozenset(claims)
    if not wanted <= frozenset(STAFF):
        raise Failed(f"The claims of a client must be among {', '.join(STAFF)}; every client has the others", 2)
    return wanted


def allow_claims(
    scope: TenantScope, tx: Transaction, client_id: str, claims: frozenset[str], actor: str, now: int
) -> Client:
    """The client, which may ask for these staff claims from now on, and for no others. Raises Failed."""
    if not store.set_claims(scope, tx, client_id, claims):
        raise Failed(f"No client has the id {client_id}, or it is revoked")
    client = store.find_client(scope, tx, client_id)
    if client is None:
        raise LookupError(f"client {client_id} was there a moment ago")
    audit.note(
        TenantScope(client.organization_id),
        tx,
        at=now,
        actor=actor,
        action="client.claims",
        outcome="done",
        details={"client_id": client_id, "claims": sorted(claims)},
    )
    return client
