"""What doors do, and time alone: openings end, closings are told, forced doors too (blink-protocol.md 7.3, 9.2)."""

from collections.abc import Mapping

from msgspec.structs import replace

from openharbor.blink.events import CLOSED, LEFT_OPEN, DoorForced, Event, WrongDoor
from openharbor.tower import openings
from openharbor.tower.locker_events import accessed, door_event
from openharbor.tower.lockers import INVERTED, NOT_USABLE, Locker
from openharbor.tower.openings import LATE_WITHIN_MS, SEEN_WITHIN_MS
from openharbor.tower.state import Effect, Late, Step, Tower, logged, now, with_locker

Readings = Mapping[int, bool | None]  # by port: what the contact says, True for open, None when it cannot be read


def doors_read(tower: Tower, readings: Readings, at_ms: int) -> Step:
    """New readings, made at `at_ms` and after every pulse told before. Ports that are not read are left out."""
    effects: list[Effect] = []
    for number, locker in sorted(tower.lockers.items()):
        if locker.port in readings:
            is_open = _door(locker, readings[locker.port])
            was_open = tower.doors.get(number)
            tower = replace(tower, doors={**tower.doors, number: is_open})
            step = _seen(tower, locker, was_open, is_open, at_ms)
            tower = step.tower
            effects += step.effects
    return Step(tower, tuple(effects))


def _door(locker: Locker, contact: bool | None) -> bool | None:
    if contact is None or locker.sensor == NOT_USABLE:
        return None
    return contact != (locker.sensor == INVERTED)


def _seen(tower: Tower, locker: Locker, was_open: bool | None, is_open: bool | None, at_ms: int) -> Step:
    number, pending = locker.number, tower.pending
    if pending is not None and pending.opening.number == number and pending.fired_ms is not None:
        if is_open:
            return openings.ended(tower, True, at_ms)
        tower = replace(tower, pending=replace(pending, shut=is_open is False))
    if is_open:
        late = tower.late.get(number)
        if late is not None and at_ms - late.fired_ms <= LATE_WITHIN_MS:
            return Step(_opened_late(tower, late, at_ms))
        if was_open is False and locker.watched is None and not _pulsed(tower, number, at_ms):
            return Step(_opened_alone(tower, locker, at_ms))
    elif is_open is False and locker.watched is not None:
        event = door_event(locker, CLOSED, now(tower, at_ms), closed=True)
        return Step(logged(with_locker(tower, replace(locker, watched=None)), event, at_ms))
    return Step(tower)


def _opened_late(tower: Tower, late: Late, at_ms: int) -> Tower:
    """The access completes now, and with it what the session remembers of it."""
    opening = late.opening
    before = tower.lockers[opening.number]
    tower, after = openings.opened(tower, opening, seen=True, at_ms=at_ms)
    tower = replace(tower, late={number: one for number, one in tower.late.items() if one is not late})
    visit = tower.visit
    if visit is not None and visit.session_id == late.session_id and visit.last is not None:
        last = visit.last
        if last.pending is not None and last.pending == opening.change:
            last = replace(last, pending=None, before=before, after=after)
            tower = replace(tower, visit=replace(visit, last=last))
    return logged(tower, accessed(opening, after, confirmed=True, opened_at=now(tower, at_ms)), at_ms)


def _pulsed(tower: Tower, number: int, at_ms: int) -> bool:
    pulse = tower.pulses.get(number)
    return pulse is not None and at_ms - pulse <= LATE_WITHIN_MS


def _opened_alone(tower: Tower, locker: Locker, at_ms: int) -> Tower:
    """A door that nobody asked for: the wrong one while another lock was fired, else a forced one."""
    fired = _just_fired(tower)
    event: Event
    if fired is not None:
        number, pulse = fired
        event = WrongDoor(
            event_id=0,
            at=now(tower, at_ms),
            locker_number=number,
            other_number=locker.number,
            since_pulse_ms=at_ms - pulse,
        )
    else:
        since = tower.pulses.get(locker.number)
        event = DoorForced(
            event_id=0,
            at=now(tower, at_ms),
            locker_number=locker.number,
            port=locker.port,
            available=locker.available,
            since_pulse_ms=None if since is None else at_ms - since,
        )
    return logged(tower, event, at_ms)


def _just_fired(tower: Tower) -> tuple[int, int] | None:
    """The locker whose door is being waited for, and the uptime of its pulse."""
    pending = tower.pending
    if pending is None or pending.fired_ms is None:
        return None
    return pending.opening.number, pending.fired_ms


def ticked(tower: Tower, at_ms: int) -> Step:
    """What time alone brings: a jam after 3 s, late openings forgotten, doors left open."""
    effects: tuple[Effect, ...] = ()
    pending = tower.pending
    if pending is not None and pending.fired_ms is not None and at_ms - pending.fired_ms >= SEEN_WITHIN_MS:
        # a reading from before the pulse says nothing
        step = openings.ended(tower, False if pending.shut else None, at_ms)
        tower, effects = step.tower, step.effects
    late = {number: one for number, one in tower.late.items() if at_ms - one.fired_ms <= LATE_WITHIN_MS}
    if len(late) != len(tower.late):
        tower = replace(tower, late=late)
    return Step(_left_open(tower, at_ms), effects)


def _left_open(tower: Tower, at_ms: int) -> Tower:
    time = now(tower, at_ms)
    for number, locker in sorted(tower.lockers.items()):
        watched = locker.watched
        if watched is None or watched.told or time - watched.opened_at < tower.settings.left_open_s:
            continue
        if tower.doors.get(number):
            tower = logged(tower, door_event(locker, LEFT_OPEN, time, closed=False), at_ms)
            tower = with_locker(tower, replace(locker, watched=replace(watched, told=True)))
    return tower
