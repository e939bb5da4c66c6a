"""Reading the catalog: one function a query, each as far as it is open to the scope's organization.

A public tower is open to everybody, a private one to its organizations. A location is open with one of its towers, or
while it has no tower at all. The installation itself sees everything.
"""

from openharbor.cloud.catalog.closest import Box
from openharbor.cloud.scope import TenantScope
from openharbor.kit.database.face import Row, Transaction

# CAST tells PostgreSQL the type of a null.
OPEN_TOWER = (
    "(t.access = 'public' OR CAST(:organization_id AS BIGINT) IS NULL OR EXISTS (SELECT 1 FROM tower_organizations o"
    " WHERE o.tower_id = t.id AND o.organization_id = :organization_id))"
)
ITS_TOWERS = "SELECT 1 FROM towers t WHERE t.location_id = p.id"
OPEN_LOCATION = f"(EXISTS ({ITS_TOWERS} AND {OPEN_TOWER}) OR NOT EXISTS ({ITS_TOWERS}))"
LOCATION = (
    "SELECT p.id, p.name, p.lat, p.lon, p.description, p.address1, p.address2, p.city, p.state, p.zip, p.country,"
    " p.notes, p.access_hours, p.timezone FROM locations p"
)
TOWER = (
    "SELECT t.id, t.name, t.description, t.location_id, t.system_id, t.tower_model_id, t.access, t.for_test,"
    " t.firmware_version, t.last_visit_at, t.synced_s,"
    " (SELECT COUNT(*) FROM lockers l WHERE l.tower_id = t.id) AS locker_count FROM towers t"
)
# `ended_hold`: the whole state where only it tells what the end of a link hold made of the locker (row B2 or B3).
LOCKER = (
    "SELECT l.id, l.name, l.low, l.tower_id, l.type_id, k.name AS type_name, k.description AS type_description,"
    " t.access, CASE WHEN l.status = 2 AND l.due_at <= :now THEN 1 ELSE l.status END AS status,"
    " CASE WHEN l.status = 3 AND l.due_at <= :now THEN l.state END AS ended_hold"
    " FROM lockers l JOIN towers t ON t.id = l.tower_id JOIN locker_types k ON k.id = l.type_id"
)
COUNTS = (
    "SELECT l.type_id, COUNT(*) AS total,"
    " SUM(CASE WHEN l.status = 1 OR l.status = 2 AND l.due_at <= :now THEN 1 ELSE 0 END) AS free,"
    " SUM(CASE WHEN l.status = 3 AND l.due_at <= :now THEN 1 ELSE 0 END) AS ended_holds"
    " FROM towers t JOIN lockers l ON l.tower_id = t.id"
)
ENDED_HOLDS = (
    "SELECT l.type_id, l.state FROM towers t JOIN lockers l ON l.tower_id = t.id"
    " WHERE l.status = 3 AND l.due_at <= :now"
)
LOCATION_ID = "SELECT p.id FROM locations p"
TOWER_ID = "SELECT t.id FROM towers t"
POINT = "SELECT p.id, p.lat, p.lon FROM locations p"
IN_BOX = "p.lat BETWEEN :south AND :north AND (p.lon BETWEEN :west AND :east OR p.lon BETWEEN :west2 AND :east2)"


def locations_page(scope: TenantScope, tx: Transaction, *, skip: int, limit: int) -> list[Row]:
    """By id."""
    return tx.all(
        f"{LOCATION} WHERE {OPEN_LOCATION} ORDER BY p.id LIMIT :limit OFFSET :skip",
        organization_id=scope.organization_id,
        limit=limit,
        skip=skip,
    )


def location(scope: TenantScope, tx: Transaction, location_id: int) -> Row | None:
    """None: there is none, or it is not open."""
    return tx.one(
        f"{LOCATION} WHERE p.id = :location_id AND {OPEN_LOCATION}",
        organization_id=scope.organization_id,
        location_id=location_id,
    )


def has_location(scope: TenantScope, tx: Transaction, location_id: int) -> bool:
    """Whether it is there and open."""
    found = tx.one(
        f"{LOCATION_ID} WHERE p.id = :location_id AND {OPEN_LOCATION}",
        organization_id=scope.organization_id,
        location_id=location_id,
    )
    return found is not None


