"""The composition root: opens the flash, wires boards and keeper, runs them, and stops in order."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from itertools import takewhile
from pathlib import Path
from typing import Final

import openharbor
from openharbor.blink.advertising import HIGHEST_VERSION_PART, Identity, Version, info_value
from openharbor.boards.address import parse
from openharbor.kit.clock import Clock
from openharbor.kit.database.sqlite import SqliteDatabase
from openharbor.kit.errors import Failed, StorageUnavailable
from openharbor.tower import asks, device
from openharbor.tower.asks import Told
from openharbor.tower.cabinet import Cabinet
from openharbor.tower.keeper import Keeper
from openharbor.tower.location import DATABASE, migrate, stored_boards
from openharbor.tower.state import Hardware, KeypadSays, Tower
from openharbor.tower.watch import Watch

RESERVE_BYTES: Final = 4 << 20  # disk that only what has happened may use, not what is asked for


class RunningTower:
    """A tower that runs: what its links and its keypad talk to."""

    def __init__(self, keeper: Keeper, clock: Clock) -> None:
        self.clock = clock
        self._keeper = keeper
        self._cuts: dict[object, Callable[[], None]] = {}
        keeper.on_restart = self._cut_all

    @property
    def state(self) -> Tower:
        """The tower as it was stored last."""
        return self._keeper.state

    @property
    def identity(self) -> Identity:
        """What it tells everyone; it changes with SET_TOWER_NAME and SET_TOWER_ID."""
        who = self.state.identity
        return Identity(who.tower_id, who.name, version_of(self.state.hardware.firmware))

    def info(self) -> bytes:
        """The 29 bytes of the info characteristic, as of now."""
        return info_value(self.identity)

    def uptime_ms(self) -> int:
        """The time that the device counts in."""
        return self._keeper.uptime_ms()

    async def received(self, frame: bytes, arrived: float, failures: int) -> Told:
        """The answer to a whole frame whose last byte came at `arrived` (monotonic seconds).

        `failures`: authentication failures of its link so far. Raises Closed when there will be none: cut the link.
        """
        return await self._keeper.ask(asks.message(frame, arrived, failures))

    async def code_entered(self, digits: str) -> KeypadSays:
        """What the keypad shows for digits and the confirm key. Raises Closed."""
        told = await self._keeper.ask(asks.code(digits, self.clock.monotonic()))
        return told.says or KeypadSays("failed")

    @contextmanager
    def linked(self, cut: Callable[[], None]) -> Iterator[None]:
        """While a link lives: `cut` is called when the tower starts again, after which the link has to end."""
        link = object()
        self._cuts[link] = cut
        self._keeper.tell(lambda tower, _: device.connected(tower))
        try:
            yield
        finally:
            del self._cuts[link]

    async def drain(self) -> None:
        """Takes no new message, and waits for the opening on its way."""
        await self._keeper.drain()

    def _cut_all(self) -> None:
        for cut in list(self._cuts.values()):
            cut()


@asynccontextmanager
async def running(data: Path, boards: Sequence[str] | None, clock: Clock) -> AsyncIterator[RunningTower]:
    """A tower on the flash in `data`, for the time of a block. `boards`: their URLs; None: those of `tower init`.

    Raises Failed when it cannot start.
    """
    migrate(data, existing=True)
    async with AsyncExitStack() as stack:
        database = SqliteDatabase(data / DATABASE, reserve_bytes=RESERVE_BYTES)
        stack.push_async_callback(database.close)
        urls = boards if boards is not None else await database.read(stored_boards)
        keeper = Keeper(database, Hardware(firmware=openharbor.__version__), clock)
        await _start(keeper, data)
        watch = Watch(keeper, clock)
        cabinet = _cabinet(urls, keeper, watch, clock)
        keeper.use(cabinet)
        watch.use(cabinet)
        await cabinet.start()
        stack.push_async_callback(cabinet.stop)
        for work in (keeper.run(), watch.run()):
            stack.push_async_callback(_end, asyncio.create_task(work))
        tower = RunningTower(keeper, clock)
        stack.push_async_callback(tower.drain)
        yield tower


def _cabinet(urls: Sequence[str], keeper: Keeper, watch: Watch, clock: Clock) -> Cabinet:
    try:
        return Cabinet(
            [parse(one) for one in urls],
            clock=clock,
            pulse_ms=lambda: keeper.state.settings.solenoid_delay_ms,
            moved=watch.moved,
        )
    except ValueError as error:
        raise Failed(f"the tower's boards cannot be used: {error}") from None


async def _start(keeper: Keeper, data: Path) -> None:
    try:
        await keeper.start()
    except StorageUnavailable as error:
        raise Failed(f"{data} cannot be written, so the tower would forget what it opens: {error}") from error


async def _end(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def version_of(firmware: str) -> Version:
    """Major, minor and patch as the three bytes of 2.2; what is no number, or more than 127, is cut."""
    numbers = [int("".join(takewhile(str.isdecimal, part)) or 0) for part in firmware.split(".")[:3]]
    major, minor, patch = (*(min(one, HIGHEST_VERSION_PART) for one in numbers), 0, 0, 0)[:3]
    return major, minor, patch
