"""The tower's clock: uptime in, seconds since 1970 out; what may move it (blink-protocol.md 10)."""

from typing import Final

import msgspec

from openharbor.blink.opening import UNSURE_STEP_S, DeviceTime
from openharbor.blink.refusals import MSG_ITEM_MISSING, MSG_ITEM_RANGE, MSG_ITEM_VALUE, Rejected

DAY_MS: Final = 86_400_000
FLOOR_EVERY_S: Final = 900
EARLIEST_S: Final = 1_735_689_600  # 2025-01-01: no answer to a challenge sets the clock before it
TECHNICIAN_STEP_S: Final = 86_400


class Clock(msgspec.Struct, frozen=True, kw_only=True):
    """Read `base_ms` (since 1970) when the uptime was `since_ms`. `floor`: s since 1970, stored, it never starts below.

    `owed_ms`: still to be lost at half speed. `steps`: (uptime in ms, seconds) that sealed times moved it, of a day.
    `warned_ms`: uptime of the last ERROR_EVENT 307 for a time that was too far ahead.
    """

    base_ms: int
    since_ms: int
    floor: int
    sure: bool = True
    challenge: bytes = b""
    owed_ms: int = 0
    steps: tuple[tuple[int, int], ...] = ()
    warned_ms: int | None = None


def now(clock: Clock, at_ms: int) -> int:
    """Seconds since 1970 at an uptime in ms."""
    elapsed = at_ms - clock.since_ms
    return (clock.base_ms + elapsed - min(elapsed // 2, clock.owed_ms)) // 1000


def device_time(clock: Clock, at_ms: int) -> DeviceTime:
    """The clock as the checks of sealed times want it."""
    return DeviceTime(now(clock, at_ms), clock.sure, sum(seconds for _, seconds in _recent(clock, at_ms)))


def moved(clock: Clock, at_ms: int, judged: DeviceTime) -> Clock:
    """The clock after a sealed time was judged: stepped forward, or as it was."""
    seconds = judged.now - now(clock, at_ms)
    if seconds <= 0:
        return clock
    steps = (*_recent(clock, at_ms), (at_ms, seconds)) if clock.sure else clock.steps
    return msgspec.structs.replace(clock, base_ms=clock.base_ms + seconds * 1000, steps=steps)


def _recent(clock: Clock, at_ms: int) -> tuple[tuple[int, int], ...]:
    return tuple(one for one in clock.steps if at_ms - one[0] < DAY_MS)


def floored(clock: Clock, at_ms: int) -> Clock:
    """With the floor at the present time: before a time leaves, and at every event (rule 3 of 10.1)."""
    time = now(clock, at_ms)
    return clock if time <= clock.floor else msgspec.structs.replace(clock, floor=time)


def floor_is_due(clock: Clock, at_ms: int) -> bool:
    """Whether 15 minutes have passed since the floor was stored."""
    return now(clock, at_ms) - clock.floor >= FLOOR_EVERY_S


def warning_is_due(clock: Clock, at_ms: int) -> bool:
    """Whether an ERROR_EVENT 307 may be written: at most one a day (10.2)."""
    return clock.warned_ms is None or at_ms - clock.warned_ms >= DAY_MS


def answered(clock: Clock, at_ms: int, time: int, answer: bytes, fresh: bytes) -> Clock:
    """After a server's SET_CLOCK with an answer to the challenge: forwards or backwards, sure, `fresh` challenge drawn.

    Raises Rejected 106 (not the challenge), 104 (before 2025).
    """
    if not clock.challenge or answer != clock.challenge:
        raise Rejected(MSG_ITEM_VALUE, "time_challenge (#229) is not the tower's")
    if time < EARLIEST_S:
        raise Rejected(MSG_ITEM_RANGE, "the time is before 2025-01-01")
    # the floor goes back with the clock: the server has signed the value that this tower drew
    return Clock(base_ms=time * 1000, since_ms=at_ms, floor=time, challenge=fresh)


def set_by_server(clock: Clock, at_ms: int, time: int) -> Clock:
    """After a server's SET_CLOCK without a challenge. Raises Rejected 102 while unsure, 104 (back, beyond 366 days)."""
    if not clock.sure:
        raise Rejected(MSG_ITEM_MISSING, "time_challenge (#229) is needed while the clock is unsure")
    return _forward(clock, at_ms, time, UNSURE_STEP_S)


def set_by_technician(clock: Clock, at_ms: int, time: int) -> Clock:
    """After SET_CLOCK in a session: forward by a day at most, and no surer than before. Raises Rejected 104."""
    return _forward(clock, at_ms, time, TECHNICIAN_STEP_S)


def adjusted(clock: Clock, at_ms: int, seconds: int) -> Clock:
    """After ADJUST_CLOCK: a step forward, or half speed until that much is lost."""
    if seconds >= 0:
        return _forward(clock, at_ms, now(clock, at_ms) + seconds, seconds)
    elapsed = at_ms - clock.since_ms
    lost = min(elapsed // 2, clock.owed_ms)
    return msgspec.structs.replace(
        clock, base_ms=clock.base_ms + elapsed - lost, since_ms=at_ms, owed_ms=clock.owed_ms - lost - seconds * 1000
    )


def _forward(clock: Clock, at_ms: int, time: int, furthest: int) -> Clock:
    ahead = time - now(clock, at_ms)
    if not 0 <= ahead <= furthest:
        raise Rejected(MSG_ITEM_RANGE, f"the clock may go 0 to {furthest} s forward, not {ahead}")
    return msgspec.structs.replace(clock, base_ms=clock.base_ms + ahead * 1000)
