"""When which lock was pulsed: repeats, the rate limit, and whose doing an opening was (lock-boards.md 4.2, 4.5)."""

from collections.abc import Mapping

RATE = 15  # pulses of one lock
RATE_S = 60.0

History = Mapping[
    int, tuple[float, ...]
]  # monotonic seconds of the pulses of each lock, the last RATE_S; its last one always


def pulsed(history: History, lock: int, at: float) -> History:
    """The history after one more pulse."""
    kept = tuple(one for one in history.get(lock, ()) if one > at - RATE_S)
    return {**history, lock: (*kept, at)}


def not_pulsed(history: History, lock: int, at: float) -> History:
    """The history without a pulse that was noted before it was known that nothing left."""
    return {**history, lock: tuple(one for one in history.get(lock, ()) if one != at)}


def last(history: History, lock: int) -> float | None:
    times = history.get(lock, ())
    return times[-1] if times else None


def latest_at(history: History) -> float | None:
    """When any lock was pulsed last."""
    return max((times[-1] for times in history.values() if times), default=None)


def over_rate(history: History, lock: int, now: float) -> bool:
    """Whether one more pulse would be more than 15 in a minute."""
    return sum(one > now - RATE_S for one in history.get(lock, ())) >= RATE


def earliest(history: History, lock: int, min_repeat_s: float) -> float:
    """From when the lock may be pulsed again (monotonic seconds)."""
    before = last(history, lock)
    return 0.0 if before is None else before + min_repeat_s


def running_until(history: History, pulse_s: float) -> float:
    """When the last pulse of any lock is over (monotonic seconds)."""
    return max((times[-1] for times in history.values() if times), default=-pulse_s) + pulse_s


def pulsed_within(history: History, lock: int, now: float, window_s: float) -> bool:
    before = last(history, lock)
    return before is not None and now - before <= window_s


def another_at(history: History, lock: int, since: float, pulse_s: float) -> int | None:
    """Another lock that was being pulsed at `since` or later: perhaps its wires are crossed with this one's."""
    late = [(times[-1], other) for other, times in history.items() if other != lock and times]
    found = [(at, other) for at, other in late if at + pulse_s >= since]
    return max(found)[1] if found else None
