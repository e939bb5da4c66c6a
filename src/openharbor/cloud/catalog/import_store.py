"""SQL of the import: what is there, and the rows that are written."""

from collections.abc import Iterable, Mapping, Sequence

from openharbor.cloud.catalog.import_present import Columns, Difference
from openharbor.cloud.scope import TenantScope
from openharbor.kit.database.face import Row, Transaction

TYPE_COLUMNS = ("id", "name", "display_name", "description", "width_mm", "height_mm", "depth_mm")
TOWER_COLUMNS = ("id", "location_id", "name", "description", "access", "for_test", "system_id", "tower_model_id")
LOCATION_COLUMNS = (
    "key",
    "id",
    "name",
    "lat",
    "lon",
    "description",
    "address1",
    "address2",
    "city",
    "state",
    "zip",
    "country",
    "notes",
    "access_hours",
    "timezone",
)
LOCKER_COLUMNS = ("id", "tower_id", "number", "name", "type_id", "low", "port", "door_sensor", "status", "state")
LAST_IDS = {
    "organizations": "SELECT MAX(id) AS last FROM organizations",
    "locations": "SELECT MAX(id) AS last FROM locations",
    "lockers": "SELECT MAX(id) AS last FROM lockers",
}
# No name in a file has a control character: one that is to change is out of the way of every other meanwhile.
ASIDE = {
    "organizations": "UPDATE organizations SET name = :aside WHERE id = :id",
    "locker_types": "UPDATE locker_types SET name = :aside WHERE id = :id",
    "lockers": "UPDATE lockers SET name = :aside WHERE id = :id",
}


def claim_numbers(_scope: TenantScope, tx: Transaction, name: str) -> int:
    """The first number of a table that nobody has taken; other imports wait, or are repeated, until this unit ends."""
    row = tx.one(
        "INSERT INTO number_blocks (name, next) VALUES (:name, 1)"
        " ON CONFLICT (name) DO UPDATE SET next = number_blocks.next RETURNING next",
        name=name,
    )
    last = tx.one(LAST_IDS[name])
    following = 1 if row is None else row["next"]
    return following if last is None or last["last"] is None else max(following, last["last"] + 1)


def move_numbers(_scope: TenantScope, tx: Transaction, name: str, following: int) -> None:
    """Numbers are given out from `following` on."""
    tx.execute("UPDATE number_blocks SET next = :next WHERE name = :name", name=name, next=following)


def organizations(_scope: TenantScope, tx: Transaction) -> list[Columns]:
    return _columns(tx.all("SELECT id, key, name, created_at FROM organizations"), ("id", "key", "name", "created_at"))


def locker_types(_scope: TenantScope, tx: Transaction) -> list[Columns]:
    rows = tx.all("SELECT id, name, display_name, description, width_mm, height_mm, depth_mm FROM locker_types")
    return _columns(rows, TYPE_COLUMNS)


def locations(_scope: TenantScope, tx: Transaction) -> list[Columns]:
    rows = tx.all(
        "SELECT id, key, name, lat, lon, description, address1, address2, city, state, zip, country, notes,"
        " access_hours, timezone FROM locations"
    )
    return _columns(rows, LOCATION_COLUMNS)


def towers(_scope: TenantScope, tx: Transaction) -> list[Columns]:
    rows = tx.all("SELECT id, location_id, name, description, access, for_test, system_id, tower_model_id FROM towers")
    return _columns(rows, TOWER_COLUMNS)


def provisioned_towers(_scope: TenantScope, tx: Transaction) -> set[str]:
    """Ids of those that have a key."""
    return {row["id"] for row in tx.all("SELECT id FROM towers WHERE rotation IS NOT NULL")}


def tower_organizations(_scope: TenantScope, tx: Transaction) -> list[Row]:
    return tx.all("SELECT tower_id, organization_id FROM tower_organizations")


def tower_lockers(_scope: TenantScope, tx: Transaction, tower_id: str) -> list[Columns]:
    rows = tx.all(
        "SELECT id, tower_id, number, name, type_id, low, port, door_sensor, status, state FROM lockers"
        " WHERE tower_id = :tower_id",
        tower_id=tower_id,
    )
    return _columns(rows, LOCKER_COLUMNS)


def locker_place(_scope: TenantScope, tx: Transaction, locker_id: int) -> tuple[str, int] | None:
    """Tower and number; None: no locker has the id."""
    row = tx.one("SELECT tower_id, number FROM lockers WHERE id = :id", id=locker_id)
    return None if row is None else (row["tower_id"], row["number"])


