"""Emulated cabinets of every family on one event loop of its own, so that a test may use them from anywhere."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Thread
from typing import Any, TypeVar

from openharbor.boards.emulator.emulator import Emulator
from openharbor.boards.emulator.families import Transport
from openharbor.boards.emulator.trace import Pulse, Violation

R = TypeVar("R")


@dataclass(frozen=True)
class Line:
    """One emulated cabinet. Everything runs on its loop, so a test sees it as one thing at a time."""

    name: str
    emulator: Emulator
    loop: asyncio.AbstractEventLoop

    def do(self, act: Callable[[Emulator], R]) -> R:
        """Runs `act` on the cabinet and gives what it gives."""

        async def run() -> R:
            return act(self.emulator)

        return asyncio.run_coroutine_threadsafe(run(), self.loop).result(30)

    @property
    def board(self) -> int:
        return next(iter(self.emulator.cabinet.boards))

    @property
    def url(self) -> str:
        return self.do(lambda emulator: emulator.url())

    def fault(self, kind: str, lock: int | None = None, **options: Any) -> None:
        self.do(lambda emulator: emulator.faults.add(kind, board=self.board, lock=lock, **options))

    def pulses(self, lock: int | None = None) -> list[Pulse]:
        """What reached the solenoids since the last reset."""
        return [pulse for pulse in self.do(lambda emulator: emulator.pulses) if lock in (None, pulse.lock)]

    def violations(self) -> list[Violation]:
        return self.do(lambda emulator: emulator.violations())

    def reset(self) -> None:
        self.do(lambda emulator: emulator.reset())


@contextmanager
def event_loop() -> Iterator[asyncio.AbstractEventLoop]:
    """A loop that runs in a thread until the block ends."""
    loop = asyncio.new_event_loop()
    thread = Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield loop
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(30)
        loop.close()


def _wait(loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, R]) -> R:
    return asyncio.run_coroutine_threadsafe(work, loop).result(30)


@contextmanager
def lines(wanted: Mapping[str, tuple[str, Transport]], locks: int) -> Iterator[dict[str, Line]]:
    """Cabinets by name: which family, over what. Each has one board with so many locks."""
    with event_loop() as loop:
        started: dict[str, Line] = {}

        async def start(family: str, transport: Transport) -> Emulator:
            return await Emulator(family=family, locks=locks, transport=transport).start()

        try:
            for name, (family, transport) in wanted.items():
                started[name] = Line(name, _wait(loop, start(family, transport)), loop)
            yield started
        finally:
            for line in started.values():
                _wait(loop, line.emulator.stop())


def on_each(names: tuple[str, ...], act: Callable[[str], R]) -> dict[str, R]:
    """What `act` gives for each line, all at the same time."""
    with ThreadPoolExecutor(len(names)) as pool:
        return dict(zip(names, pool.map(act, names), strict=True))
