"""Which causes of alarms hold: everything watched, a fact in, the new state and the news out. Pure.

Facts come from `alarm_watch`: a look at everything each second, and in between what a board told and what an open came
to. What holds is given at the start from the journal, so that a restart neither repeats an alarm nor forgets one.
"""

from collections.abc import Iterable, Iterator, Mapping

import msgspec
from msgspec.structs import replace

from openharbor.boards.outcomes import BoardState, EventKind
from openharbor.gateway import alarm_doors as doors
from openharbor.gateway import alarm_presence as presence
from openharbor.gateway.alarm_doors import Door, DoorSight
from openharbor.gateway.alarm_presence import Attached, Presence, Times
from openharbor.gateway.alarms import Cause, News
from openharbor.gateway.site import Device

Holding = frozenset[Cause]


class BoardSight(msgspec.Struct, frozen=True):
    """A controller's board as it shows now."""

    name: str
    state: BoardState


class Look(msgspec.Struct, frozen=True):
    """Everything at one moment: doors by locker, boards by controller, devices by id. What is missing was removed."""

    times: Times
    left_open_s: int
    doors: Mapping[int, DoorSight]
    boards: Mapping[int, BoardSight]
    devices: Mapping[str, Device]


class BoardTold(msgspec.Struct, frozen=True):
    """An event of a board, about one of its lockers or none."""

    times: Times
    controller_id: int
    locker_id: int | None
    kind: EventKind


class OpenSucceeded(msgspec.Struct, frozen=True):
    """An open ended well. `confirmed`: the sensor saw the door open."""

    times: Times
    locker_id: int
    confirmed: bool


class FoundOpen(msgspec.Struct, frozen=True):
    """After a restart a door stands open that was shut before, and no lock was fired since."""

    times: Times
    locker_id: int


Fact = Look | BoardTold | OpenSucceeded | FoundOpen


class Conditions(msgspec.Struct, frozen=True):
    """What is remembered of everything watched. `inherited`: what held before, of things not looked at yet."""

    doors: Mapping[int, Door] = {}
    boards: Mapping[int, Presence] = {}
    devices: Mapping[str, Attached] = {}
    times: Times | None = None
    left_open_s: int = 0
    inherited: Holding = frozenset()


def begin(holding: Iterable[Cause]) -> Conditions:
    """The state at the start. `holding`: the causes of the alarms that last, from the journal."""
    return Conditions(inherited=frozenset(holding))


def after(conditions: Conditions, fact: Fact) -> tuple[Conditions, tuple[News, ...]]:
    """The state after a fact, and what began or ceased to hold. Facts come in the order of their times."""
    if isinstance(fact, Look):
        return _looked(conditions, fact)
    if isinstance(fact, BoardTold):
        return _told(conditions, fact)
    before = conditions.doors.get(fact.locker_id)
    if before is None:
        return conditions, ()
    if isinstance(fact, OpenSucceeded):
        door = doors.opened(before, confirmed=fact.confirmed)
    else:
        door = doors.told(before, "opened_unseen", fact.times.at)
    return _with_door(conditions, fact.locker_id, before, door, fact.times.now)


def holding_of(conditions: Conditions) -> Holding:
    """Every cause that holds."""
    return (
        conditions.inherited
        | {
            Cause(kind, locker, door.controller_id)
            for locker, door in conditions.doors.items()
            for kind in door.holding
        }
        | {_offline(number) for number, board in conditions.boards.items() if board.alarmed}
        | {cause for name, one in conditions.devices.items() for cause in _device_causes(name, one)}
    )


def seen_doors(conditions: Conditions) -> Mapping[int, bool]:
    """The doors that can be read now, by locker: whether they stand open."""
    return {
        locker_id: door.open_since is not None
        for locker_id, door in conditions.doors.items()
        if door.readable_since is not None
    }


# One look at everything ------------------------------------------------


def _looked(conditions: Conditions, look: Look) -> tuple[Conditions, tuple[News, ...]]:
    seen = Conditions(
        doors={number: _door(conditions, number, sight, look) for number, sight in look.doors.items()},
        boards={number: _board(conditions, number, sight, look) for number, sight in look.boards.items()},
        devices={name: _device(conditions, name, device, look) for name, device in look.devices.items()},
        times=look.times,
        left_open_s=look.left_open_s,
    )
    before, now = holding_of(conditions), holding_of(seen)
    ended = [News(cause, holds=False, at=look.times.now) for cause in _in_order(before - now)]
    begun = [News(cause, True, look.times.now, _message(cause, look)) for cause in _in_order(now - before)]
    return seen, (*ended, *begun, *_jumps(conditions.times, look.times))


