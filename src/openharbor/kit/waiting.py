"""Waiting for something, but no longer than a clock says."""

import asyncio
from typing import Any

from openharbor.kit.clock import Clock


async def done_within(wanted: asyncio.Future[Any], seconds: float, clock: Clock) -> bool:
    """Whether `wanted` was done before so many seconds had passed. It is left as it is: not cancelled, not read."""
    if wanted.done():
        return True
    if seconds <= 0:
        return False
    timer = asyncio.ensure_future(clock.sleep(seconds))
    try:
        await asyncio.wait({wanted, timer}, return_when=asyncio.FIRST_COMPLETED)
        return wanted.done()
    finally:
        timer.cancel()


class Signal:
    """Wakes the one who waits for it; given while nobody waits, it is kept for the next wait."""

    def __init__(self) -> None:
        self._given = False
        self._waiter: asyncio.Future[None] | None = None

    def give(self) -> None:
        self._given = True
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def clear(self) -> None:
        self._given = False

    async def wait(self) -> None:
        """Takes the signal, whenever it comes."""
        if not self._given:
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter
        self._given = False

    async def within(self, seconds: float, clock: Clock) -> bool:
        """Takes the signal. False: it was not given before so many seconds had passed."""
        if not self._given:
            self._waiter = asyncio.get_running_loop().create_future()
            await done_within(self._waiter, seconds, clock)
        given, self._given = self._given, False
        return given
