"""A step of the clock is no time that passed: what durations are counted from steps along (blink-protocol.md 10).

Otherwise a sealed time that puts a slow clock right ends the visit window of a courier whose link just broke (7.4).
"""

from msgspec.structs import replace

from openharbor.tower import device_clock
from openharbor.tower.device_clock import Clock
from openharbor.tower.lockers import Locker
from openharbor.tower.state import Tower


def with_clock(tower: Tower, clock: Clock, at_ms: int) -> Tower:
    """The tower with another clock from now on. `at_ms`: uptime."""
    seconds = device_clock.now(clock, at_ms) - device_clock.now(tower.clock, at_ms)
    tower = replace(tower, clock=clock)
    if seconds == 0 or not any(_counts(one) for one in tower.lockers.values()):
        return tower
    lockers = {number: _stepped(one, seconds) if _counts(one) else one for number, one in tower.lockers.items()}
    return replace(tower, lockers=lockers)


def _counts(locker: Locker) -> bool:
    """Whether anything about it is still measured: an open door, a drop-off that may be repeated."""
    return locker.watched is not None or any(not use.confirmed for use in locker.used)


def _stepped(locker: Locker, seconds: int) -> Locker:
    watched = locker.watched
    if watched is not None:
        watched = replace(watched, opened_at=watched.opened_at + seconds)
    used = tuple(use if use.confirmed else replace(use, at=use.at + seconds) for use in locker.used)
    return replace(locker, watched=watched, used=used)
