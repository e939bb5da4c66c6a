"""The tables of the site file as structs, each wrong key a fault of its own (site-file.md)."""

import tomllib
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import UNSET, Meta, UnsetType
from msgspec.structs import FieldInfo, fields

from openharbor.gateway import fields as f
from openharbor.gateway.messages import (
    BankTypeAssociationRequest,
    CreateBankTypeRequest,
    CreateLockerTypeRequest,
    Request,
)
from openharbor.kit.field_rules import rule_of, shape_of

T = TypeVar("T")
S = TypeVar("S", bound=msgspec.Struct)
Values = dict[str, Any]
ArrayOfTables = Annotated[list[Any], Meta(max_length=256, description="must be an array of at most 256 tables")]
MOST_CHARACTERS = 1 << 20


class Fault(msgspec.Struct, frozen=True):
    """What is wrong and where: table, position in it from 1 (0: it is there once), key ("" for all of it)."""

    table: str
    position: int
    key: str
    message: str

    def __str__(self) -> str:
        place = f"{self.table}[{self.position}]" if self.position else self.table
        return f"{'.'.join(part for part in (place, self.key) if part) or 'site file'}: {self.message}"


class SiteTable(Request):
    """The keys outside all tables."""

    gateway_id: f.GatewayId | UnsetType = UNSET
    site_name: f.Name | UnsetType = UNSET
    timezone: f.Timezone = "UTC"
    settings: Annotated[dict[str, Any], Meta(description="must be a table")] | UnsetType = UNSET
    locker_types: ArrayOfTables | UnsetType = UNSET
    bank_types: ArrayOfTables | UnsetType = UNSET
    controllers: ArrayOfTables | UnsetType = UNSET


class SettingsTable(Request):
    pulse_ms: f.PulseMs = 500
    door_left_open_seconds: f.DoorLeftOpenSeconds = 300
    open_detection_seconds: f.OpenDetectionSeconds = 10


class BankTypeTable(CreateBankTypeRequest):
    bank_type_id: f.Id | UnsetType = UNSET


class ControllerTable(Request):
    """`CreateControllerRequest`, but the driver may follow from the address."""

    name: f.Name
    address: f.BoardUrl
    bank_type_id: f.Id
    driver: f.Driver | UnsetType = UNSET
    controller_id: f.Id | UnsetType = UNSET
    commissioned: f.Flag = False


class Tables(msgspec.Struct, frozen=True):
    """The whole file by position from 1. A table with a fault is missing; its slug or id is among the named ones."""

    site: SiteTable
    settings: SettingsTable
    locker_types: dict[int, CreateLockerTypeRequest]
    bank_types: dict[int, BankTypeTable]
    controllers: dict[int, ControllerTable]
    named_locker_types: frozenset[str]
    named_bank_types: frozenset[int]


def read_tables(text: str) -> tuple[Tables, list[Fault]]:
    """Everything that can be read, and what is wrong with the rest."""
    faults: list[Fault] = []
    site = SiteTable(**_values(SiteTable, _toml(text, faults), "", 0, faults))
    settings = SettingsTable(**_values(SettingsTable, given(site.settings, {}), "settings", 0, faults))
    kinds = _array(CreateLockerTypeRequest, given(site.locker_types, []), "lockerTypes", faults)
    banks = _array(BankTypeTable, given(site.bank_types, []), "bankTypes", faults)
    boards = _array(ControllerTable, given(site.controllers, []), "controllers", faults)
    faulty = {(fault.table, fault.position) for fault in faults}
    tables = Tables(
        site=site,
        settings=settings,
        locker_types=_whole(CreateLockerTypeRequest, kinds, "lockerTypes", faulty),
        bank_types=_whole(BankTypeTable, banks, "bankTypes", faulty),
        controllers=_whole(ControllerTable, boards, "controllers", faulty),
        named_locker_types=frozenset(values["slug"] for values in kinds.values() if "slug" in values),
        named_bank_types=frozenset(values.get("bank_type_id", position) for position, values in banks.items()),
    )
    return tables, faults


def given(value: T | UnsetType, default: T) -> T:
    """The value, or the default where the file has none."""
    return default if isinstance(value, UnsetType) else value


def _toml(text: str, faults: list[Fault]) -> Values:
    if len(text) > MOST_CHARACTERS:
        faults.append(Fault("", 0, "", f"must be at most {MOST_CHARACTERS} characters"))
        return {}
    try:
        return tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        faults.append(Fault("", 0, "", f"is not valid TOML: {error}"))
        return {}


def _array(kind: type[S], raw: list[Any], table: str, faults: list[Fault]) -> dict[int, Values]:
    """By position, what could be read of each table."""
    return {position: _values(kind, one, table, position, faults) for position, one in enumerate(raw, start=1)}


def _whole(kind: type[S], found: dict[int, Values], table: str, faulty: set[tuple[str, int]]) -> dict[int, S]:
    """The tables without a fault, in themselves or in what they contain."""
    required = {field.name for field in fields(kind) if field.required}
    return {
        position: kind(**values)
        for position, values in found.items()
        if (table, position) not in faulty and required <= values.keys()
    }


def _values(kind: type[S], raw: Any, table: str, position: int, faults: list[Fault]) -> Values:
    if not isinstance(raw, dict):
        faults.append(Fault(table, position, "", "must be a table"))
        return {}
    known, rules = {field.encode_name: field for field in fields(kind)}, _rules(kind)
    faults += [Fault(table, position, key, "is not a known key") for key in raw if key not in known]
    values: Values = {}
    for key, field in known.items():
        if key in raw:
            found = _value(field, rules[key], raw[key], table, position, faults)
            values |= {} if found is None else {field.name: found}
        elif field.required:
            faults.append(Fault(table, position, key, "is required"))
    return values


def _rules(kind: type[S]) -> dict[str, str]:
    """What each key must be, in words."""
    shape = shape_of(kind)
    return {field.encode_name: rule_of(field.type) for field in getattr(shape, "fields", ())}


def _value(field: FieldInfo, rule: str, raw: Any, table: str, position: int, faults: list[Fault]) -> Any:
    """None: it could not be read."""
    key, before = field.encode_name, len(faults)
    if key == "associations" and isinstance(raw, list):
        _array(BankTypeAssociationRequest, raw, f"{table}[{position}].{key}", faults)
        if len(faults) > before:
            return None
    try:
        return msgspec.convert(raw, field.type)
    except msgspec.ValidationError:
        faults.append(Fault(table, position, key, rule))
        return None
