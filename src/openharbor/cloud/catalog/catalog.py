"""What a catalog file asks for, table by table, each with its place in the file (catalog-file.md)."""

from typing import Literal

import msgspec

from openharbor.cloud.catalog.toml_lines import Path

Access = Literal["public", "private"]
DoorSensor = Literal["normal", "inverted", "none"]


class Organization(msgspec.Struct, frozen=True):
    at: Path
    key: str
    name: str


class LockerType(msgspec.Struct, frozen=True):
    at: Path
    id: int
    name: str
    display_name: str
    description: str | None
    width_mm: int
    height_mm: int
    depth_mm: int


class Location(msgspec.Struct, frozen=True):
    """`id` None: given by the database. `access_hours`: JSON of the contract's AccessHours."""

    at: Path
    key: str
    id: int | None
    name: str
    lat: float | None
    lon: float | None
    description: str | None
    address1: str
    address2: str | None
    city: str
    state: str
    zip: str
    country: str
    notes: str | None
    access_hours: str | None
    timezone: str | None


class Tower(msgspec.Struct, frozen=True):
    """`organizations`: keys of those that may use a private tower."""

    at: Path
    id: str
    location_key: str
    name: str
    description: str | None
    access: Access
    organizations: tuple[str, ...]
    for_test: bool
    system_id: int
    tower_model_id: int


class Locker(msgspec.Struct, frozen=True):
    """`type`: name of the locker type. `port` -1: none. `at` is the place of its table, which may name several."""

    at: Path
    tower_id: str
    number: int
    name: str
    id: int | None
    type: str
    low: bool
    port: int
    door_sensor: DoorSensor


class Catalog(msgspec.Struct, frozen=True):
    organizations: tuple[Organization, ...]
    locker_types: tuple[LockerType, ...]
    locations: tuple[Location, ...]
    towers: tuple[Tower, ...]
    lockers: tuple[Locker, ...]
