"""The tables of a catalog file as structs; each key is checked by itself (catalog-file.md, "Fields")."""

from typing import Annotated, Any, Literal, TypeVar

import msgspec
from msgspec import UNSET, Meta, UnsetType
from msgspec.structs import FieldInfo, fields

from openharbor.cloud.catalog.catalog import Access, DoorSensor
from openharbor.cloud.catalog.import_faults import Fault
from openharbor.cloud.catalog.toml_lines import Path
from openharbor.kit.field_rules import rule_of, shape_of

T = TypeVar("T")
Values = dict[str, Any]

FORMAT = "openharbor-catalog/1"
Key = Annotated[str, Meta(pattern=r"^[a-z0-9-]{1,40}\Z", description="must be 1 to 40 characters of a-z 0-9 -")]
Name = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=200,
        pattern=r"^[^\x00-\x1f\x7f]*\Z",
        description="must be 1 to 200 characters on one line",
    ),
]
Text = Annotated[
    str, Meta(max_length=2000, pattern=r"^[^\x00]*\Z", description="must be at most 2000 characters, none of them NUL")
]
Time = Annotated[str, Meta(pattern=r"^([01]\d|2[0-3]):[0-5]\d:[0-5]\d\Z")]
Day = Annotated[
    list[tuple[Time, Time]],
    Meta(max_length=24, description='must be a list of at most 24 ["HH:MM:SS", "HH:MM:SS"]'),
]
# Ids up to 2**53 - 1 are the same number in every JSON reader, and leave room to number on.
GivenId = Annotated[int, Meta(ge=1, le=2**53 - 1, description="must be 1 to 9007199254740991")]
TypeId = Annotated[int, Meta(ge=1, le=255, description="must be 1 to 255")]
SmallId = Annotated[int, Meta(ge=1, le=2**31 - 1, description="must be 1 to 2147483647")]
Millimetres = SmallId
Latitude = Annotated[float, Meta(ge=-90, le=90, description="must be -90 to 90")]
Longitude = Annotated[float, Meta(ge=-180, le=180, description="must be -180 to 180")]
TowerId = Annotated[str, Meta(pattern=r"^[0-9A-Fa-f]{16}\Z", description="must be 16 hex digits")]
Numbers = Annotated[
    str,
    Meta(
        pattern=r"^[1-9][0-9]{0,3}(-[1-9][0-9]{0,3})?\Z",
        description='must be "n" or "first-last", of numbers 1 to 1023',
    ),
]
Port = Annotated[int, Meta(ge=-1, le=4095, description="must be 0 to 4095, or -1 for none")]
Flag = Annotated[bool, Meta(description="must be true or false")]
Tables = Annotated[list[Any], Meta(description="must be an array of tables")]
Keys = Annotated[list[Key], Meta(max_length=10_000, description="must be a list of keys of organizations")]
Names = Annotated[
    list[Name], Meta(max_length=1023, description="must be a list of names, each 1 to 200 characters on one line")
]


class CatalogTable(msgspec.Struct):
    format: Annotated[Literal["openharbor-catalog/1"], Meta(description=f'must be "{FORMAT}"')]
    organizations: Tables = []
    locker_types: Tables = []
    locations: Tables = []


class OrganizationTable(msgspec.Struct):
    key: Key
    name: Name


class LockerTypeTable(msgspec.Struct):
    id: TypeId
    name: Name
    display_name: Name
    width_mm: Millimetres
    height_mm: Millimetres
    depth_mm: Millimetres
    description: Text | UnsetType = UNSET


class LocationTable(msgspec.Struct):
    key: Key
    name: Name
    address1: Name
    city: Name
    state: Name
    zip: Name
    country: Name
    id: GivenId | UnsetType = UNSET
    address2: Text | UnsetType = UNSET
    description: Text | UnsetType = UNSET
    notes: Text | UnsetType = UNSET
    timezone: Name | UnsetType = UNSET
    lat: Latitude | UnsetType = UNSET
    lon: Longitude | UnsetType = UNSET
    access_hours: Annotated[dict[str, Any], Meta(description="must be a table of days")] | UnsetType = UNSET
    towers: Tables = []


class AccessHoursTable(msgspec.Struct):
    monday: Day = []
    tuesday: Day = []
    wednesday: Day = []
    thursday: Day = []
    friday: Day = []
    saturday: Day = []
    sunday: Day = []


class TowerTable(msgspec.Struct):
    id: TowerId
    name: Name
    description: Text | UnsetType = UNSET
    access: Annotated[Access, Meta(description="must be public or private")] = "public"
    organizations: Keys = []
    for_test: Flag = False
    system_id: SmallId = 1
    tower_model_id: SmallId = 1
    lockers: Tables = []


class LockersTable(msgspec.Struct):
    numbers: Numbers
    type: Name
    first_port: Port
    names: Names | UnsetType = UNSET
    id: GivenId | UnsetType = UNSET
    low: Flag = False
    door_sensor: Annotated[DoorSensor, Meta(description="must be normal, inverted or none")] = "normal"


RULES: dict[type[msgspec.Struct], dict[str, str]] = {
    kind: {field.encode_name: rule_of(field.type) for field in getattr(shape_of(kind), "fields", ())}
    for kind in (
        CatalogTable,
        OrganizationTable,
        LockerTypeTable,
        LocationTable,
        AccessHoursTable,
        TowerTable,
        LockersTable,
    )
}


def read_table(kind: type[msgspec.Struct], raw: Any, path: Path, faults: list[Fault]) -> Values:
    """What could be read of a table, defaults filled in; each wrong, unknown or missing key is a fault."""
    if not isinstance(raw, dict):
        faults.append(Fault(path, "must be a table"))
        return {}
    known, values = {field.name: field for field in fields(kind)}, Values()
    faults += [Fault((*path, key), "is not a known key") for key in raw if key not in known]
    for key, field in known.items():
        if key not in raw:
            if field.required:
                faults.append(Fault((*path, key), "is required"))
            else:
                values[key] = _default(field)
            continue
        try:
            values[key] = msgspec.convert(raw[key], field.type)
        except msgspec.ValidationError:
            faults.append(Fault((*path, key), RULES[kind][key]))
    return values


def _default(field: FieldInfo) -> Any:
    return field.default if field.default is not msgspec.NODEFAULT else field.default_factory()


def whole(kind: type[msgspec.Struct], values: Values) -> bool:
    """Whether every key of the table could be read."""
    return len(values) == len(fields(kind))


def given(value: T | UnsetType) -> T | None:
    """The value; None where the file has none."""
    return None if isinstance(value, UnsetType) else value
