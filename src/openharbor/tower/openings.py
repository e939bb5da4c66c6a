"""An opening in its steps: intent, pulse, door, state, event, answer (blink-protocol.md 7.3).

`begun` puts the intent into the state; the shell stores it, then fires, then tells `pulsed`. The door is watched by
`door_watch`, which ends the opening with `ended`. Intents that a power cut left open are resolved by `resolved`.
"""

from collections.abc import Mapping
from typing import Final

from msgspec.structs import replace

from openharbor.blink.packets import Packet
from openharbor.blink.refusals import Rejected
from openharbor.tower import faults, lockers
from openharbor.tower.activity import LOCKER_SESSIONS
from openharbor.tower.answers import answered, refused
from openharbor.tower.codes import HW_UNKNOWN, SYS_LOCKERS_BUSY
from openharbor.tower.locker_events import accessed, failed_access
from openharbor.tower.lockers import NOT_USABLE, Change, Locker, Take, Watched
from openharbor.tower.state import (
    Effect,
    Fire,
    KeypadSays,
    LastOpened,
    Late,
    Opening,
    Pending,
    PulseOutcome,
    Step,
    Tower,
    counted,
    logged,
    now,
    with_locker,
)

SEEN_WITHIN_MS: Final = 3000
LATE_WITHIN_MS: Final = 30_000


def begun(tower: Tower, pending: Pending, at_ms: int) -> Step:
    """Step 1: the intent. The pulse follows once it is durable. Raises Rejected 509 while the lock is firing."""
    number = pending.opening.number
    if tower.pulses.get(number, at_ms) > at_ms:
        raise Rejected(SYS_LOCKERS_BUSY, "the lock is firing")
    late = {one: waiting for one, waiting in tower.late.items() if one != number}
    tower = replace(tower, pending=pending, intent=pending.opening, late=late)
    return Step(tower, (Fire(number, pending.port, tower.settings.solenoid_delay_ms),))


def pulsed(tower: Tower, outcome: PulseOutcome, at_ms: int) -> Step:
    """Step 2 is over. `failed`: the board surely sent no pulse. `unknown`: it may have. Raises ValueError before 1."""
    pending = _waiting(tower)
    if outcome == "failed":
        return _failed(tower, pending, at_ms)
    number = pending.opening.number
    pending = replace(pending, fired_ms=at_ms, doubtful=outcome == "unknown")
    if outcome == "sent":
        tower = faults.lock_works(tower, number, at_ms)
    tower = replace(tower, pending=pending, pulses={**tower.pulses, number: at_ms})
    if tower.lockers[number].sensor == NOT_USABLE:
        return ended(tower, None, at_ms)
    return Step(tower)


def _waiting(tower: Tower) -> Pending:
    if tower.pending is None:
        raise ValueError("no opening is on its way")
    return tower.pending


def _failed(tower: Tower, pending: Pending, at_ms: int) -> Step:
    number = pending.opening.number
    tower = replace(tower, pending=None, intent=None)
    if pending.opening.token_id is not None:
        tower = logged(tower, failed_access(pending.opening, HW_UNKNOWN), at_ms)
    tower = faults.lock_failed(tower, number, at_ms)
    if pending.asked is None:
        return Step(tower, (KeypadSays("failed", number),))
    return refused(tower, pending.asked, Rejected(HW_UNKNOWN, "the lock board reports a fault"), pending.iv, at_ms)


def ended(tower: Tower, seen: bool | None, at_ms: int) -> Step:
    """Steps 4 and 5. `seen`: the door is open, stayed shut (jam), or cannot be read.

    What cannot be seen is resolved: with a sensor that was never usable the pulse counts as the opening; with one that
    failed just now, or a pulse in doubt, the locker counts as taken rather than free.
    """
    pending = _waiting(tower)
    opening = pending.opening
    before = tower.lockers[opening.number]
    certain = seen is None and before.sensor == NOT_USABLE and not pending.doubtful
    if seen or certain:
        tower, after = opened(tower, opening, seen=seen, at_ms=at_ms)
    else:
        after = _resolved_record(tower, opening, at_ms) if seen is None else before
        tower = _shut(with_locker(tower, after), pending, at_ms, applied=after != before)
    event = accessed(opening, after, confirmed=seen, opened_at=now(tower, at_ms) if seen else None)
    tower = logged(replace(tower, pending=None, intent=None), event, at_ms)
    applied = opening.change is not None and (seen is True or certain or after != before)
    tower = _remembered(tower, pending, before, applied=applied)
    return _told(tower, pending, seen, at_ms)


