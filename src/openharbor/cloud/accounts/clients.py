"""Clients of the service-provider API: made, checked, revoked. Secrets are 256 random bits, so SHA-256 keeps them."""

import hashlib
import hmac
import re
from base64 import urlsafe_b64encode
from collections.abc import Iterable

import msgspec

from openharbor.cloud import audit
from openharbor.cloud.accounts import store
from openharbor.cloud.accounts.scopes import SCOPES, unknown_scopes
from openharbor.cloud.accounts.store import Client
from openharbor.cloud.scope import TenantScope
from openharbor.kit.database.face import Transaction
from openharbor.kit.errors import Failed

SECRET_BYTES = 32
SUFFIX_BYTES = 4
LONGEST_ID, LONGEST_SLUG = 128, 40
CLIENT_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
LONGEST_NAME = 200
NOBODY = "0" * 64  # the digest that an unknown client's secret is compared with


class NewClient(msgspec.Struct, frozen=True):
    """What a new client is made of, drawn before the unit of work. `client_id` None: made from the organization's name.

    `organization_id` is taken if the organization is new. `suffix` tells clients of one name apart.
    """

    organization: str
    organization_id: int
    secret_digest: str
    suffix: str
    client_id: str | None = None
    scopes: frozenset[str] = frozenset(SCOPES)


def secret_text(random: bytes) -> str:
    """A secret to be shown once. `random`: 32 bytes."""
    if len(random) < SECRET_BYTES:
        raise ValueError(f"a secret needs {SECRET_BYTES} random bytes")
    return urlsafe_b64encode(random).rstrip(b"=").decode("ascii")


def digest_of(secret: str) -> str:
    """How a secret of 256 random bits is stored."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def is_client_id(text: str) -> bool:
    """Whether a client may have this id: 1 to 128 letters, digits, '.', '_' or '-', a letter or digit first."""
    return CLIENT_ID.fullmatch(text) is not None


def is_authentic(client: Client | None, secret: str) -> bool:
    """Whether this secret is the client's, and the client not revoked. An unknown client costs the same."""
    expected = NOBODY if client is None else client.secret_digest
    same = hmac.compare_digest(expected, digest_of(secret))
    return same and client is not None and client.revoked_at is None


def new_client(
    organization: str,
    organization_id: int,
    *,
    secret: str,
    random: bytes,
    client_id: str | None = None,
    scopes: Iterable[str] = SCOPES,
) -> NewClient:
    """A client to be made. `random`: 4 bytes. Raises Failed naming what is wrong with name, id or scope."""
    name, wanted = organization.strip(), frozenset(scopes)
    if not 1 <= len(name) <= LONGEST_NAME or not name.isprintable():
        raise Failed(f"The name of an organization must be 1 to {LONGEST_NAME} printable characters", 2)
    if client_id is not None and not is_client_id(client_id):
        raise Failed(
            f"A client id must be 1 to {LONGEST_ID} letters, digits, '.', '_' or '-', a letter or digit first", 2
        )
    if not wanted or unknown_scopes(wanted, frozenset(SCOPES)):
        raise Failed(f"The scopes of a client must be one or more of {', '.join(SCOPES)}", 2)
    return NewClient(name, organization_id, digest_of(secret), random[:SUFFIX_BYTES].hex(), client_id, wanted)


def create_client(scope: TenantScope, tx: Transaction, new: NewClient, actor: str, now: int) -> Client:
    """The client, and its organization if that is new. Raises Failed when the id is taken."""
    organization_id = store.find_organization(scope, tx, new.organization)
    if organization_id is None:
        organization_id = new.organization_id
        store.add_organization(scope, tx, organization_id, new.organization, now)
    client_id = _free_id(scope, tx, new)
    client = Client(client_id, organization_id, new.secret_digest, new.scopes)
    store.add_client(scope, tx, client, now)
    audit.note(
        TenantScope(organization_id),
        tx,
        at=now,
        actor=actor,
        action="client.create",
        outcome="done",
        details={"client_id": client_id, "scopes": sorted(new.scopes)},
    )
    return client


def revoke_client(scope: TenantScope, tx: Transaction, client_id: str, actor: str, now: int) -> Client:
    """Ends a client: no token for it from now on, its tokens are refused within seconds. Raises Failed."""
    client = store.find_client(scope, tx, client_id)
    if client is None:
        raise Failed(f"No client has the id {client_id}")
    if not store.end_client(scope, tx, client_id, now):
        raise Failed(f"The client {client_id} is revoked already")
    store.end_tokens_of_client(scope, tx, client_id)
    audit.note(
        TenantScope(client.organization_id),
        tx,
        at=now,
        actor=actor,
        action="client.revoke",
        outcome="done",
        details={"client_id": client_id},
    )
    return msgspec.structs.replace(client, revoked_at=now)


def slug(name: str) -> str:
    """The name in lower-case letters, digits and hyphens; `client` if nothing is left of it."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:LONGEST_SLUG].strip("-") or "client"


def _free_id(scope: TenantScope, tx: Transaction, new: NewClient) -> str:
    client_id = slug(new.organization) if new.client_id is None else new.client_id
    if store.find_client(scope, tx, client_id) is None:
        return client_id
    if new.client_id is not None:
        raise Failed(f"A client with the id {client_id} exists already")
    return f"{client_id}-{new.suffix}"