def write_organizations(scope: TenantScope, tx: Transaction, rows: Difference) -> None:
    _set_aside(scope, tx, "organizations", rows)
    tx.execute_many(
        "UPDATE organizations SET key = :key, name = :name WHERE id = :id", _only(rows.change, "id key name")
    )
    tx.execute_many(
        "INSERT INTO organizations (id, key, name, created_at) VALUES (:id, :key, :name, :created_at)", rows.create
    )


def write_locker_types(scope: TenantScope, tx: Transaction, rows: Difference) -> None:
    _set_aside(scope, tx, "locker_types", rows)
    tx.execute_many(
        "UPDATE locker_types SET name = :name, display_name = :display_name, description = :description,"
        " width_mm = :width_mm, height_mm = :height_mm, depth_mm = :depth_mm WHERE id = :id",
        rows.change,
    )
    tx.execute_many(
        "INSERT INTO locker_types (id, name, display_name, description, width_mm, height_mm, depth_mm)"
        " VALUES (:id, :name, :display_name, :description, :width_mm, :height_mm, :depth_mm)",
        rows.create,
    )


def write_locations(_scope: TenantScope, tx: Transaction, rows: Difference) -> None:
    tx.execute_many(
        "UPDATE locations SET name = :name, lat = :lat, lon = :lon, description = :description, address1 = :address1,"
        " address2 = :address2, city = :city, state = :state, zip = :zip, country = :country, notes = :notes,"
        " access_hours = :access_hours, timezone = :timezone WHERE id = :id",
        [{name: value for name, value in row.items() if name != "key"} for row in rows.change],
    )
    tx.execute_many(
        "INSERT INTO locations (id, key, name, lat, lon, description, address1, address2, city, state, zip, country,"
        " notes, access_hours, timezone) VALUES (:id, :key, :name, :lat, :lon, :description, :address1, :address2,"
        " :city, :state, :zip, :country, :notes, :access_hours, :timezone)",
        rows.create,
    )


def write_towers(_scope: TenantScope, tx: Transaction, rows: Difference) -> None:
    tx.execute_many(
        "UPDATE towers SET location_id = :location_id, name = :name, description = :description, access = :access,"
        " for_test = :for_test, system_id = :system_id, tower_model_id = :tower_model_id WHERE id = :id",
        rows.change,
    )
    tx.execute_many(
        "INSERT INTO towers (id, location_id, name, description, access, for_test, system_id, tower_model_id)"
        " VALUES (:id, :location_id, :name, :description, :access, :for_test, :system_id, :tower_model_id)",
        rows.create,
    )


def write_tower_organizations(_scope: TenantScope, tx: Transaction, wanted: Mapping[str, Iterable[int]]) -> None:
    """These organizations and no others, tower by tower."""
    tx.execute_many(
        "DELETE FROM tower_organizations WHERE tower_id = :tower_id", [{"tower_id": tower} for tower in wanted]
    )
    tx.execute_many(
        "INSERT INTO tower_organizations (tower_id, organization_id) VALUES (:tower_id, :organization_id)",
        [{"tower_id": tower, "organization_id": one} for tower, ids in wanted.items() for one in sorted(ids)],
    )


def write_lockers(scope: TenantScope, tx: Transaction, rows: Difference) -> None:
    """Status, holder and due time are left to the locker's own life."""
    _set_aside(scope, tx, "lockers", rows)
    tx.execute_many(
        "UPDATE lockers SET name = :name, type_id = :type_id, low = :low, port = :port, door_sensor = :door_sensor,"
        " state = :state WHERE id = :id",
        _only(rows.change, "id name type_id low port door_sensor state"),
    )
    tx.execute_many(
        "INSERT INTO lockers (id, tower_id, number, name, type_id, low, port, door_sensor, status, state) VALUES"
        " (:id, :tower_id, :number, :name, :type_id, :low, :port, :door_sensor, :status, :state)",
        rows.create,
    )


def _set_aside(_scope: TenantScope, tx: Transaction, table: str, rows: Difference) -> None:
    """So that two rows can exchange their names."""
    tx.execute_many(ASIDE[table], [{"id": row["id"], "aside": f"\t{row['id']}"} for row in rows.change])


def _columns(rows: Iterable[Row], names: Sequence[str]) -> list[Columns]:
    return [{name: row[name] for name in names} for row in rows]


def _only(rows: Iterable[Columns], names: str) -> list[Columns]:
    return [{name: row[name] for name in names.split()} for row in rows]