def opened(tower: Tower, opening: Opening, *, seen: bool | None, at_ms: int) -> tuple[Tower, Locker]:
    """The state after a door opened, or after the pulse where no door can be seen, and the locker's record in it."""
    locker = tower.lockers[opening.number]
    if opening.change is not None:
        locker = _record_after(tower, opening, opening.change, at_ms)
    if seen:
        locker = replace(locker, watched=Watched(now(tower, at_ms), opening.token_id, opening.access_kind))
    return with_locker(tower, locker), locker


def _shut(tower: Tower, pending: Pending, at_ms: int, *, applied: bool) -> Tower:
    """The door may still open in time."""
    opening = replace(pending.opening, change=None) if applied else pending.opening
    session_id = pending.asked.session.session_id if pending.asked else None
    fired_ms = at_ms if pending.fired_ms is None else pending.fired_ms
    late = Late(opening=opening, fired_ms=fired_ms, session_id=session_id)
    return replace(tower, late={**tower.late, pending.opening.number: late})


def _remembered(tower: Tower, pending: Pending, before: Locker, *, applied: bool) -> Tower:
    """What the session has opened last."""
    visit, asked = tower.visit, pending.asked
    if asked is None or visit is None or asked.packet_type == Packet.FIRE_LOCK:
        return tower
    opening, again = pending.opening, pending.again
    last = LastOpened(
        opening=opening,
        port=pending.port,
        pending=None if applied else opening.change,
        tried=before,
        reply=asked.turn.number + 1,
        no_code=pending.no_code,
    )
    if applied:
        last = replace(last, before=before, after=tower.lockers[opening.number])
    elif again is not None and opening.change is None:
        last = replace(last, before=again.before, after=again.after)
    if again is not None:
        last = replace(last, opening=again.opening, reverted=again.reverted)
    if visit.last is None:
        tower = counted(tower, LOCKER_SESSIONS)
    return replace(tower, visit=replace(visit, last=last))


def _told(tower: Tower, pending: Pending, seen: bool | None, at_ms: int) -> Step:
    """Who asked is answered; a pulse in doubt without an open door is no opening."""
    asked, number = pending.asked, pending.opening.number
    if asked is None:
        says = KeypadSays("jammed" if seen is False else "opened", number)
        effects: tuple[Effect, ...] = (says,)
        return Step(tower, effects)
    if pending.doubtful and not seen:
        return refused(tower, asked, Rejected(HW_UNKNOWN, "the lock board did not answer"), pending.iv, at_ms)
    fields: dict[int, object] = {} if asked.packet_type == Packet.FIRE_LOCK else {70: number}
    if fields and seen is not None:
        fields[234] = seen
    return answered(tower, asked, fields, pending.iv)


def resolved(tower: Tower, at_ms: int) -> Tower:
    """After a power cut: the open intent, if there is one, towards *taken*, with an event that says so."""
    opening = tower.intent
    if opening is None:
        return tower
    before = tower.lockers[opening.number]
    after = _resolved_record(tower, opening, at_ms)
    if after.sensor != NOT_USABLE and after != before:
        # so that its closing is told, or that it was left open
        after = replace(after, watched=Watched(opening.started, opening.token_id, opening.access_kind))
    tower = with_locker(replace(tower, intent=None), after)
    return logged(tower, accessed(opening, after, confirmed=None, opened_at=None), at_ms)


def late_after_start(late: Mapping[int, Late], at_ms: int) -> dict[int, Late]:
    """Jams whose doors may have opened while the power was out: found open, a drop-off counts as done (7.3).

    A pick-up counts as not done, as ever after a power cut.
    """
    kept: dict[int, Late] = {}
    for number, one in late.items():
        change = one.opening.change
        opening = one.opening if change is None or lockers.takes(change) else replace(one.opening, change=None)
        kept[number] = Late(opening=opening, fired_ms=at_ms, session_id=None)
    return kept


def _resolved_record(tower: Tower, opening: Opening, at_ms: int) -> Locker:
    change = opening.change
    if change is None or not lockers.takes(change):
        return tower.lockers[opening.number]
    return _record_after(tower, opening, change, at_ms)


def _record_after(tower: Tower, opening: Opening, change: Change, at_ms: int) -> Locker:
    """The visit window counts from when the door opened: a jam or a power cut before takes nothing from it (7.4)."""
    if isinstance(change, Take):
        change = replace(change, at=now(tower, at_ms))
    return lockers.changed(tower.lockers, opening.number, change)
