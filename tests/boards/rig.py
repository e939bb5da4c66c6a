"""Real drivers on emulated cabinets: each scenario runs on every family of a line at the same time."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from random import Random
from typing import Any, Literal, TypeVar

from openharbor.boards.address import Address, parse
from openharbor.boards.board import LockBoard
from openharbor.boards.emulator.emulator import Emulator
from openharbor.boards.emulator.lock import Lock
from openharbor.boards.outcomes import BoardEvent, OpenOutcome
from openharbor.boards.timing import BoardSettings
from openharbor.boards.traffic import Counters
from openharbor.boards.wiring import Wiring, wire
from openharbor.kit.clock import Clock, SteppedClock, SystemClock

T = TypeVar("T")
LineKind = Literal["tcp", "pty", "pipe"]
SERIAL = ("kerong-cu16", "kerong-cu24", "kerong-cu48", "xor8a80", "wkly", "waveshare", "winnsen")
FAMILIES: Mapping[str, tuple[str, ...]] = {"tcp": (*SERIAL, "modbus-tcp"), "pty": SERIAL, "pipe": SERIAL}
MAY_STAY_SILENT = ("kerong-cu16", "kerong-cu24")
SHORT = "unlock_ms=400&read_ms=150&pulse_ms=200&poll_ms=200&fast_poll_ms=50&min_repeat_ms=200"
QUICK: dict[str, Any] = {"pulse_ms": 120, "answer_delay_ms": 4, "release_ms": 30, "pop_ms": 30}
DETECTION_S = 0.9


async def allowed(*_: object) -> None:
    """A journal that always works."""


@dataclass(slots=True)
class Rig:
    """A cabinet, its drivers, and what they told."""

    family: str
    emu: Emulator
    wiring: Wiring
    clock: Clock
    events: list[BoardEvent] = field(default_factory=list)

    @property
    def boards(self) -> dict[int, LockBoard]:
        """By address on the line."""
        found = [board for board in self.wiring.boards.values() if isinstance(board, LockBoard)]
        return {board.address.board: board for board in found}

    @property
    def board(self) -> LockBoard:
        return next(iter(self.boards.values()))

    @property
    def locks(self) -> Mapping[int, Lock]:
        """Of the first board."""
        return self.emu.locks[self.board.address.board]

    @property
    def counters(self) -> Counters:
        return next(iter(self.wiring.counters().values()))

    @property
    def may_stay_silent(self) -> bool:
        return self.family in MAY_STAY_SILENT

    async def open(self, lock: int = 1, **options: Any) -> OpenOutcome:
        given = {"deadline": self.clock.monotonic() + 10, "on_fire": allowed, **options}
        return await self.board.open(lock, **given)

    def told(self, lock: int | None = None) -> list[str]:
        """The kinds of the events so far; of one lock, if given."""
        return [event.kind for event in self.events if lock is None or event.lock == lock]

    def pulses(self) -> list[int]:
        """The locks whose coils got current, in order."""
        return [pulse.lock for pulse in self.emu.pulses]

    async def until(self, met: Callable[[], bool], seconds: float = 5.0) -> None:
        """Waits for something to be so. Raises TimeoutError."""
        async with asyncio.timeout(seconds):
            while not met():  # noqa: ASYNC110 - what is waited for is another side's state, which tells nobody
                await asyncio.sleep(0.005)

    async def told_of(self, kind: str, lock: int | None = None, seconds: float = 5.0) -> BoardEvent:
        await self.until(lambda: kind in self.told(lock), seconds)
        return next(event for event in self.events if event.kind == kind and lock in (None, event.lock))

    async def online(self, seconds: float = 5.0) -> None:
        await self.until(lambda: all(board.state.online for board in self.boards.values()), seconds)


@asynccontextmanager
async def rig(
    family: str,
    line: LineKind = "tcp",
    *,
    boards: Iterable[int] | None = None,
    locks: int | None = 4,
    detection_s: float = DETECTION_S,
    url: str = "",
    online: bool = True,
    faults: Iterable[str] = (),
    **model: Any,
) -> AsyncIterator[Rig]:
    """A cabinet with its drivers running. `url`: parameters before the short times. `faults`: from the
    start. Broken rules of 6.5 fail it."""
    chosen = None if boards is None else list(boards)
    quick = {**QUICK, "unlock_answer_ms": 130} if family == "xor8a80" else QUICK
    async with Emulator(family, chosen, locks, transport=line, **{**quick, **model}) as emu:
        for fault in faults:
            emu.faults.add(fault)
        addresses = dict(enumerate((address(emu, board, url) for board in emu.locks), start=1))
        async with drivers(family, emu, addresses, detection_s=detection_s) as made:
            if online:
                await made.online()
            yield made
        assert emu.violations() == []


@asynccontextmanager
async def drivers(
    family: str,
    emu: Emulator,
    addresses: Mapping[int, Address],
    *,
    detection_s: float = DETECTION_S,
    clock: Clock | None = None,
) -> AsyncIterator[Rig]:
    """Drivers for these addresses, started; stopped at the end."""
    clock = clock or SystemClock()
    settings = BoardSettings(pulse_ms=200, open_detection_seconds=detection_s)
    wiring = wire(addresses, clock=clock, settings=lambda: settings, random=Random(1))
    made = Rig(family, emu, wiring, clock)
    listening = [asyncio.create_task(_listen(made, board)) for board in wiring.boards.values()]
    await asyncio.sleep(0)
    await wiring.start()
    try:
        yield made
    finally:
        await wiring.stop()
        await asyncio.gather(*listening)


def address(emu: Emulator, board: int | None = None, url: str = "") -> Address:
    """The address of an emulated board with short times; what `url` names goes before them."""
    given = dict(pair.split("=") for pair in url.split("&") if pair)
    place, _, query = emu.url(board).partition("?")
    parameters = {**dict(pair.split("=") for pair in f"{query}&{SHORT}".split("&") if pair), **given}
    return parse(f"{place}?{'&'.join(f'{name}={value}' for name, value in parameters.items())}")


async def each(
    scenario: Callable[[Rig], Awaitable[object]],
    *,
    families: Iterable[str] | None = None,
    lines: Iterable[LineKind] = ("tcp", "pty"),
    **options: Any,
) -> None:
    """Plays a scenario on every family and line at the same time; all that fail are told, with family and line."""

    async def play(family: str, line: LineKind) -> None:
        try:
            async with rig(family, line, **options) as made:
                await scenario(made)
        except Exception as error:
            error.add_note(f"on {family} over {line}")
            raise

    chosen = None if families is None else set(families)
    wanted = [(family, line) for line in lines for family in FAMILIES[line] if chosen is None or family in chosen]
    ended = await asyncio.gather(*(play(*where) for where in wanted), return_exceptions=True)
    failures = [error for error in ended if isinstance(error, Exception)]
    if failures:
        raise ExceptionGroup(f"{len(failures)} of {len(wanted)}", failures)


@asynccontextmanager
async def stepped(
    family: str,
    *,
    boards: Iterable[int] | None = None,
    locks: int = 4,
    detection_s: float = DETECTION_S,
    url: str = "",
    **model: Any,
) -> AsyncIterator[tuple[Rig, SteppedClock]]:
    """A cabinet in memory with its drivers, both on a clock that only `run` and `step` move; it is on line."""
    clock = SteppedClock()
    quick = {**QUICK, "unlock_answer_ms": 130} if family == "xor8a80" else QUICK
    chosen = None if boards is None else list(boards)
    async with Emulator(family, chosen, locks, transport="pipe", clock=clock, **{**quick, **model}) as emu:
        addresses = dict(enumerate((address(emu, board, url) for board in emu.locks), start=1))
        async with drivers(family, emu, addresses, detection_s=detection_s, clock=clock) as made:
            await step(clock, 4)
            assert all(board.state.online for board in made.boards.values())
            yield made, clock
        assert emu.violations() == []


async def step(clock: SteppedClock, seconds: float, by: float = 0.02) -> None:
    """Lets time pass in small steps, so that everything between may happen."""
    for _ in range(round(seconds / by)):
        await clock.advance(by)


async def run(clock: SteppedClock, work: Coroutine[Any, Any, T], by: float = 0.02) -> T:
    """Lets time pass until the work is done."""
    task = asyncio.create_task(work)
    while not task.done():
        await clock.advance(by)
    return task.result()


async def _listen(made: Rig, board: object) -> None:
    assert isinstance(board, LockBoard)
    async for event in board.events():
        made.events.append(event)
