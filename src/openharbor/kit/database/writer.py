"""The thread that writes: takes every unit that waits, has them committed together, and answers them all at once."""

import asyncio
import logging
import os
import time
from collections.abc import Sequence
from contextlib import suppress
from queue import Empty, SimpleQueue
from threading import Event, Thread
from typing import Any

from openharbor.kit.database.group import Work
from openharbor.kit.database.storage import Answer, Storage, Unit
from openharbor.kit.database.tickets import answer
from openharbor.kit.errors import Closed, StorageUnavailable

log = logging.getLogger("openharbor.database")

FAILED = 1  # exit code
MOST_IN_GROUP = 256
MOST_WAITING = 10_000
LONGEST_GATHERING_S = 0.006
LONGEST_STANDSTILL_S = 0.005  # of the loop, should a unit have to wait for the disk


class Writer:
    """Runs a `Storage` in its own thread for callers of one event loop.

    One group is under way at a time; what is submitted meanwhile waits for the next. While the units of a group run,
    the loop stands still: both need the interpreter, and the thread would have to win it back at every statement. The
    loop goes on while the group is committed.
    """

    def __init__(self, storage: Storage, trial_seconds: float) -> None:
        self._storage = storage
        self._trial_seconds = trial_seconds
        self._next_trial: float | None = None
        self._groups: SimpleQueue[list[Unit] | None] = SimpleQueue()
        self._waiting: list[Unit] = []
        self._under_way = self._scheduled = False
        self._have_run = Event()
        self._ran_at = self._commit_s = 0.0
        self._expected = 0  # units that may come together: as many as there were when the last group was answered
        self._idle = asyncio.Event()
        self._idle.set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._accepts = True
        storage.on_run = self._have_run.set
        self._thread = Thread(target=self._run, name="database writer", daemon=True)
        self._thread.start()

    def submit(self, work: Work, essential: bool) -> asyncio.Future[Any]:
        """Accepts a unit; the future has its result once it is durable. Raises Closed, StorageUnavailable."""
        if not self._accepts:
            raise Closed
        if not essential and self._storage.state == "failing":
            raise StorageUnavailable("the database cannot be written; nothing was changed")
        if len(self._waiting) >= MOST_WAITING:
            raise StorageUnavailable(f"{MOST_WAITING} units of work wait for the database; nothing was changed")
        loop = self._loop or self._bind()
        ticket = loop.create_future()
        self._waiting.append(Unit(work, essential, ticket))
        if not self._under_way:
            self._begin_soon(loop)
        return ticket

    def refuse(self) -> None:
        """Accepts no more."""
        self._accepts = False

    async def close(self) -> None:
        """Idempotent: finishes what was accepted, and returns when the thread has ended."""
        self._accepts = False
        await self._idle.wait()
        self._groups.put(None)
        await asyncio.get_running_loop().run_in_executor(None, self._thread.join)

    def _bind(self) -> asyncio.AbstractEventLoop:
        self._loop = asyncio.get_running_loop()
        return self._loop

    def _begin_soon(self, loop: asyncio.AbstractEventLoop) -> None:
        """Once this turn of the loop has submitted all that it will."""
        if not self._scheduled:
            self._scheduled = True
            self._idle.clear()
            loop.call_soon(self._begin, loop, loop.time() + min(self._commit_s, LONGEST_GATHERING_S), 0)

    def _begin(self, loop: asyncio.AbstractEventLoop, until: float, before: int) -> None:
        """Waits while every turn brings more units, and for as many as there were before, but not longer than a commit
        takes: callers that come back at different times would otherwise split into groups that wait for each other.
        """
        count = len(self._waiting)
        more = before < count or count < self._expected
        if more and count < MOST_IN_GROUP and loop.time() < until:
            loop.call_soon(self._begin, loop, until, count)
            return
        group, self._waiting = self._waiting[:MOST_IN_GROUP], self._waiting[MOST_IN_GROUP:]
        self._scheduled, self._under_way = False, True
        self._have_run.clear()
        self._groups.put(group)
        self._have_run.wait(LONGEST_STANDSTILL_S)
        self._ran_at = time.monotonic()

    def _answered(self, answers: Sequence[Answer]) -> None:
        self._commit_s = time.monotonic() - self._ran_at
        self._under_way = False
        self._expected = len(answers) + len(self._waiting)
        for unit, value, error in answers:
            answer(unit.ticket, value, error)
        if self._waiting and self._loop is not None:
            self._begin_soon(self._loop)
        else:
            self._idle.set()

    def _run(self) -> None:
        try:
            self._write_groups()
        except BaseException:
            # Every caller would wait for ever, and nothing could be journaled any more: better to be started again.
            log.critical("the thread that writes has failed; the process ends", exc_info=True)
            os._exit(FAILED)

    def _write_groups(self) -> None:
        going_on = True
        while going_on:
            units, going_on = self._take()
            if units:
                self._answer(self._serve(units))
            self._try_in_time()
        self._storage.close()

    def _take(self) -> tuple[list[Unit], bool]:
        """The next group, none if a trial is due first; False once the writer was closed."""
        timeout = self._trial_seconds if self._storage.state == "failing" else None
        try:
            units = self._groups.get(timeout=timeout)
        except Empty:
            return [], True
        return units or [], units is not None

    def _serve(self, units: list[Unit]) -> list[Answer]:
        try:
            return self._storage.serve(units)
        except Exception:  # a defect; without its answer every caller would wait for ever
            log.exception("the writer failed")
            return [(unit, None, StorageUnavailable("the writer failed; see the log")) for unit in units]

    def _try_in_time(self) -> None:
        """While writing fails, a trial every `trial_seconds`."""
        if self._storage.state == "ok":
            self._next_trial = None
            return
        now = time.monotonic()
        if self._next_trial is not None and now >= self._next_trial:
            self._storage.trial()
            self._next_trial = None
        if self._next_trial is None:
            self._next_trial = now + self._trial_seconds

    def _answer(self, answers: Sequence[Answer]) -> None:
        self._have_run.set()
        if self._loop is not None:
            with suppress(RuntimeError):  # the loop was closed: nobody waits any more
                self._loop.call_soon_threadsafe(self._answered, answers)
