"""Reading a catalog file: bytes in, what it asks for and every fault out (catalog-file.md). Pure.

What stands between tables of the file is checked here; what needs the database in `import_plan`.
"""

import re
import tomllib
from collections.abc import Iterator
from typing import Any, Literal

import msgspec

from openharbor.cloud.catalog import import_tables as t
from openharbor.cloud.catalog.catalog import Catalog, Location, Locker, LockerType, Organization, Tower
from openharbor.cloud.catalog.import_faults import Fault
from openharbor.cloud.catalog.import_lockers import locker_group, lockers_twice
from openharbor.cloud.catalog.import_rules import access_hours, location_faults, tower_faults, twice
from openharbor.cloud.catalog.import_tables import Values, given, read_table, whole
from openharbor.cloud.catalog.toml_lines import Path

Environment = Literal["sandbox", "production"]

MOST_BYTES = 4 << 20
MOST_LOCKERS = 100_000
NO_TABLES: dict[str, Any] = {"organizations": [], "locker_types": [], "locations": []}
SYNTAX = re.compile(r"(?P<what>.*) \(at (?:line (?P<line>\d+), column \d+|end of document)\)", re.DOTALL)


class Reading(msgspec.Struct, frozen=True):
    """`catalog`: what could be read, not to be imported while there is a fault. Names: of faulty tables too."""

    text: str
    catalog: Catalog
    faults: tuple[Fault, ...]
    organization_keys: frozenset[str]
    locker_type_names: frozenset[str]


class Found(msgspec.Struct):
    """What has been read so far."""

    faults: list[Fault] = []
    organizations: list[Organization] = []
    locker_types: list[LockerType] = []
    locations: list[Location] = []
    towers: list[Tower] = []
    lockers: list[Locker] = []
    named: dict[str, list[tuple[Path, Any]]] = {}

    def name(self, what: str, path: Path, values: Values) -> None:
        """Notes a name that must be unique, by the last part of its path."""
        if (value := values.get(str(path[-1]))) is not None and value is not msgspec.UNSET:
            self.named.setdefault(what, []).append((path, value))

    def names(self, what: str) -> Iterator[Any]:
        return (value for _, value in self.named.get(what, ()))


def read_catalog(data: bytes, environment: Environment) -> Reading:
    """What the file asks for in an installation of this environment, and every fault."""
    found = Found()
    text, raw = _toml(data, found)
    top = {**NO_TABLES, **read_table(t.CatalogTable, raw, (), found.faults)} if not found.faults else NO_TABLES
    _organizations(top["organizations"], found)
    _locker_types(top["locker_types"], found)
    for position, one in enumerate(top["locations"]):
        _location(one, ("locations", position), environment, found)
    for named in found.named.values():
        found.faults += twice(named)
    found.faults += lockers_twice(found.lockers)
    return Reading(
        text=text,
        catalog=Catalog(
            organizations=tuple(found.organizations),
            locker_types=tuple(found.locker_types),
            locations=tuple(found.locations),
            towers=tuple(found.towers),
            lockers=tuple(found.lockers),
        ),
        faults=tuple(found.faults),
        organization_keys=frozenset(found.names("organizations.key")),
        locker_type_names=frozenset(found.names("locker_types.name")),
    )


def _toml(data: bytes, found: Found) -> tuple[str, dict[str, Any]]:
    if len(data) > MOST_BYTES:
        found.faults.append(Fault((), f"must be at most {MOST_BYTES} bytes", 1))
        return "", {}
    try:
        text = data.decode().replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        found.faults.append(Fault((), f"is not UTF-8 at byte {error.start + 1} of the file", line))
        return "", {}
    try:
        return text, tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        found.faults.append(_syntax(str(error), text))
    except RecursionError:
        found.faults.append(Fault((), "is not valid TOML: nested too deeply", 1))
    except ValueError as error:  # a date or a number that Python cannot hold
        found.faults.append(Fault((), f"is not valid TOML: {error}", 1))
    return text, {}


def _syntax(error: str, text: str) -> Fault:
    parts = SYNTAX.fullmatch(error)
    if parts is None:
        return Fault((), f"is not valid TOML: {error}", 1)
    line = int(parts["line"]) if parts["line"] else text.rstrip("\n").count("\n") + 1
    return Fault((), f"is not valid TOML: {parts['what']}", line)


def _organizations(raw: list[Any], found: Found) -> None:
    for position, one in enumerate(raw):
        path: Path = ("organizations", position)
        values = read_table(t.OrganizationTable, one, path, found.faults)
        found.name("organizations.key", (*path, "key"), values)
        found.name("organizations.name", (*path, "name"), values)
        if whole(t.OrganizationTable, values):
            found.organizations.append(Organization(path, **values))


def _locker_types(raw: list[Any], found: Found) -> None:
    for position, one in enumerate(raw):
        path: Path = ("locker_types", position)
        values = read_table(t.LockerTypeTable, one, path, found.faults)
        found.name("locker_types.id", (*path, "id"), values)
        found.name("locker_types.name", (*path, "name"), values)
        if whole(t.LockerTypeTable, values):
            found.locker_types.append(LockerType(path, **_nulls(values)))


def _location(raw: Any, path: Path, environment: Environment, found: Found) -> None:
    values = read_table(t.LocationTable, raw, path, found.faults)
    found.name("locations.key", (*path, "key"), values)
    found.name("locations.id", (*path, "id"), values)
    found.faults += location_faults(values, path)
    hours = access_hours(values.get("access_hours", msgspec.UNSET), (*path, "access_hours"), found.faults)
    towers = values.get("towers", [])
    if whole(t.LocationTable, values):
        own = {key: value for key, value in values.items() if key not in ("towers", "access_hours")}
        found.locations.append(Location(path, **_nulls(own), access_hours=hours))
    for position, one in enumerate(towers):
        _tower(one, (*path, "towers", position), str(values.get("key")), environment, found)


def _tower(raw: Any, path: Path, location_key: str, environment: Environment, found: Found) -> None:
    values = read_table(t.TowerTable, raw, path, found.faults)
    if "id" in values:
        values["id"] = values["id"].lower()
    found.name("towers.id", (*path, "id"), values)
    found.faults += tower_faults(values, path, environment)
    groups = values.get("lockers", [])
    tower_id = str(values.get("id", place_of(path)))
    if whole(t.TowerTable, values):
        own = {key: value for key, value in _nulls(values).items() if key not in ("lockers", "organizations")}
        organizations = tuple(dict.fromkeys(values["organizations"]))
        found.towers.append(Tower(path, location_key=location_key, organizations=organizations, **own))
    for position, one in enumerate(groups):
        _lockers(one, (*path, "lockers", position), tower_id, found)


def _lockers(raw: Any, path: Path, tower_id: str, found: Found) -> None:
    values = read_table(t.LockersTable, raw, path, found.faults)
    found.name("lockers.id", (*path, "id"), values)
    if not whole(t.LockersTable, values):
        return
    lockers = locker_group(values, path, tower_id, found.faults)
    if len(found.lockers) <= MOST_LOCKERS < len(found.lockers) + len(lockers):
        found.faults.append(Fault(path, f"is beyond the {MOST_LOCKERS} lockers that one file may have; import several"))
    if len(found.lockers) <= MOST_LOCKERS:
        found.lockers += lockers


def place_of(path: Path) -> str:
    """Stands for the id of a tower that has none, so that its lockers are checked all the same."""
    return "/".join(str(step) for step in path)


def _nulls(values: Values) -> Values:
    return {key: given(value) for key, value in values.items()}
