"""Requests and answers of the Local API, field for field as in gateway-local.yaml. Times are ready-made text."""

from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, UnsetType

from openharbor.gateway import fields as f
from openharbor.gateway.site import ReasonCode


class Request(msgspec.Struct, rename="camel"):
    """A body; null is refused where a field is left out instead."""


class Body(msgspec.Struct, rename="camel", gc=False):
    """An answer, encoded as it stands."""


# Parameters -------------------------------------------------------------


class TransactionPath(Request):
    transaction_id: f.TransactionId


class LockerPath(Request):
    locker_id: f.Id


class LockerTypePath(Request):
    slug: f.Slug


class BankTypePath(Request):
    bank_type_id: f.Id


class IdempotencyHeaders(msgspec.Struct):
    idempotency_key: f.IdempotencyKey | UnsetType = msgspec.field(default=UNSET, name="Idempotency-Key")


class LockerFilter(Request):
    available: f.Flag | UnsetType = UNSET
    out_of_service: f.Flag | UnsetType = UNSET
    operational: f.Flag | UnsetType = UNSET
    locker_type: f.Slug | UnsetType = UNSET
    bank_id: f.Id | UnsetType = UNSET


class LogFilter(Request):
    level: f.LogLevel | UnsetType = UNSET
    since: f.Moment | UnsetType = UNSET
    limit: f.Limit = 200


# Requests ---------------------------------------------------------------


class CreateTransactionRequest(Request):
    """`locker_id` stands here to be refused: callers cannot pick the locker."""

    transaction_id: f.TransactionId
    locker_type: f.Slug | UnsetType = UNSET
    require_low_locker: f.Flag = False
    allow_larger: f.Flag = False
    locker_id: Any = UNSET


class UpdateLockerRequest(Request):
    out_of_service: f.Flag | UnsetType = UNSET
    reason_code: ReasonCode | UnsetType = UNSET
    reason: f.Text | UnsetType = UNSET
    broken_lock: f.Flag | UnsetType = UNSET


class OpenAllLockersRequest(Request, forbid_unknown_fields=True):
    bank_id: f.Id | UnsetType = UNSET
    locker_type: f.Slug | UnsetType = UNSET
    include_out_of_service: f.Flag = False


class UpdateSystemRequest(Request):
    site_name: f.Name | UnsetType = UNSET
    timezone: f.Timezone | UnsetType = UNSET
    pulse_ms: f.PulseMs | UnsetType = UNSET
    door_left_open_seconds: f.DoorLeftOpenSeconds | UnsetType = UNSET
    open_detection_seconds: f.OpenDetectionSeconds | UnsetType = UNSET


class DeviceHeartbeatRequest(Request):
    device_id: f.DeviceId
    device_type: f.DeviceType
    status: f.DeviceStatus
    firmware_version: f.Version | UnsetType = UNSET
    ip_address: f.Address | UnsetType = UNSET
    message: f.Text | UnsetType = UNSET
    metrics: (
        Annotated[
            dict[Annotated[str, Meta(max_length=64)], float],
            Meta(max_length=64, description="must be at most 64 numbers by names of at most 64 characters"),
        ]
        | UnsetType
    ) = UNSET
    timestamp: f.Moment | UnsetType = UNSET


# Requests of the Admin API that the site file is read with -----------------


class CreateLockerTypeRequest(Request, kw_only=True):
    slug: f.Slug
    friendly_name: f.Name
    description: f.Text = ""
    width_mm: f.Millimetres
    height_mm: f.Millimetres
    depth_mm: f.Millimetres
    always_oos: f.Flag = False


class BankTypeAssociationRequest(Request):
    bank_locker_number: f.Id
    locker_type: f.Slug
    is_low_locker: f.Flag = False


class CreateBankTypeRequest(Request, kw_only=True):
    friendly_name: f.Name
    description: f.Text = ""
    is_debug: f.Flag = False
    associations: Annotated[
        list[BankTypeAssociationRequest], Meta(min_length=1, max_length=256, description="must be 1 to 256 positions")
    ]


