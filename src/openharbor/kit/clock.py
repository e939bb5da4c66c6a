"""Time, passed in: what needs the time takes a clock, so that a test can step it."""

import asyncio
import heapq
import itertools
import time
from typing import Protocol


class Clock(Protocol):
    """Wall time for records, monotonic time for waiting. Never trust the first for a duration."""

    def now(self) -> int:
        """Milliseconds since 1970, UTC."""

    def monotonic(self) -> float:
        """Seconds, from an arbitrary start; never goes back."""

    async def sleep(self, seconds: float) -> None:
        """Returns when `monotonic` has advanced by that much; at once for 0 or less."""


class SystemClock:
    """The clock of the machine."""

    def now(self) -> int:
        return time.time_ns() // 1_000_000

    def monotonic(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(max(seconds, 0))


class SteppedClock:
    """A clock that stands still until a test advances it; sleepers wake in order."""

    def __init__(self, start_ms: int = 1_772_000_000_000) -> None:
        self._start_ms = start_ms
        self._elapsed = 0.0
        self._order = itertools.count()
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []

    def now(self) -> int:
        return self._start_ms + round(self._elapsed * 1000)

    def monotonic(self) -> float:
        return self._elapsed

    async def sleep(self, seconds: float) -> None:
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        wake: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self._elapsed + seconds, next(self._order), wake))
        await wake

    async def advance(self, seconds: float) -> None:
        """Moves time forward, waking each sleeper at its moment and letting it run before the next."""
        until = self._elapsed + seconds
        await _settle()
        while self._sleepers and self._sleepers[0][0] <= until:
            due, _, wake = heapq.heappop(self._sleepers)
            self._elapsed = max(self._elapsed, due)
            if not wake.done():
                wake.set_result(None)
            await _settle()
        self._elapsed = until
        await _settle()


async def _settle(rounds: int = 20) -> None:
    """Lets every task that can run reach its next wait."""
    for _ in range(rounds):
        await asyncio.sleep(0)