def points_in(scope: TenantScope, tx: Transaction, box: Box) -> list[Row]:
    """Id and coordinates of the open locations in a box."""
    return tx.all(
        f"{POINT} WHERE {IN_BOX} AND {OPEN_LOCATION}",
        organization_id=scope.organization_id,
        south=box.south,
        north=box.north,
        west=box.west,
        east=box.east,
        west2=box.west2,
        east2=box.east2,
    )


def location_towers(scope: TenantScope, tx: Transaction, location_id: int) -> list[Row]:
    """The open ones, by id."""
    return tx.all(
        f"{TOWER} WHERE t.location_id = :location_id AND {OPEN_TOWER} ORDER BY t.id",
        organization_id=scope.organization_id,
        location_id=location_id,
    )


def tower(scope: TenantScope, tx: Transaction, tower_id: str) -> Row | None:
    """None: there is none, or it is not open."""
    return tx.one(
        f"{TOWER} WHERE t.id = :tower_id AND {OPEN_TOWER}", organization_id=scope.organization_id, tower_id=tower_id
    )


def has_tower(scope: TenantScope, tx: Transaction, tower_id: str) -> bool:
    """Whether it is there and open."""
    found = tx.one(
        f"{TOWER_ID} WHERE t.id = :tower_id AND {OPEN_TOWER}",
        organization_id=scope.organization_id,
        tower_id=tower_id,
    )
    return found is not None


def tower_lockers(scope: TenantScope, tx: Transaction, tower_id: str, now: int) -> list[Row]:
    """By id; none for a tower that is not open."""
    return tx.all(
        f"{LOCKER} WHERE l.tower_id = :tower_id AND {OPEN_TOWER} ORDER BY l.id",
        organization_id=scope.organization_id,
        tower_id=tower_id,
        now=now,
    )


def locker(scope: TenantScope, tx: Transaction, tower_id: str, locker_id: int, now: int) -> Row | None:
    """None: it is not in this tower, or the tower is not open."""
    return tx.one(
        f"{LOCKER} WHERE l.id = :locker_id AND l.tower_id = :tower_id AND {OPEN_TOWER}",
        organization_id=scope.organization_id,
        tower_id=tower_id,
        locker_id=locker_id,
        now=now,
    )


def location_counts(scope: TenantScope, tx: Transaction, location_id: int, now: int) -> list[Row]:
    """By type, over the open towers."""
    return tx.all(
        f"{COUNTS} WHERE t.location_id = :location_id AND {OPEN_TOWER} GROUP BY l.type_id",
        organization_id=scope.organization_id,
        location_id=location_id,
        now=now,
    )


def tower_counts(scope: TenantScope, tx: Transaction, tower_id: str, now: int) -> list[Row]:
    """By type; none for a tower that is not open."""
    return tx.all(
        f"{COUNTS} WHERE t.id = :tower_id AND {OPEN_TOWER} GROUP BY l.type_id",
        organization_id=scope.organization_id,
        tower_id=tower_id,
        now=now,
    )


def location_ended_holds(scope: TenantScope, tx: Transaction, location_id: int, now: int) -> list[Row]:
    """Type and state of the lockers whose link hold is over and not written yet."""
    return tx.all(
        f"{ENDED_HOLDS} AND t.location_id = :location_id AND {OPEN_TOWER}",
        organization_id=scope.organization_id,
        location_id=location_id,
        now=now,
    )


def tower_ended_holds(scope: TenantScope, tx: Transaction, tower_id: str, now: int) -> list[Row]:
    """As `location_ended_holds`, of one tower."""
    return tx.all(
        f"{ENDED_HOLDS} AND t.id = :tower_id AND {OPEN_TOWER}",
        organization_id=scope.organization_id,
        tower_id=tower_id,
        now=now,
    )


def locker_types(_scope: TenantScope, tx: Transaction) -> list[Row]:
    """All of them; sizes belong to no organization."""
    return tx.all("SELECT id, name, display_name, description, width_mm, height_mm, depth_mm FROM locker_types")
