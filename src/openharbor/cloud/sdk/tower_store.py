"""SQL of the SDK API: a tower as phones are let in to it, and how its lockers are wired."""

import msgspec

from openharbor.cloud.catalog.store import OPEN_TOWER
from openharbor.cloud.scope import TenantScope
from openharbor.kit.database.face import Row, Transaction

TOWER = (
    "SELECT t.id, t.name, t.description, t.system_id, t.tower_model_id, t.location_id, t.access, t.for_test,"
    " t.rotation, "
)
IS_OPEN = f"CASE WHEN {OPEN_TOWER} THEN 1 ELSE 0 END AS is_open"


class TowerRow(msgspec.Struct, frozen=True, kw_only=True):
    """A tower in the catalog. `rotation` None: not provisioned. `is_open`: to the scope that it was read for."""

    tower_id: str
    name: str
    description: str | None
    system_id: int
    tower_model_id: int
    location_id: int
    access: str
    for_test: bool
    rotation: int | None
    is_open: bool


class Wiring(msgspec.Struct, frozen=True):
    """How a locker is configured. `port` -1: none. `door_sensor`: normal, inverted, none."""

    number: int
    port: int
    type_id: int
    door_sensor: str


def find_tower(scope: TenantScope, tx: Transaction, tower_id: str) -> TowerRow | None:
    """The tower, whether it is open or not; None: there is none."""
    row = tx.one(
        f"{TOWER}{IS_OPEN} FROM towers t WHERE t.id = :tower_id",
        tower_id=tower_id,
        organization_id=scope.organization_id,
    )
    return None if row is None else _tower(row)


def wiring(_scope: TenantScope, tx: Transaction, tower_id: str) -> list[Wiring]:
    """Of a tower's lockers, by number."""
    rows = tx.all(
        "SELECT number, port, type_id, door_sensor FROM lockers WHERE tower_id = :tower_id ORDER BY number",
        tower_id=tower_id,
    )
    return [Wiring(row["number"], row["port"], row["type_id"], row["door_sensor"]) for row in rows]


def _tower(row: Row) -> TowerRow:
    return TowerRow(
        tower_id=row["id"],
        name=row["name"],
        description=row["description"],
        system_id=row["system_id"],
        tower_model_id=row["tower_model_id"],
        location_id=row["location_id"],
        access=row["access"],
        for_test=row["for_test"] == 1,
        rotation=row["rotation"],
        is_open=row["is_open"] == 1,
    )
