"""Whether boards and devices are there, and whose clock is wrong. Decisions only (gateway-admin.yaml, AlarmCode).

Durations are monotonic: a clock that is set makes no device absent.
"""

from typing import Literal

import msgspec
from msgspec.structs import replace

from openharbor.gateway.site import Device

OFFLINE_S = 60.0  # two stages: a shorter gap is an event of the board only
ONLINE_S = 60.0
INTERVAL_S = 60.0  # between heartbeats (Device.intervalSeconds)
MISSED = 3
DRIFT_MS = 120_000


class Presence(msgspec.Struct, frozen=True):
    """A board: on line or not, since when (monotonic seconds), and whether its absence is an alarm."""

    online: bool
    since: float
    alarmed: bool = False


def board_seen(presence: Presence | None, *, online: bool, at: float, alarmed: bool = False) -> Presence:
    """The board after a look at it. `alarmed`: of one that was not looked at before."""
    if presence is None:
        return Presence(online, at, alarmed)
    if presence.online != online:
        return board_edge(presence, online=online, at=at)
    if online and presence.alarmed and at - presence.since >= ONLINE_S:
        return replace(presence, alarmed=False)
    if not online and not presence.alarmed and at - presence.since >= OFFLINE_S:
        return replace(presence, alarmed=True)
    return presence


def board_edge(presence: Presence, *, online: bool, at: float) -> Presence:
    """The board after it came or went, however shortly: the time until an alarm begins or ends starts anew."""
    return presence if presence.online == online else Presence(online, at, presence.alarmed)


class Attached(msgspec.Struct, frozen=True):
    """A device: its last heartbeat by its own number (`heartbeat_at`, ms) and when that was noticed (seconds)."""

    heartbeat_at: int
    heard_at: float
    offline: bool = False
    drifts: bool = False


def device_seen(
    attached: Attached | None, device: Device, at: float, *, offline: bool = False, drifts: bool = False
) -> Attached:
    """The device after a look at it. `offline`, `drifts`: the alarms of one that was not looked at before."""
    if attached is None:
        return Attached(device.last_heartbeat_at, at, offline, _drifts(device, before=drifts))
    if attached.heartbeat_at != device.last_heartbeat_at:
        return Attached(device.last_heartbeat_at, at, False, _drifts(device, before=attached.drifts))
    if not attached.offline and at - attached.heard_at >= MISSED * INTERVAL_S:
        return replace(attached, offline=True)
    return attached


def _drifts(device: Device, *, before: bool) -> bool:
    """A heartbeat that does not tell the time proves nothing."""
    return before if device.device_time is None else abs(drift_ms(device)) > DRIFT_MS


def drift_ms(device: Device) -> int:
    """How far the device's clock was ahead of ours at its last heartbeat; 0 if it did not say."""
    return 0 if device.device_time is None else device.device_time - device.last_heartbeat_at


class Times(msgspec.Struct, frozen=True):
    """One reading of the gateway's clocks: wall (ms since 1970), monotonic (seconds)."""

    now: int
    at: float


def jump_ms(before: Times, after: Times) -> int:
    """By how much the wall clock was set between two readings; 0 if by no more than 120 s."""
    jumped = (after.now - before.now) - round((after.at - before.at) * 1000)
    return jumped if abs(jumped) > DRIFT_MS else 0


def board_message(controller_id: int, name: str, failure: str | None) -> str:
    why = f": {failure}" if failure else ""
    return f"Controller {controller_id} ({name}) has been offline for {OFFLINE_S:.0f} s{why}"


def device_message(device_id: str) -> str:
    return f"Device {device_id} missed {MISSED} heartbeats"


def drift_message(device: Device) -> str:
    return f"The clock of device {device.device_id} is {_apart(drift_ms(device), 'ahead', 'behind')}"


def jump_message(jumped: int) -> str:
    return f"The clock of the gateway jumped {_apart(jumped, 'forward', 'back')}"


def _apart(ms: int, plus: Literal["ahead", "forward"], minus: Literal["behind", "back"]) -> str:
    return f"{abs(ms) // 1000} s {plus if ms > 0 else minus}"
