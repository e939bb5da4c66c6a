"""Keeps one line connected, for ever (lock-boards.md 4.7)."""

import asyncio
from collections.abc import Awaitable, Callable
from random import Random
from typing import Literal

import structlog

from openharbor.boards.cadence import GOOD_TRAFFIC_S, until_reconnect
from openharbor.boards.line import CannotConnect, Connect, Line, NothingSent
from openharbor.kit.clock import Clock
from openharbor.kit.waiting import Signal, done_within

log = structlog.get_logger("openharbor.boards")

Life = Literal["down", "connecting", "up"]


class Connection:
    """The life of a line: down, connecting, up; after a loss it is tried again with growing pauses.

    `settle` is awaited on a fresh line before it counts as up. `generation` counts the times it came up.
    """

    def __init__(self, name: str, connect: Connect, clock: Clock, random: Random) -> None:
        self.name = name
        self.life: Life = "down"
        self.failure = "not connected yet"
        self.generation = 0
        self._connect, self._clock, self._random = connect, clock, random
        self._line: Line | None = None
        self._lost_because: str | None = None
        self._wake = Signal()
        self._attempt: asyncio.Future[bool] | None = None
        self._failures = 0
        self._first_answer_at: float | None = None
        self._last_answer_at = 0.0
        self._task: asyncio.Task[None] | None = None

    def start(
        self,
        *,
        received: Callable[[bytes], None],
        settle: Callable[[], Awaitable[None]],
        on_up: Callable[[], None],
        on_down: Callable[[str], None],
    ) -> None:
        self._received, self._settle, self._on_up, self._on_down = received, settle, on_up, on_down
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None
        self._tell_attempt(succeeded=False)

    async def ensure(self, deadline: float) -> bool:
        """Whether the line is up; one that is down is tried at once, and what that comes to is waited for."""
        if self.life == "up":
            return True
        if self._task is None:
            return False
        if self._attempt is None:
            self._attempt = asyncio.get_running_loop().create_future()
        attempt = self._attempt
        self._wake.give()
        return await done_within(attempt, deadline - self._clock.monotonic(), self._clock) and attempt.result()

    def write(self, data: bytes) -> None:
        """Raises NothingSent."""
        if self._line is None or self.life != "up":
            raise NothingSent(self.failure)
        self._line.write(data)

    def drop(self, why: str) -> None:
        """Closes a line that is up; it is connected again."""
        if self.life == "up":
            self._lost(why)

    def answered(self) -> None:
        """A valid answer came: what resets the pauses, once it has gone on for long enough."""
        self._last_answer_at = self._clock.monotonic()
        if self._first_answer_at is None:
            self._first_answer_at = self._last_answer_at

    async def _run(self) -> None:
        try:
            while True:
                if await self._come_up():
                    while self._lost_because is None:
                        await self._wake.wait()
                    await self._go_down()
                await self._pause()
        finally:
            await self._close()
            self.life = "down"

    async def _come_up(self) -> bool:
        self.life, self._lost_because, self._first_answer_at = "connecting", None, None
        try:
            self._line = await self._connect(self._received, self._lost)
            await self._settle()
        except CannotConnect as error:
            self._lost_because = str(error)
        except Exception as error:
            log.exception("Connecting a lock-board line failed unexpectedly; it goes on", line=self.name)
            self._lost_because = repr(error)
        if self._lost_because is not None:
            await self._close()
            self._fail(self._lost_because)
            return False
        self.life = "up"
        self.generation += 1
        log.info("Lock-board line is up", line=self.name)
        self._on_up()
        self._tell_attempt(succeeded=True)
        return True

    def _fail(self, why: str) -> None:
        if why != self.failure:
            log.warning("Lock-board line cannot be connected", line=self.name, reason=why)
        self.life, self.failure = "down", why
        self._tell_attempt(succeeded=False)

    async def _go_down(self) -> None:
        await self._close()
        if self._first_answer_at is not None and self._last_answer_at - self._first_answer_at >= GOOD_TRAFFIC_S:
            self._failures = 0

    async def _pause(self) -> None:
        wait = until_reconnect(self._failures, self._random)
        self._failures += 1
        if self._attempt is None:
            self._wake.clear()
            await self._wake.within(wait, self._clock)

    async def _close(self) -> None:
        line, self._line = self._line, None
        if line is not None:
            await line.close()

    def _lost(self, why: str) -> None:
        if self._lost_because is not None:
            return
        self._lost_because = why
        if self.life == "up":
            self.life, self.failure = "down", why
            log.warning("Lock-board line was lost", line=self.name, reason=why)
            self._on_down(why)
        self._wake.give()

    def _tell_attempt(self, *, succeeded: bool) -> None:
        attempt, self._attempt = self._attempt, None
        if attempt is not None and not attempt.done():
            attempt.set_result(succeeded)
