"""The site as it stands: what the gateway decides on. Frozen; a change is a new site."""

from collections.abc import Mapping, Sequence
from typing import Literal

import msgspec
from immutables import Map

ReasonCode = Literal[
    "LOCK_MALFUNCTION",
    "SENSOR_MALFUNCTION",
    "DOOR_DAMAGED",
    "CLEANING",
    "MAINTENANCE",
    "VANDALISM",
    "CONTROLLER_OFFLINE",
    "ALWAYS_OOS",
    "OTHER",
]


class Settings(msgspec.Struct, frozen=True):
    """The values of `System.settings` and the site's identity."""

    gateway_id: str
    site_name: str
    timezone: str
    pulse_ms: int = 500
    door_left_open_seconds: int = 300
    open_detection_seconds: int = 10


class LockerType(msgspec.Struct, frozen=True):
    """A kind of locker. Sizes in millimetres."""

    slug: str
    friendly_name: str
    description: str
    width_mm: int
    height_mm: int
    depth_mm: int
    always_oos: bool
    created_at: int

    @property
    def size(self) -> tuple[int, str]:
        """Smaller sorts first; equal ones by slug (contract, choice 5)."""
        return self.width_mm * self.height_mm * self.depth_mm, self.slug


class Association(msgspec.Struct, frozen=True):
    """The locker type at one position of a bank type."""

    bank_locker_number: int
    locker_type: str
    is_low_locker: bool


class BankType(msgspec.Struct, frozen=True):
    """A kind of bank; associations by position."""

    bank_type_id: int
    friendly_name: str
    description: str
    is_debug: bool
    created_at: int
    associations: tuple[Association, ...]


class Controller(msgspec.Struct, frozen=True):
    """A board and its bank: each controller has one bank, with its number and its name.

    `address` is the canonical URL. `commissioned`: the walk test passed, or was done by other means.
    """

    controller_id: int
    name: str
    driver: str
    address: str
    bank_type_id: int
    commissioned: bool
    created_at: int


class Locker(msgspec.Struct, frozen=True):
    """One compartment, as far as the journal knows it. What the boards say of it is `Live`.

    `failures_in_row`: opens in a row that ended in HARDWARE_MALFUNCTION. `last_transaction_at`: when its last
    transaction began. `reason_code` and `reason` are an operator's.
    """

    locker_id: int
    bank_id: int
    bank_locker_number: int
    locker_type: str
    is_low_locker: bool
    updated_at: int
    out_of_service: bool = False
    broken_lock: bool = False
    reason_code: ReasonCode | None = None
    reason: str | None = None
    failures_in_row: int = 0
    transaction_id: str | None = None
    last_transaction_at: int | None = None
    last_opened_at: int | None = None
    open_count: int = 0


class Transaction(msgspec.Struct, frozen=True):
    """An active transaction and the locker it holds. `row_id` tells it from an earlier one with the same id."""

    transaction_id: str
    locker_id: int
    created_at: int
    row_id: int
    last_opened_at: int | None = None
    open_count: int = 0


class Device(msgspec.Struct, frozen=True):
    """An attached device, as its last heartbeat told."""

    device_id: str
    device_type: str
    status: str
    firmware_version: str | None
    ip_address: str
    message: str | None
    metrics: Mapping[str, float]
    device_time: int | None
    last_heartbeat_at: int
    registered_at: int


class ApiKey(msgspec.Struct, frozen=True):
    """A key of the Local API; the secret is stored as its SHA-256 in hex. `prefix`: its first 13 characters."""

    key_id: int
    name: str
    digest: str
    scopes: frozenset[str]
    created_at: int
    expires_at: int | None
    prefix: str = ""


class Live(msgspec.Struct, frozen=True):
    """What the boards say of one locker, in memory only. `has_sensor`: by its set-up.

    `door_open` None: unknown, or not told apart from it. `changed_at`: when one of these last changed.
    """

    board_online: bool
    has_sensor: bool
    door_open: bool | None
    changed_at: int


class Site(msgspec.Struct, frozen=True):
    """Everything the gateway decides on, as of one commit. No mapping is ever changed in place; the two that
    change with every transaction are made to be changed by copies.

    `free` has for each locker type its lockers in service without a transaction, as (last_transaction_at or -1,
    locker_id) in rising order: the order of choice (contract, createTransaction).
    """

    settings: Settings
    locker_types: Mapping[str, LockerType]
    bank_types: Mapping[int, BankType]
    controllers: Mapping[int, Controller]
    lockers: Map[int, Locker]
    transactions: Map[str, Transaction]
    devices: Mapping[str, Device]
    api_keys: Mapping[str, ApiKey]  # by digest
    free: Mapping[str, Sequence[tuple[int, int]]]