class CreateControllerRequest(Request):
    name: f.Name
    driver: f.Driver
    address: f.BoardUrl
    bank_type_id: f.Id


# Answers ----------------------------------------------------------------


class TransactionResponse(Body):
    transaction_id: str
    locker_id: int
    created_at: str
    locker_type: str
    bank_id: int
    bank_locker_number: int
    last_opened_at: str | None
    open_count: int


class OperationResponse(Body, omit_defaults=True):
    success: bool
    message: str | None = None


class LockerTypeSummary(Body):
    slug: str
    friendly_name: str


class Locker(Body):
    locker_id: int
    bank_id: int
    bank_locker_number: int
    locker_type: LockerTypeSummary
    available: bool
    operational: bool
    out_of_service: bool
    broken_lock: bool
    door_open: bool | None
    reason_code: ReasonCode | None
    reason: str | None
    transaction_id: str | None
    is_low_locker: bool
    last_opened_at: str | None
    open_count: int
    updated_at: str


class LockerType(Body):
    slug: str
    friendly_name: str
    description: str
    width_mm: int
    height_mm: int
    depth_mm: int
    always_oos: bool
    locker_count: int
    available_count: int
    created_at: str


class BankType(Body):
    bank_type_id: int
    friendly_name: str
    description: str
    is_debug: bool
    locker_count: int
    created_at: str


class BankTypeAssociation(Body):
    bank_locker_number: int
    locker_type: LockerTypeSummary
    is_low_locker: bool


class BankTypeWithAssociations(BankType):
    associations: list[BankTypeAssociation]


class BankLockerConfig(Body):
    locker_id: int
    bank_locker_number: int
    locker_type: str
    is_low_locker: bool


class BankConfig(Body):
    bank_id: int
    name: str
    bank_type_id: int
    controller_id: int
    first_locker_id: int
    locker_count: int
    lockers: list[BankLockerConfig]


class LockerConfig(Body):
    site_name: str
    timezone: str
    total_lockers: int
    banks: list[BankConfig]
    pulse_ms: int
    open_attempt_timeout_seconds: int = 20
    open_max_attempts: int = 3
    open_retry_delay_seconds: int = 1


class LockerOperationResponse(Body):
    success: bool
    locker_id: int
    door_open: bool | None
    message: str
    confirmed: bool
    attempts: int
    duration_ms: int


class OpenAllLockersResult(LockerOperationResponse):
    """`status` stands in 207 answers only, `error` on failures only."""

    status: int | UnsetType = UNSET
    error: str | UnsetType = UNSET


class OpenAllLockersResponse(Body):
    success: bool
    total_lockers: int
    opened_count: int
    failed_count: int
    results: list[OpenAllLockersResult]


class ControllersHealth(Body):
    total: int
    online: int


class LockersHealth(Body):
    total: int
    available: int
    assigned: int
    out_of_service: int
    not_operational: int


class Health(Body):
    status: str
    version: str
    uptime_seconds: int
    database: str
    controllers: ControllersHealth
    lockers: LockersHealth


class NetworkInterface(Body):
    interface: str
    address: str
    mac: str


class LockController(Body):
    controller_id: int
    name: str
    driver: str
    address: str
    online: bool
    last_seen_at: str | None
    firmware_version: str | None
    locker_count: int
    bank_id: int | None
    failure_reason: str | None


class Storage(Body):
    database_bytes: int
    free_bytes: int


class CloudLink(Body):
    configured: bool = False
    connected: bool = False
    last_connected_at: str | None = None


class SystemSettings(Body):
    pulse_ms: int
    door_left_open_seconds: int
    open_detection_seconds: int


class System(Body):
    gateway_id: str
    site_name: str
    version: str
    started_at: str
    uptime_seconds: int
    timezone: str
    hostname: str
    network: list[NetworkInterface]
    controllers: list[LockController]
    storage: Storage
    cloud_link: CloudLink
    settings: SystemSettings
