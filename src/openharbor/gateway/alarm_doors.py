"""What of one door and its lock is worth an alarm. Decisions only (gateway-admin.yaml, AlarmCode).

While a sensor contradicts itself, no alarm is cleared on its word: "closed" is what it has been wrong about.
"""

from typing import Literal

import msgspec
from msgspec.structs import replace

from openharbor.boards.outcomes import EventKind
from openharbor.gateway.alarms import CauseKind

UNREADABLE_S = 10.0  # a board that was just switched on may need a moment
READS_WELL_S = 60.0
GAP_S = 60.0  # a door that was not read for longer may have been shut meanwhile

DoorCause = Literal[
    "door_left_open", "uncommanded_open", "lock_jammed", "sensor_unreadable", "sensor_contradicts_itself"
]
SHUT_ENDS = frozenset[CauseKind](("door_left_open", "uncommanded_open"))

MESSAGES = {
    "uncommanded_open": "Door of locker {locker} opened without having been told to",
    "lock_jammed": "Lock of locker {locker} was fired and its door stayed shut",
    "sensor_unreadable": "Door sensor of locker {locker} cannot be read",
    "sensor_contradicts_itself": "Door sensor of locker {locker} contradicts itself",
}


class DoorSight(msgspec.Struct, frozen=True):
    """How a door looks now. `senses`: it has a sensor, and that is not to be ignored (`brokenLock`)."""

    controller_id: int
    online: bool
    senses: bool
    open: bool | None


class Door(msgspec.Struct, frozen=True):
    """What is remembered of one door; times in monotonic seconds.

    `open_since`: since when it has been seen open, short gaps included; `unread_since`: since when there is no reading,
    whoever's fault that is; `unreadable_since` and `readable_since`: while its board answers. `still_since`: when a
    sensor that contradicts itself last showed a change. `senses`: see `DoorSight`.
    """

    controller_id: int
    holding: frozenset[CauseKind] = frozenset()
    open_since: float | None = None
    unread_since: float | None = None
    unreadable_since: float | None = None
    readable_since: float | None = None
    still_since: float | None = None
    senses: bool = True


def message_of(kind: CauseKind, locker_id: int, left_open_s: int) -> str:
    """A door's alarm in words."""
    if kind == "door_left_open":
        return f"Door of locker {locker_id} open for {left_open_s} s"
    return MESSAGES[kind].format(locker=locker_id)


def looked_at(door: Door, sight: DoorSight, left_open_s: int, at: float) -> Door:
    """The door after a look at it; made every second. `left_open_s` 0: a door may stand open for ever."""
    if not sight.senses:
        return Door(sight.controller_id, senses=False)
    door = door if door.senses else Door(sight.controller_id)
    if left_open_s == 0:
        door = _without(door, {"door_left_open"})
    if sight.open is None or not sight.online:
        return _unread(door, sight, at)
    door = replace(
        door,
        unread_since=None,
        unreadable_since=None,
        readable_since=at if door.readable_since is None else door.readable_since,
    )
    door = _sensor_well(door, at)
    return _standing_open(door, left_open_s, at) if sight.open else _shut(door)


def _unread(door: Door, sight: DoorSight, at: float) -> Door:
    since = at if door.unread_since is None else door.unread_since
    door = replace(door, unread_since=since, readable_since=None)
    if at - since > GAP_S:
        door = replace(door, open_since=None)
    if not sight.online:
        return replace(door, unreadable_since=None)  # the board's fault, not the sensor's
    door = replace(door, unreadable_since=at if door.unreadable_since is None else door.unreadable_since)
    assert door.unreadable_since is not None  # noqa: S101  # set above
    return _with(door, "sensor_unreadable") if at - door.unreadable_since >= UNREADABLE_S else door


def _sensor_well(door: Door, at: float) -> Door:
    if door.readable_since is not None and at - door.readable_since >= READS_WELL_S:
        door = _without(door, {"sensor_unreadable"})
    if door.still_since is not None and at - door.still_since >= READS_WELL_S:
        door = replace(_without(door, {"sensor_contradicts_itself"}), still_since=None)
    return door


def _standing_open(door: Door, left_open_s: int, at: float) -> Door:
    since = at if door.open_since is None else door.open_since
    door = replace(door, open_since=since)
    return _with(door, "door_left_open") if left_open_s > 0 and at - since >= left_open_s else door


def _shut(door: Door) -> Door:
    door = replace(door, open_since=None)
    return door if "sensor_contradicts_itself" in door.holding else _without(door, SHUT_ENDS)


def told(door: Door, kind: EventKind, at: float) -> Door:
    """The door after an event of its board."""
    if not door.senses:
        return door
    if kind in ("door_opened", "door_closed") and "sensor_contradicts_itself" in door.holding:
        door = replace(door, still_since=at)
    if kind == "door_closed":
        return _shut(door)
    if kind in ("door_opened", "uncommanded_open", "opened_unseen"):
        door = replace(door, open_since=at if door.open_since is None else door.open_since)
    if kind in ("uncommanded_open", "opened_unseen"):
        return _with(door, "uncommanded_open")
    if kind == "jammed":
        return _with(door, "lock_jammed")
    if kind == "sensor_suspect":
        return replace(_with(door, "sensor_contradicts_itself"), still_since=None)
    return door


def opened(door: Door, *, confirmed: bool) -> Door:
    """The door after an open that succeeded. `confirmed`: its sensor followed the door, so it can be believed."""
    ends: set[CauseKind] = {"lock_jammed"}
    if confirmed:
        ends |= {"sensor_contradicts_itself", "sensor_unreadable"}
        door = replace(door, still_since=None)
    return _without(door, ends)


def _with(door: Door, kind: CauseKind) -> Door:
    return door if kind in door.holding else replace(door, holding=door.holding | {kind})


def _without(door: Door, kinds: set[CauseKind] | frozenset[CauseKind]) -> Door:
    return replace(door, holding=door.holding - kinds) if door.holding & kinds else door
