"""The threads that run units, each on a session of its own, and the way back to the event loop."""

import asyncio
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from queue import SimpleQueue
from threading import Thread
from typing import Any

from openharbor.kit.database.postgres_health import Health
from openharbor.kit.database.postgres_units import Unavailable, Units, Work
from openharbor.kit.database.tickets import answer
from openharbor.kit.errors import Closed, StorageUnavailable

Answer = tuple[asyncio.Future[Any], Any, BaseException | None]


@dataclass(slots=True)
class _Unit:
    work: Work
    read_only: bool
    ticket: asyncio.Future[Any]


class Workers:
    """Takes units from callers of one event loop. `most_waiting`: more are refused."""

    def __init__(self, runners: Sequence[Units], health: Health, most_waiting: int) -> None:
        self._health, self._most = health, most_waiting
        self._units: SimpleQueue[_Unit | None] = SimpleQueue()
        self._answers: deque[Answer] = deque()
        self._waking = False  # the loop has been told that there are answers
        self._open = 0  # accepted and not answered
        self._idle = asyncio.Event()
        self._idle.set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._accepts = True
        self._threads = [
            Thread(target=self._run, args=(units,), name=f"database {number}", daemon=True)
            for number, units in enumerate(runners)
        ]
        for thread in self._threads:
            thread.start()

    def submit(self, work: Work, *, read_only: bool) -> asyncio.Future[Any]:
        """Accepts a unit; the future has its result once it is durable. Raises Closed, StorageUnavailable."""
        if not self._accepts:
            raise Closed
        if not read_only and self._health.state == "failing":
            raise StorageUnavailable("the database cannot be reached or written; nothing was changed")
        if self._open >= self._most:
            raise StorageUnavailable(f"{self._most} units of work wait for the database; nothing was changed")
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
        ticket = self._loop.create_future()
        self._open += 1
        self._idle.clear()
        self._units.put(_Unit(work, read_only, ticket))
        return ticket

    async def close(self) -> None:
        """Idempotent: finishes what was accepted, and returns when the threads have ended."""
        self._accepts = False
        await self._idle.wait()
        for _ in self._threads:
            self._units.put(None)
        await asyncio.get_running_loop().run_in_executor(None, self._join)

    def _join(self) -> None:
        for thread in self._threads:
            thread.join()

    def _run(self, units: Units) -> None:
        while (unit := self._units.get()) is not None:
            self._answer(unit.ticket, *self._serve(units, unit))
            if unit.read_only:
                units.end_read()
        units.close()

    def _serve(self, units: Units, unit: _Unit) -> tuple[Any, BaseException | None]:
        try:
            if not units.connected and self._health.state == "failing":  # the trials find out when it is back
                return None, StorageUnavailable("the database cannot be reached; nothing was changed")
            return (units.read if unit.read_only else units.write)(unit.work), None
        except Unavailable as error:
            self._health.fail(str(error))
            return None, error.for_caller()
        except BaseException as error:
            return None, error

    def _answer(self, ticket: asyncio.Future[Any], value: Any, error: BaseException | None) -> None:
        """Several threads' answers share one wake-up of the loop."""
        self._answers.append((ticket, value, error))
        if not self._waking and self._loop is not None:
            self._waking = True
            with suppress(RuntimeError):  # the loop was closed: nobody waits any more
                self._loop.call_soon_threadsafe(self._resolve)

    def _resolve(self) -> None:
        self._waking = False  # before the answers are taken: what comes from now on wakes the loop again
        answers = self._answers
        while answers:
            ticket, value, error = answers.popleft()
            self._open -= 1
            answer(ticket, value, error)
        if not self._open:
            self._idle.set()