def _door(conditions: Conditions, locker_id: int, sight: DoorSight, look: Look) -> Door:
    known = conditions.doors.get(locker_id)
    if known is None or known.controller_id != sight.controller_id:
        held = (one.kind for one in conditions.inherited if one.locker_id == locker_id)
        known = Door(sight.controller_id, frozenset(held))
    return doors.looked_at(known, sight, look.left_open_s, look.times.at)


def _board(conditions: Conditions, controller_id: int, sight: BoardSight, look: Look) -> Presence:
    return presence.board_seen(
        conditions.boards.get(controller_id),
        online=sight.state.online,
        at=look.times.at,
        alarmed=_offline(controller_id) in conditions.inherited,
    )


def _device(conditions: Conditions, device_id: str, device: Device, look: Look) -> Attached:
    return presence.device_seen(
        conditions.devices.get(device_id),
        device,
        look.times.at,
        offline=Cause("device_offline", device_id=device_id) in conditions.inherited,
        drifts=Cause("device_clock", device_id=device_id) in conditions.inherited,
    )


def _jumps(before: Times | None, now: Times) -> Iterator[News]:
    """A clock that was set is right again at once, as far as anybody here can tell."""
    jumped = 0 if before is None else presence.jump_ms(before, now)
    if jumped:
        cause = Cause("gateway_clock")
        yield News(cause, True, now.now, presence.jump_message(jumped))
        yield News(cause, holds=False, at=now.now)


# One thing at a time ---------------------------------------------------


def _told(conditions: Conditions, fact: BoardTold) -> tuple[Conditions, tuple[News, ...]]:
    board = conditions.boards.get(fact.controller_id)
    if board is not None and fact.kind in ("board_online", "board_offline"):
        edge = presence.board_edge(board, online=fact.kind == "board_online", at=fact.times.at)
        return replace(conditions, boards={**conditions.boards, fact.controller_id: edge}), ()
    before = None if fact.locker_id is None else conditions.doors.get(fact.locker_id)
    if before is None or fact.locker_id is None:
        return conditions, ()
    door = doors.told(before, fact.kind, fact.times.at)
    return _with_door(conditions, fact.locker_id, before, door, fact.times.now)


def _with_door(
    conditions: Conditions, locker_id: int, before: Door, door: Door, now: int
) -> tuple[Conditions, tuple[News, ...]]:
    if door is before:
        return conditions, ()
    news = [
        News(Cause(kind, locker_id, door.controller_id), holds=False, at=now)
        for kind in sorted(before.holding - door.holding)
    ]
    news += [
        News(
            Cause(kind, locker_id, door.controller_id),
            True,
            now,
            doors.message_of(kind, locker_id, conditions.left_open_s),
        )
        for kind in sorted(door.holding - before.holding)
    ]
    return replace(conditions, doors={**conditions.doors, locker_id: door}), tuple(news)


# Causes and words ------------------------------------------------------


def _offline(controller_id: int) -> Cause:
    return Cause("controller_offline", controller_id=controller_id)


def _device_causes(device_id: str, device: Attached) -> Iterator[Cause]:
    if device.offline:
        yield Cause("device_offline", device_id=device_id)
    if device.drifts:
        yield Cause("device_clock", device_id=device_id)


def _in_order(causes: Holding) -> list[Cause]:
    """The same each time: by subject, then by kind."""
    return sorted(causes, key=lambda cause: (cause.subject, cause.kind))


def _message(cause: Cause, look: Look) -> str:
    if cause.locker_id is not None:
        return doors.message_of(cause.kind, cause.locker_id, look.left_open_s)
    if cause.controller_id is not None:
        sight = look.boards[cause.controller_id]
        return presence.board_message(cause.controller_id, sight.name, sight.state.failure)
    if cause.kind == "device_offline":
        return presence.device_message(cause.device_id or "")
    return presence.drift_message(look.devices[cause.device_id or ""])
