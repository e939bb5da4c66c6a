"""What a tower counts, and its report of the day: counters 110 to 118 (blink-protocol.md 3.2, 9.2).

They are stored with whatever else is, and with the clock's floor: counting costs no write of its own, and a power
cut loses a quarter of an hour of it at most.
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec
from msgspec.structs import replace

from openharbor.blink.events import (
    FIRED,
    Accessed,
    DayReported,
    DoorForced,
    ErrorSeen,
    Event,
    SpecialSession,
    WrongDoor,
)
from openharbor.blink.fields import INT32

# links · starts · doors seen open, or fired where none can be seen · sessions that opened a locker · sessions that used
# commands of staff · ERROR_EVENTs of parts (300 to 399) · other ERROR_EVENTs · refused requests · sessions that ran out
(
    CONNECTIONS,
    WAKEUPS,
    DOORS_OPENED,
    LOCKER_SESSIONS,
    SPECIAL_SESSIONS,
    FAULTS,
    ERRORS,
    FAILED_SESSIONS,
    SESSION_TIMEOUTS,
) = range(110, 119)
COUNTERS: Final = range(110, 119)
NAMES: Final = {item.number: name for name, item in DayReported.WIRE if item.number in COUNTERS}
DAY_S: Final = 86_400


class Counter(msgspec.Struct, frozen=True):
    """`total`: since the last reset. `day`: since the last report. `reset_at`: s since 1970, 0 for never."""

    total: int = 0
    day: int = 0
    reset_at: int = 0


class Activity(msgspec.Struct, frozen=True):
    """`since`: start of the period, s since 1970; None before the first tick of a new tower."""

    since: int | None = None
    counters: Mapping[int, Counter] = {}


def of(activity: Activity, number: int) -> Counter:
    """One counter, by its field id, 110 to 118."""
    return activity.counters.get(number, Counter())


def counted(activity: Activity, number: int) -> Activity:
    """One more of what counter `number` counts; it stops at 2^31-1, the most that the SDK reads."""
    old = of(activity, number)
    more = replace(old, total=min(old.total + 1, INT32), day=min(old.day + 1, INT32))
    return replace(activity, counters={**activity.counters, number: more})


def reset(activity: Activity, number: int, now: int) -> Activity:
    """After RESET_COUNTER: the report of the day still tells the whole day. `now`: s since 1970."""
    zero = replace(of(activity, number), total=0, reset_at=now)
    return replace(activity, counters={**activity.counters, number: zero})


def counted_event(activity: Activity, event: Event) -> Activity:
    """With what an event of the log says."""
    number = _counter_of(event)
    return activity if number is None else counted(activity, number)


def _counter_of(event: Event) -> int | None:
    match event:
        case Accessed(reason=reason, confirmed=confirmed) if reason <= FIRED and confirmed is not False:
            return DOORS_OPENED
        case DoorForced() | WrongDoor():
            return DOORS_OPENED
        case SpecialSession():
            return SPECIAL_SESSIONS
        case ErrorSeen(code=code):
            return FAULTS if 300 <= code < 400 else ERRORS
    return None


def report_is_due(activity: Activity, now: int) -> bool:
    """Whether a day is over; also when the clock was set back behind its start."""
    return activity.since is not None and not 0 <= now - activity.since < DAY_S


def report(activity: Activity, now: int, *, uptime_s: int, temperature: int) -> DayReported:
    """The ACTIVITY_REPORT of the period that ends `now`, s since 1970. `temperature`: °C, 0 where nothing measures."""
    counts: dict[str, Any] = {name: of(activity, number).day for number, name in NAMES.items()}
    return DayReported(
        event_id=0,
        at=now,
        period_start=now if activity.since is None else activity.since,
        uptime_s=min(uptime_s, INT32),
        temperature_low=temperature,
        temperature_high=temperature,
        **counts,
    )


def next_day(activity: Activity, now: int) -> Activity:
    """With a new period."""
    return Activity(now, {number: replace(one, day=0) for number, one in activity.counters.items()})
