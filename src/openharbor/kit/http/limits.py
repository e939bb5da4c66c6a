"""How much one caller, and all of them together, may ask for."""

import math
from collections import OrderedDict
from functools import lru_cache
from ipaddress import IPv6Address, ip_address

import msgspec

from openharbor.kit.errors import Refusal

MINUTE = 60.0


class Limits(msgspec.Struct, frozen=True):
    """Limits of a service (contract, "Conventions").

    `body_bytes` of one request; `requests_per_minute` of one caller, of whom `callers` are remembered; `in_flight`
    requests in handlers at once. `loopback_exempt`: callers on this machine are not counted. `bounds_unlimited`:
    operations outside of the rate limit count among those in flight, and are refused when there are too many.
    """

    body_bytes: int = 65_536
    requests_per_minute: int = 1200
    callers: int = 10_000
    in_flight: int = 512
    loopback_exempt: bool = True
    bounds_unlimited: bool = False


class Window(msgspec.Struct, frozen=True, gc=False):
    """Requests of one caller: in the minute that began at `start` (s), and in the one before."""

    start: float
    count: int
    before: int


def count_request(window: Window | None, now: float, limit: int) -> Window | float:
    """The window with one request more, or the seconds to wait when that would be over `limit` in a sliding minute.

    The minute before counts for the part of it that still lies within the last 60 s.
    """
    current = Window(now, 0, 0) if window is None else _moved_on(window, now)
    elapsed = now - current.start
    if current.count + current.before * (1 - elapsed / MINUTE) < limit:
        return Window(current.start, current.count + 1, current.before)
    if current.count >= limit:
        return MINUTE - elapsed
    return MINUTE * (1 - (limit - current.count) / current.before) - elapsed


def _moved_on(window: Window, now: float) -> Window:
    elapsed = now - window.start
    if elapsed < MINUTE:
        return window
    if elapsed < 2 * MINUTE:
        return Window(window.start + MINUTE, 0, window.count)
    return Window(now, 0, 0)


class RateLimiter:
    """Counts requests by caller; of more callers than it remembers, those not seen for longest are forgotten."""

    def __init__(self, limits: Limits) -> None:
        self._limit, self._most = limits.requests_per_minute, limits.callers
        self._windows: OrderedDict[str, Window] = OrderedDict()

    def refuse(self, caller: str, now: float) -> Refusal | None:
        """Counts a request of `caller` at `now` (s, monotonic), or says why not."""
        counted = count_request(self._windows.get(caller), now, self._limit)
        if not isinstance(counted, Window):
            return too_many_requests(self._limit, counted)
        self._windows[caller] = counted
        self._windows.move_to_end(caller)
        if len(self._windows) > self._most:
            self._windows.popitem(last=False)
        return None

    def __len__(self) -> int:
        return len(self._windows)


def too_many_requests(limit: int, wait: float) -> Refusal:
    """429, with the seconds to wait rounded up."""
    details = {"limitPerMinute": str(limit)}
    return Refusal("RATE_LIMITED", 429, "Too many requests", details, retry_after=max(1, math.ceil(wait)))


def too_many_at_once(limit: int) -> Refusal:
    return Refusal("RATE_LIMITED", 429, "Too many requests at once", {"limitAtOnce": str(limit)}, retry_after=1)


@lru_cache(maxsize=10_000)
def caller_of(address: str) -> str | None:
    """Who an address counts as; None: this machine. An IPv6 /64 is one caller: one host may have all of it."""
    try:
        ip = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(ip, IPv6Address):
        if ip.ipv4_mapped is None:
            return None if ip.is_loopback else f"{IPv6Address(int(ip) >> 64 << 64)}/64"
        ip = ip.ipv4_mapped
    return None if ip.is_loopback else str(ip)
