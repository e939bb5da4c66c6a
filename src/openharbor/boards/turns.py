"""Who may use a line next: the more urgent first, then who came first (lock-boards.md 4.4)."""

import asyncio
import heapq
import itertools
from enum import IntEnum

from openharbor.kit.clock import Clock
from openharbor.kit.waiting import done_within


class Priority(IntEnum):
    """The lower is the more urgent."""

    SAFE_STATE = 0
    OPEN = 1
    REFRESH = 2
    POLL = 3


class Turns:
    """One turn at a time. A turn that was given up passes straight to the next in line."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._taken = False
        self._order = itertools.count()
        self._waiting: list[tuple[Priority, int, asyncio.Future[None]]] = []

    async def take(self, priority: Priority, deadline: float | None = None) -> bool:
        """Whether the turn was got before the deadline (monotonic seconds)."""
        if not self._taken:
            self._taken = True
            return True
        mine: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (priority, next(self._order), mine))
        try:
            if deadline is None:
                await mine
                return True
            return await done_within(mine, deadline - self._clock.monotonic(), self._clock) or not mine.cancel()
        except asyncio.CancelledError:
            if not mine.cancel() and not mine.cancelled():
                self.give_up()
            raise

    def asked_for_before(self, priority: Priority) -> bool:
        """Whether somebody more urgent waits."""
        return any(other < priority and not waiting.done() for other, _, waiting in self._waiting)

    def give_up(self) -> None:
        """Ends the turn."""
        while self._waiting:
            _, _, next_one = heapq.heappop(self._waiting)
            if not next_one.done():
                next_one.set_result(None)
                return
        self._taken = False
