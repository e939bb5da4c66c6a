"""What an import comes to: what the file asks for against what the database has. Pure: rows in, rows or faults out.

Columns are those of cloud/tables.py. Things are found again by key, tower id, type id, and tower and number; what the
file leaves out stays as it is.
"""

from collections.abc import Iterator, Mapping

import msgspec

from openharbor.cloud.catalog.catalog import Location, Locker, LockerType, Organization, Tower
from openharbor.cloud.catalog.import_faults import Fault
from openharbor.cloud.catalog.import_file import Reading
from openharbor.cloud.catalog.import_locker_plan import LockerPlan, plan_lockers
from openharbor.cloud.catalog.import_present import Columns, Difference, Present, differing, drawn, name_faults


class Plan(msgspec.Struct, frozen=True):
    """What to write. `organizations_of`: ids by tower, for every tower whose list differs. `next_ids` by table."""

    organizations: Difference
    locker_types: Difference
    locations: Difference
    towers: Difference
    lockers: LockerPlan
    organizations_of: Mapping[str, frozenset[int]]
    next_ids: Mapping[str, int]


def plan_import(reading: Reading, present: Present, now: int) -> Plan | tuple[Fault, ...]:
    """The rows to write, or every fault, those of the file itself included. `now`: ms since 1970."""
    catalog, faults = reading.catalog, list(reading.faults)
    organizations, next_organization = _organizations(catalog.organizations, present, now)
    types = differing([_type_columns(one) for one in catalog.locker_types], present.locker_types, "id")
    locations, next_location = _locations(catalog.locations, present)
    location_ids = {row["key"]: row["id"] for row in (*present.locations.values(), *locations.create)}
    towers = differing([_tower_columns(one, location_ids) for one in catalog.towers], present.towers, "id")
    type_ids = _type_ids(types, present)
    lockers, next_locker = plan_lockers(catalog.lockers, present, type_ids, now)
    organization_ids = {row["key"]: row["id"] for row in (*present.organizations.values(), *organizations.create)}
    organization_ids |= {row["key"]: row["id"] for row in organizations.change}
    faults += _unknown(reading, present, frozenset(type_ids))
    faults += [*_location_ids(catalog.locations, present), *lockers.faults]
    if not reading.faults:  # else a table that could not be read would count as one that the file leaves out
        faults += [*_clashing_names(reading, present), *lockers.clashes]
    if faults:
        return tuple(faults)
    return Plan(
        organizations=organizations,
        locker_types=types,
        locations=locations,
        towers=towers,
        lockers=lockers,
        organizations_of=_organizations_of(catalog.towers, present, organization_ids),
        next_ids={"organizations": next_organization, "locations": next_location, "lockers": next_locker},
    )


def _organizations(wanted: tuple[Organization, ...], present: Present, now: int) -> tuple[Difference, int]:
    """One that a command made without a key is taken over by its name."""
    keyless = {row["name"]: row for row in present.keyless_organizations}
    known = dict(present.organizations)
    for one in wanted:
        if one.key not in known and one.name in keyless:
            known[one.key] = keyless[one.name]
    ids, rows = drawn(present.next_ids["organizations"], frozenset()), []
    for one in wanted:
        row = known.get(one.key)
        id_, created = (next(ids), now) if row is None else (row["id"], row["created_at"])
        rows.append({"id": id_, "key": one.key, "name": one.name, "created_at": created})
    return differing(rows, known, "key"), next(ids)


def _type_columns(kind: LockerType) -> Columns:
    return {
        "id": kind.id,
        "name": kind.name,
        "display_name": kind.display_name,
        "description": kind.description,
        "width_mm": kind.width_mm,
        "height_mm": kind.height_mm,
        "depth_mm": kind.depth_mm,
    }


def _type_ids(types: Difference, present: Present) -> dict[str, int]:
    """Ids by the names that types have after the import."""
    rows = {**present.locker_types, **{row["id"]: row for row in (*types.change, *types.create)}}
    return {row["name"]: id_ for id_, row in rows.items()}


def _locations(wanted: tuple[Location, ...], present: Present) -> tuple[Difference, int]:
    chosen = frozenset(one.id for one in wanted if one.id is not None)
    ids, rows = drawn(present.next_ids["locations"], chosen), []
    for one in wanted:
        known = present.locations.get(one.key)
        id_ = known["id"] if known is not None else one.id if one.id is not None else next(ids)
        rows.append({**_location_columns(one), "id": id_})
    return differing(rows, present.locations, "key"), max(next(ids), max(chosen, default=0) + 1)


def _location_columns(location: Location) -> Columns:
    columns: Columns = msgspec.structs.asdict(location)
    del columns["at"]
    return columns


def _tower_columns(tower: Tower, location_ids: Mapping[str, int]) -> Columns:
    return {
        "id": tower.id,
        "location_id": location_ids.get(tower.location_key),  # None: its location has a fault
        "name": tower.name,
        "description": tower.description,
        "access": tower.access,
        "for_test": int(tower.for_test),
        "system_id": tower.system_id,
        "tower_model_id": tower.tower_model_id,
    }


def _organizations_of(towers: tuple[Tower, ...], present: Present, ids: Mapping[str, int]) -> dict[str, frozenset[int]]:
    wanted = {tower.id: frozenset(ids[key] for key in tower.organizations) for tower in towers}
    nobody: frozenset[int] = frozenset()
    return {id_: keys for id_, keys in wanted.items() if keys != present.organizations_of.get(id_, nobody)}


def _unknown(reading: Reading, present: Present, types: frozenset[str]) -> Iterator[Fault]:
    catalog = reading.catalog
    yield from _unknown_organizations(catalog.towers, reading.organization_keys | present.organizations.keys())
    yield from _unknown_types(catalog.lockers, reading.locker_type_names | types)


def _clashing_names(reading: Reading, present: Present) -> Iterator[Fault]:
    yield from _organization_names(reading.catalog.organizations, present)
    names = [((*one.at, "name"), one.id, one.name) for one in reading.catalog.locker_types]
    yield from name_faults(names, present.locker_types, "locker type")


def _organization_names(wanted: tuple[Organization, ...], present: Present) -> Iterator[Fault]:
    names = [((*one.at, "name"), one.key, one.name) for one in wanted]
    yield from name_faults(names, present.organizations, "organization")
    keyless = {row["name"]: row["id"] for row in present.keyless_organizations}
    for one in wanted:
        if one.name in keyless and one.key in present.organizations:
            yield Fault((*one.at, "name"), f"{one.name} is the name of organization {keyless[one.name]} already")


def _location_ids(wanted: tuple[Location, ...], present: Present) -> Iterator[Fault]:
    keys = {row["id"]: key for key, row in present.locations.items()}
    for one in wanted:
        known = present.locations.get(one.key)
        if known is not None and one.id not in (None, known["id"]):
            yield Fault((*one.at, "id"), f"must be {known['id']} or left out: it never changes")
        elif one.id is not None and keys.get(one.id, one.key) != one.key:
            yield Fault((*one.at, "id"), f"{one.id} is taken by the location {keys[one.id]}")


def _unknown_organizations(towers: tuple[Tower, ...], known: frozenset[str]) -> Iterator[Fault]:
    for tower in towers:
        for key in tower.organizations:
            if key not in known:
                yield Fault((*tower.at, "organizations"), f"no organization has the key {key}")


def _unknown_types(lockers: tuple[Locker, ...], known: frozenset[str]) -> Iterator[Fault]:
    for path, name in dict.fromkeys(((*locker.at, "type"), locker.type) for locker in lockers):
        if name not in known:
            yield Fault(path, f"no locker type has the name {name}")
