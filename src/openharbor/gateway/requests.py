"""What a decoded request asks for, with the rules that no single field can tell. Decisions only."""

from typing import TypeVar

from msgspec import UNSET, UnsetType

from openharbor.gateway.allocation import Wish
from openharbor.gateway.fields import is_address, milliseconds
from openharbor.gateway.messages import (
    CreateTransactionRequest,
    DeviceHeartbeatRequest,
    UpdateLockerRequest,
    UpdateSystemRequest,
)
from openharbor.gateway.service_state import ServiceChange
from openharbor.gateway.site import Device
from openharbor.kit.errors import Refusal
from openharbor.kit.timezones import is_timezone

T = TypeVar("T")
SettingsChange = dict[str, str | int]


def malformed(message: str, field: str, rule: str) -> Refusal:
    """400: names the field and what it must be."""
    return Refusal("INVALID_REQUEST", 400, message, {field: rule})


def wish_of(body: CreateTransactionRequest) -> Wish | Refusal:
    """Which lockers will do. A body with `lockerId` is refused: callers cannot pick the locker (choice 4)."""
    if body.locker_id is not UNSET:
        return malformed("A transaction cannot ask for a certain locker", "lockerId", "is not accepted here")
    return Wish(_or_none(body.locker_type), body.require_low_locker, body.allow_larger)


def service_change_of(body: UpdateLockerRequest) -> ServiceChange | Refusal:
    """The change of service state (UpdateLockerRequest)."""
    out, broken = body.out_of_service, body.broken_lock
    if out is UNSET and broken is UNSET:
        return malformed("outOfService or brokenLock is required", "body", "nothing to change")
    if out is True and body.reason_code is UNSET:
        return malformed("reasonCode is required when outOfService is true", "reasonCode", "is required")
    return ServiceChange(_or_none(out), _or_none(broken), _or_none(body.reason_code), _or_none(body.reason))


def settings_change_of(body: UpdateSystemRequest) -> SettingsChange | Refusal:
    """The settings to change, by their names in `Settings` (UpdateSystemRequest)."""
    asked = {name: getattr(body, name) for name in body.__struct_fields__}
    change: SettingsChange = {name: value for name, value in asked.items() if value is not UNSET}
    if not change:
        return malformed("At least one setting is required", "body", "nothing to change")
    if not isinstance(body.timezone, UnsetType) and not is_timezone(body.timezone):
        return malformed("timezone is not known", "timezone", "must be an IANA time zone name")
    return change


def device_of(body: DeviceHeartbeatRequest, address: str, now: int) -> Device | Refusal:
    """The device as it tells of itself now. `address`: where the request came from, used where it gives none."""
    own = _or_none(body.ip_address)
    if own is not None and not is_address(own):
        return malformed("ipAddress is malformed", "ipAddress", "must be an IPv4 or IPv6 address")
    return Device(
        device_id=body.device_id,
        device_type=body.device_type,
        status=body.status,
        firmware_version=_or_none(body.firmware_version),
        ip_address=own or address.partition("%")[0],
        message=_or_none(body.message),
        metrics={} if isinstance(body.metrics, UnsetType) else body.metrics,
        device_time=None if isinstance(body.timestamp, UnsetType) else milliseconds(body.timestamp),
        last_heartbeat_at=now,
        registered_at=now,
    )


def _or_none(value: T | UnsetType) -> T | None:
    return None if isinstance(value, UnsetType) else value
