"""The thread that writes: takes every unit that waits, has them committed together, and answers them all at once."""

import asyncio
import logging
import time
from collections.abc import Sequence
from contextlib import suppress
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any

from openharbor.kit.database.group import Work
from openharbor.kit.database.storage import Answer, Storage, Unit
from openharbor.kit.errors import Closed, StorageUnavailable

log = logging.getLogger("openharbor.database")

MOST_IN_GROUP = 256
MOST_WAITING = 10_000


class Writer:
    """Runs a `Storage` in its own thread for callers of one event loop."""

    def __init__(self, storage: Storage, trial_seconds: float) -> None:
        self._storage = storage
        self._trial_seconds = trial_seconds
        self._next_trial: float | None = None
        self._waiting: SimpleQueue[list[Unit] | None] = SimpleQueue()
        self._gathered: list[Unit] = []
        self._unanswered = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._accepts = True
        self._thread = Thread(target=self._run, name="database writer", daemon=True)
        self._thread.start()

    def submit(self, work: Work, essential: bool) -> asyncio.Future[Any]:
        """Accepts a unit; the future has its result once it is durable. Raises Closed, StorageUnavailable."""
        if not self._accepts:
            raise Closed
        if not essential and self._storage.state == "failing":
            raise StorageUnavailable("the database cannot be written; nothing was changed")
        if self._unanswered >= MOST_WAITING:
            raise StorageUnavailable(f"{MOST_WAITING} units of work wait for the database; nothing was changed")
        loop = self._loop or self._bind()
        ticket = loop.create_future()
        if not self._gathered:
            # What this turn of the loop submits is handed over at its end: the thread that writes would otherwise
            # start with the first unit, and fight the loop for the interpreter at every statement.
            loop.call_soon(self._hand_over)
        self._gathered.append(Unit(work, essential, ticket))
        self._unanswered += 1
        return ticket

    def _hand_over(self) -> None:
        gathered, self._gathered = self._gathered, []
        for start in range(0, len(gathered), MOST_IN_GROUP):
            self._waiting.put(gathered[start : start + MOST_IN_GROUP])

    def refuse(self) -> None:
        """Accepts no more."""
        self._accepts = False

    async def close(self) -> None:
        """Idempotent: finishes what was accepted, and returns when the thread has ended."""
        self._accepts = False
        self._hand_over()
        self._waiting.put(None)
        await asyncio.get_running_loop().run_in_executor(None, self._thread.join)

    def _bind(self) -> asyncio.AbstractEventLoop:
        self._loop = asyncio.get_running_loop()
        return self._loop

    def _run(self) -> None:
        going_on = True
        while going_on:
            units, going_on = self._take()
            if units:
                self._answer(self._serve(units))
            self._try_in_time()
        self._storage.close()

    def _take(self) -> tuple[list[Unit], bool]:
        """The units that wait, none if a trial is due first; False once the writer was closed."""
        units: list[Unit] = []
        timeout = self._trial_seconds if self._storage.state == "failing" else None
        with suppress(Empty):
            handed = self._waiting.get(timeout=timeout)
            while handed is not None:
                units += handed
                if len(units) >= MOST_IN_GROUP:
                    return units, True
                handed = self._waiting.get_nowait()
            return units, False
        return units, True

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
        if self._loop is not None:
            with suppress(RuntimeError):  # the loop was closed: nobody waits any more
                self._loop.call_soon_threadsafe(self._resolve, answers)

    def _resolve(self, answers: Sequence[Answer]) -> None:
        self._unanswered -= len(answers)
        _resolve(answers)


def _resolve(answers: Sequence[Answer]) -> None:
    for unit, value, error in answers:
        ticket = unit.ticket
        if ticket.done():  # its caller was cancelled
            continue
        if error is None:
            ticket.set_result(value)
        else:
            ticket.set_exception(error)
            ticket.exception()  # marks it as seen: its caller may be cancelled before it looks
