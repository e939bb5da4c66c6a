"""What is read of the catalog: each a unit of work on one snapshot that gives an answer body, or a refusal."""

import msgspec

from openharbor.cloud.catalog import messages as m
from openharbor.cloud.catalog import store, views
from openharbor.cloud.catalog.closest import Point, box, closest, widening
from openharbor.cloud.scope import TenantScope
from openharbor.kit.database.face import Transaction
from openharbor.kit.errors import Refusal

LOCATION_NOT_FOUND = Refusal("LOCATION_NOT_FOUND", 404, "Location not found")
TOWER_NOT_FOUND = Refusal("TOWER_NOT_FOUND", 404, "Tower not found")
LOCKER_NOT_FOUND = Refusal("LOCKER_NOT_FOUND", 404, "Locker not found")


def locations(scope: TenantScope, tx: Transaction, *, skip: int, limit: int) -> list[m.Location]:
    return [views.location_body(row) for row in store.locations_page(scope, tx, skip=skip, limit=limit)]


def location(scope: TenantScope, tx: Transaction, *, location_id: int) -> m.Location | Refusal:
    row = store.location(scope, tx, location_id)
    return LOCATION_NOT_FOUND if row is None else views.location_body(row)


def closest_location(
    scope: TenantScope, tx: Transaction, *, lat: float, lon: float, radius: float
) -> m.Location | msgspec.Raw:
    """JSON null where none is near enough (degrees)."""
    for reach in widening(radius):
        rows = store.points_in(scope, tx, box(lat, lon, reach))
        found = closest((Point(row["id"], row["lat"], row["lon"]) for row in rows), lat, lon, reach)
        row = None if found is None else store.location(scope, tx, found)
        if row is not None:
            return views.location_body(row)
    return views.NULL


def location_availability(
    scope: TenantScope, tx: Transaction, *, location_id: int, now: int
) -> m.Availability | Refusal:
    """Over the towers that are open to the caller."""
    counts = store.location_counts(scope, tx, location_id, now)
    if not counts and not store.has_location(scope, tx, location_id):
        return LOCATION_NOT_FOUND
    ended = any(row["ended_holds"] for row in counts)
    holds = store.location_ended_holds(scope, tx, location_id, now) if ended else []
    return views.availability(counts, holds, store.locker_types(scope, tx), now)


def location_towers(scope: TenantScope, tx: Transaction, *, location_id: int) -> list[m.Tower] | Refusal:
    rows = store.location_towers(scope, tx, location_id)
    if not rows and not store.has_location(scope, tx, location_id):
        return LOCATION_NOT_FOUND
    return [views.tower_body(row) for row in rows]


def tower(scope: TenantScope, tx: Transaction, *, tower_id: str) -> m.Tower | Refusal:
    row = store.tower(scope, tx, tower_id)
    return TOWER_NOT_FOUND if row is None else views.tower_body(row)


def tower_lockers(scope: TenantScope, tx: Transaction, *, tower_id: str, now: int) -> list[m.Locker] | Refusal:
    rows = store.tower_lockers(scope, tx, tower_id, now)
    if not rows and not store.has_tower(scope, tx, tower_id):
        return TOWER_NOT_FOUND
    return [views.locker_body(row, now) for row in rows]


def tower_availability(scope: TenantScope, tx: Transaction, *, tower_id: str, now: int) -> m.Availability | Refusal:
    counts = store.tower_counts(scope, tx, tower_id, now)
    if not counts and not store.has_tower(scope, tx, tower_id):
        return TOWER_NOT_FOUND
    ended = any(row["ended_holds"] for row in counts)
    holds = store.tower_ended_holds(scope, tx, tower_id, now) if ended else []
    return views.availability(counts, holds, store.locker_types(scope, tx), now)


def locker(scope: TenantScope, tx: Transaction, *, tower_id: str, locker_id: int, now: int) -> m.Locker | Refusal:
    row = store.locker(scope, tx, tower_id, locker_id, now)
    if row is not None:
        return views.locker_body(row, now)
    return LOCKER_NOT_FOUND if store.has_tower(scope, tx, tower_id) else TOWER_NOT_FOUND


def locker_types(scope: TenantScope, tx: Transaction) -> list[m.LockerType]:
    return views.locker_type_bodies(store.locker_types(scope, tx))
