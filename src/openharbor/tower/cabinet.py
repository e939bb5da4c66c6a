"""What is behind the ports of a tower: the locks of its boards, counted from 0 (provisioning-file.md, Ports)."""

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from random import SystemRandom
from typing import Final, NamedTuple

import msgspec
import structlog

from openharbor.boards.address import Address
from openharbor.boards.exchange import Withheld
from openharbor.boards.outcomes import Board, DoorState, OpenOutcome
from openharbor.boards.timing import BoardSettings
from openharbor.boards.wiring import wire
from openharbor.kit.clock import Clock
from openharbor.tower.state import PulseOutcome

log = structlog.get_logger("openharbor.tower")

LONGEST_PULSE_MS: Final = 2000  # that the board layer lets a coil be on
PROBE_S: Final = 1.5  # for one read of a board that is off line
SETTLED_S: Final = 10.0  # from the start until a board that has not answered yet counts as absent
TAP_WITHIN_S: Final = 3.0  # of the moment it is due: boards do not pulse a lock twice within their `min_repeat_ms`
OPEN: Final[Mapping[DoorState, bool | None]] = {"open": True, "closed": False, "unknown": None}


class Place(NamedTuple):
    """Where a port is: the board by its place in the order given, and the lock on it, from 1."""

    board: int
    lock: int


class Contact(NamedTuple):
    """A door as its board layer says. `is_open` None: not read, or not readable. `read_at`: monotonic seconds."""

    is_open: bool | None
    read_at: float | None


class BoardLook(NamedTuple):
    """Whether a board answers. `ports`: all that it serves. `answers` None: it has not had the time yet."""

    ports: range
    answers: bool | None


class Shot(NamedTuple):
    """What became of a pulse that was asked for. `at`: monotonic seconds, before the frame left; None: it did not."""

    outcome: PulseOutcome
    at: float | None


def places_of(addresses: Sequence[Address]) -> tuple[Place, ...]:
    """Every lock by its port. Raises ValueError for a board whose number of locks its address does not tell."""
    places: list[Place] = []
    for board, address in enumerate(addresses):
        if address.locks is None:
            raise ValueError(f"boards[{board}] must say how many locks it has (locks=24): ports are counted by it")
        places += [Place(board, lock) for lock in range(1, address.locks + 1)]
    return tuple(places)


def outcome_of(opened: OpenOutcome) -> PulseOutcome:
    """What a board's word about an unlock is worth: only what surely fired nothing is `failed`."""
    if opened.pulse == "not_sent":
        return "failed"
    if opened.outcome == "refused":
        # an exception, `busy` or `cooldown` comes instead of a pulse; `failed` may come after one
        return "unknown" if opened.reason == "failed" else "failed"
    return "unknown" if opened.pulse == "unknown" else "sent"


class Cabinet:
    """The boards of a tower. `pulse_ms`: how long a lock is fired, where its board lets that be told.

    `moved` is called when a board shows that something happened. Raises ValueError for boards that cannot stand beside
    each other, or do not tell how many locks they have.
    """

    def __init__(
        self, addresses: Sequence[Address], *, clock: Clock, pulse_ms: Callable[[], int], moved: Callable[[], None]
    ) -> None:
        def settings() -> BoardSettings:
            return BoardSettings(pulse_ms=min(pulse_ms(), LONGEST_PULSE_MS))

        self._places = places_of(addresses)
        self._wiring = wire(dict(enumerate(addresses)), clock=clock, settings=settings, random=SystemRandom())
        self._clock, self._moved, self._started = clock, moved, clock.monotonic()
        self._tapping: dict[int, object] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Returns at once; boards that are absent come when they come."""
        for board in self._boards:
            self._begin(self._follow(board))
        await self._wiring.start()

    async def stop(self) -> None:
        """No pulse after it returns."""
        self.end_taps()
        await self._wiring.stop()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def contacts(self) -> dict[int, Contact]:
        """Every door by its port, as read last; never blocks."""
        doors = [board.doors() for board in self._boards]
        readings = ((port, doors[place.board].get(place.lock)) for port, place in enumerate(self._places))
        return {
            port: Contact(None, None) if one is None else Contact(OPEN[one.state], one.read_at)
            for port, one in readings
        }

    def looks(self) -> list[BoardLook]:
        """Every board, as of now."""
        settled = self._clock.monotonic() - self._started >= SETTLED_S
        looks, first = [], 0
        for place, board in enumerate(self._boards):
            locks = sum(one.board == place for one in self._places)
            known = board.state.online or board.state.last_seen_at is not None or settled
            looks.append(BoardLook(range(first, first + locks), board.state.online if known else None))
            first += locks
        return looks

    async def fire(self, port: int, deadline: float, may_fire: Callable[[], bool]) -> Shot:
        """Fires once at most, whatever the sensor says, and nothing after `deadline` (monotonic seconds).

        `may_fire` has the last word just before the frame leaves. Returns when the board has answered, or has not.
        """
        self._tapping.pop(port, None)
        return await self._pulse(port, deadline, may_fire)

    def tap(self, port: int, times: int, interval_s: float) -> None:
        """Fires `times` more times, `interval_s` apart or as fast as the board allows; ends when the lock is fired."""
        mine = self._tapping[port] = object()
        self._begin(self._tap(port, times, interval_s, lambda: self._tapping.get(port) is mine))

    def end_taps(self) -> None:
        """No further taps."""
        self._tapping.clear()

    @property
    def _boards(self) -> Iterable[Board]:
        return self._wiring.boards.values()

    async def _pulse(self, port: int, deadline: float, may_fire: Callable[[], bool]) -> Shot:
        if not 0 <= port < len(self._places):
            return Shot("failed", None)
        place = self._places[port]
        board, left = self._wiring.boards[place.board], _Moment()

        async def on_fire() -> None:
            if not may_fire():
                raise Withheld
            left.at = self._clock.monotonic()

        try:
            if not await self._is_there(board, deadline):
                return Shot("failed", None)
            outcome = outcome_of(await board.open(place.lock, deadline=deadline, on_fire=on_fire, ignore_sensor=True))
        except Exception:
            log.exception("Firing a lock failed unexpectedly", port=port)
            outcome = "failed" if left.at is None else "unknown"
        return Shot(outcome, left.at)

    async def _is_there(self, board: Board, deadline: float) -> bool:
        """A board that is off line gets no unlock before it has answered a read: into silence nothing is fired."""
        before = board.state
        if before.online:
            return True
        await board.refresh(min(deadline, self._clock.monotonic() + PROBE_S))
        return board.state.online or board.state.last_seen_at != before.last_seen_at

    async def _tap(self, port: int, times: int, interval_s: float, may_fire: Callable[[], bool]) -> None:
        due = self._clock.monotonic()
        for _ in range(times):
            await self._clock.sleep(due - self._clock.monotonic())
            if not may_fire():
                return
            await self._pulse(port, self._clock.monotonic() + TAP_WITHIN_S, may_fire)
            due = max(due + interval_s, self._clock.monotonic())

    async def _follow(self, board: Board) -> None:
        async for _ in board.events():
            self._moved()

    def _begin(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


class _Moment(msgspec.Struct):
    at: float | None = None
