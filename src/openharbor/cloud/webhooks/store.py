"""SQL of webhook endpoints. A deleted one is seen by nobody; its row stays until its deliveries are gone."""

import msgspec

from openharbor.cloud.scope import TenantScope
from openharbor.cloud.webhooks.signing import Secrets
from openharbor.kit.database.face import Row, Transaction

SELECT = (
    "SELECT id, organization_id, url, events, description, enabled, sealed_secret, sealed_previous, previous_until,"
    " created_at, updated_at FROM webhook_endpoints"
)
INSERT = (
    "INSERT INTO webhook_endpoints (id, organization_id, url, events, description, enabled, sealed_secret,"
    " sealed_previous, previous_until, created_at, updated_at) VALUES (:id, :organization_id, :url, :events,"
    " :description, :enabled, :sealed_secret, :sealed_previous, :previous_until, :created_at, :updated_at)"
)
OWN = "organization_id = :organization_id AND deleted_at IS NULL"
COUNT = (
    "SELECT COUNT(*) AS count FROM webhook_endpoints WHERE organization_id = :organization_id AND deleted_at IS NULL"
)
DELETE = (
    "UPDATE webhook_endpoints SET enabled = 0, deleted_at = :now"
    " WHERE id = :id AND organization_id = :organization_id AND deleted_at IS NULL"
)

NAMES = msgspec.json.Decoder(tuple[str, ...])


class Endpoint(msgspec.Struct, frozen=True):
    """Where an organization wants to be told. `events` empty: of everything. Times: ms since 1970."""

    id: int
    organization_id: int
    url: str
    events: tuple[str, ...]
    description: str
    enabled: bool
    secrets: Secrets
    created_at: int
    updated_at: int


def add(_scope: TenantScope, tx: Transaction, endpoint: Endpoint) -> None:
    tx.execute(
        INSERT,
        organization_id=endpoint.organization_id,
        created_at=endpoint.created_at,
        **_values(endpoint),
    )


def change(_scope: TenantScope, tx: Transaction, endpoint: Endpoint) -> None:
    tx.execute(
        "UPDATE webhook_endpoints SET url = :url, events = :events, description = :description, enabled = :enabled,"
        " sealed_secret = :sealed_secret, sealed_previous = :sealed_previous, previous_until = :previous_until,"
        " updated_at = :updated_at WHERE id = :id",
        **_values(endpoint),
    )


def delete(scope: TenantScope, tx: Transaction, endpoint_id: int, now: int) -> bool:
    """Whether there was one. Nothing is sent from then on."""
    return bool(
        tx.execute(
            DELETE,
            now=now,
            id=endpoint_id,
            organization_id=scope.organization_id,
        )
    )


def find(scope: TenantScope, tx: Transaction, endpoint_id: int) -> Endpoint | None:
    row = tx.one(
        f"{SELECT} WHERE id = :id AND {OWN}",
        id=endpoint_id,
        organization_id=scope.organization_id,
    )
    return None if row is None else endpoint_of(row)


def find_to_change(scope: TenantScope, tx: Transaction, endpoint_id: int) -> Endpoint | None:
    row = tx.one(
        f"{SELECT} WHERE id = :id AND {OWN} FOR UPDATE",
        id=endpoint_id,
        organization_id=scope.organization_id,
    )
    return None if row is None else endpoint_of(row)


def own(scope: TenantScope, tx: Transaction) -> list[Endpoint]:
    """The organization's, by id."""
    rows = tx.all(f"{SELECT} WHERE {OWN} ORDER BY id", organization_id=scope.organization_id)
    return [endpoint_of(row) for row in rows]


def count(scope: TenantScope, tx: Transaction) -> int:
    row = tx.one(COUNT, organization_id=scope.organization_id)
    return row["count"] if row else 0


def endpoint_of(row: Row) -> Endpoint:
    return Endpoint(
        id=row["id"],
        organization_id=row["organization_id"],
        url=row["url"],
        events=NAMES.decode(row["events"]),
        description=msgspec.json.decode(row["description"], type=str),
        enabled=bool(row["enabled"]),
        secrets=Secrets(row["sealed_secret"], row["sealed_previous"], row["previous_until"]),
        created_at=row["created_at"],
        updated_at=row["updated_at"],
    )


def _values(endpoint: Endpoint) -> dict[str, object]:
    """`description` is kept as JSON text: it may hold any character."""
    return {
        "id": endpoint.id,
        "url": endpoint.url,
        "events": msgspec.json.encode(endpoint.events).decode(),
        "description": msgspec.json.encode(endpoint.description).decode(),
        "enabled": int(endpoint.enabled),
        "sealed_secret": endpoint.secrets.sealed,
        "sealed_previous": endpoint.secrets.sealed_previous,
        "previous_until": endpoint.secrets.previous_until,
        "updated_at": endpoint.updated_at,
    }
