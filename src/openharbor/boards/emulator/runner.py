"""Drives a timeline by a clock: one task that sleeps until the next event, and none while nothing moves."""

import asyncio

from openharbor.boards.emulator.timeline import Timeline
from openharbor.kit.clock import Clock


class ScaledClock:
    """A clock that runs `speed` times as fast as another (0.01 to 1000)."""

    def __init__(self, clock: Clock, speed: float) -> None:
        if not 0.01 <= speed <= 1000:
            raise ValueError(f"speed must be 0.01 to 1000, not {speed}")
        self._clock = clock
        self._speed = speed
        self._wall = clock.now()
        self._start = clock.monotonic()

    def now(self) -> int:
        return self._wall + round(self.monotonic() * 1000)

    def monotonic(self) -> float:
        return (self._clock.monotonic() - self._start) * self._speed

    async def sleep(self, seconds: float) -> None:
        await self._clock.sleep(seconds / self._speed)


def timeline_of(clock: Clock) -> Timeline:
    """A timeline that begins at the clock's present moment."""
    start = round(clock.monotonic() * 1_000_000)
    return Timeline(lambda: round(clock.monotonic() * 1_000_000) - start)


class Runner:
    """Wakes for the next event. A nearer event replaces the wait; an empty timeline needs no task at all."""

    def __init__(self, timeline: Timeline, clock: Clock) -> None:
        self._timeline = timeline
        self._clock = clock
        self._task: asyncio.Task[None] | None = None
        self._until = 0
        self._inside = False
        self._loop: asyncio.AbstractEventLoop | None = None

    def start(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._timeline.on_change = self._changed
        self._changed()

    async def stop(self) -> None:
        self._timeline.on_change = lambda: None
        self._loop = None
        task, self._task = self._task, None
        if task is not None and not task.done():
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    @property
    def lost(self) -> bool:
        """The event loop it ran on is gone."""
        return self._loop is None or self._loop.is_closed()

    def _changed(self) -> None:
        due = self._timeline.next_due
        if due is None or self._inside or self._loop is None:
            return
        if self._task is not None and not self._task.done():
            if due >= self._until:
                return
            self._task.cancel()
        self._until = due
        self._task = self._loop.create_task(self._run())

    async def _run(self) -> None:
        while (due := self._timeline.next_due) is not None:
            self._until = due
            await self._clock.sleep((due - self._timeline.read()) / 1_000_000)
            self._inside = True
            try:
                self._timeline.catch_up()
            finally:
                self._inside = False
