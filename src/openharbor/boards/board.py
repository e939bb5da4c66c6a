"""One lock board as its callers see it (lock-boards.md 4.2): `outcomes.Board`, put together from its parts."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from typing import Literal

import msgspec

from openharbor.boards.address import Address
from openharbor.boards.aftermath import Aftermath
from openharbor.boards.asking import Asking
from openharbor.boards.bus import Bus
from openharbor.boards.doors import Doors
from openharbor.boards.exchange import Member
from openharbor.boards.open_all import open_all
from openharbor.boards.opening import Opening
from openharbor.boards.outcomes import (
    BoardEvent,
    BoardInfo,
    BoardState,
    DoorReading,
    EventKind,
    OnFire,
    OnResult,
    OpenOutcome,
    SafeState,
)
from openharbor.boards.protocols.choose import make_codec
from openharbor.boards.protocols.codec import Push
from openharbor.boards.reading import Reading
from openharbor.boards.supply import Supply
from openharbor.boards.timing import Settings, board_times
from openharbor.kit.clock import Clock

MOST_EVENTS = 1000  # that one listener may leave unread; the oldest are dropped


class LockBoard:
    """A board on its bus."""

    def __init__(self, address: Address, bus: Bus, supply: Supply, *, settings: Settings, clock: Clock) -> None:
        codec, times = make_codec(address), board_times(address)
        family = codec.family
        self.address = address
        self._bus, self._clock, self._settings, self._times = bus, clock, settings, times
        self._listeners: list[Events] = []
        self._task: asyncio.Task[None] | None = None
        self._member = Member(codec, times.read_s, on_push=self._pushed, on_event=self._line_event)
        self._doors = Doors(address, family.equal_reads, times, settings=settings, clock=clock, emit=self._emit)
        self._doors.resize(codec.locks or 0)
        self._asking = Asking(bus, self._member, self._doors, times, settings=settings, clock=clock)
        self._reading = Reading(bus, self._asking, self._doors, times, family.equal_reads, clock=clock, tell=self._tell)
        aftermath = Aftermath(
            self._asking,
            self._reading,
            self._doors,
            times,
            silent_ack=family.ack == "optional",
            settings=settings,
            clock=clock,
        )
        self._opening = Opening(
            bus,
            self._member,
            self._asking,
            self._reading,
            self._doors,
            supply,
            times,
            aftermath,
            has_sensor=address.senses,
            settings=settings,
            clock=clock,
        )

    @property
    def info(self) -> BoardInfo:
        """`locks` is 0 as long as only the board knows it."""
        family = self._member.codec.family
        pulse: Literal["board"] | int = "board" if self._times.times_pulse else self._times.pulse_of(self._settings())
        return BoardInfo(
            driver=self.address.driver,
            url=str(self.address),
            locks=self._member.codec.locks or 0,
            feedback=self.address.feedback,
            can_ack=family.ack == "required",
            can_push=family.pushes,
            pulse=pulse,
            confidence=family.confidence,
        )

    @property
    def state(self) -> BoardState:
        return self._reading.state

    async def start(self) -> None:
        """Returns at once; absence of hardware is a state, not an error."""
        if self._task is None:
            self._opening.stopped = False
            self._bus.join(self._member)
            self._task = asyncio.create_task(self._reading.run())

    async def stop(self) -> None:
        """No frame after it returns."""
        self._opening.stopped = True
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            self._bus.leave(self._member)
        for listener in self._listeners:
            listener.end()

    async def safe_state(self) -> SafeState:
        """Every coil off, where the family has such a command; waits for a pulse of ours to end."""
        return await self._asking.make_safe()

    async def open(self, lock: int, *, deadline: float, on_fire: OnFire, ignore_sensor: bool = False) -> OpenOutcome:
        """One attempt (4.6). Raises ValueError for a lock that the board does not have."""
        shot = await self._opening.fire(lock, deadline, on_fire, ignore_sensor=ignore_sensor)
        return shot if isinstance(shot, OpenOutcome) else await self._opening.aftermath.conclude(shot)

    async def open_all(
        self,
        locks: Iterable[int],
        *,
        deadline: float,
        on_fire: Callable[[int], Awaitable[None]],
        on_result: OnResult,
        ignore_sensor: frozenset[int] = frozenset(),
    ) -> dict[int, OpenOutcome]:
        """Lock by lock (4.2). `on_result` is called as each is judged. Raises ValueError like `open`."""
        return await open_all(self._opening, tuple(locks), deadline, on_fire, on_result, ignore_sensor)

    def doors(self) -> dict[int, DoorReading]:
        """The last debounced readings, all unknown while the board is off line; never blocks."""
        self._doors.expire(self._bus.unlocking_s)
        readings = self._doors.readings()
        if self._reading.state.online:
            return readings
        return {lock: msgspec.structs.replace(door, state="unknown") for lock, door in readings.items()}

    def items(self) -> dict[int, bool]:
        """Whether something lies in a compartment, by lock, where the board has such sensors; never the door state."""
        return dict(self._asking.items)

    async def refresh(self, deadline: float) -> dict[int, DoorReading]:
        """A fresh read, ahead of polls. Doors that could not be read are unknown."""
        return await self._reading.refresh(deadline)

    def events(self) -> AsyncIterator[BoardEvent]:
        """What the board shows from this call on, until it is stopped."""
        listener = Events(self._listeners.remove)
        self._listeners.append(listener)
        return listener

    def _pushed(self, push: Push) -> None:
        self._reading.pushed(push)

    def _line_event(self, kind: EventKind, detail: str) -> None:
        self._tell(kind, detail)
        self._reading.hurry()

    def _tell(self, kind: EventKind, detail: str) -> None:
        self._emit(BoardEvent(kind, self._clock.now(), detail=detail))

    def _emit(self, event: BoardEvent) -> None:
        for listener in self._listeners:
            listener.put(event)


class Events(AsyncIterator[BoardEvent]):
    """The events for one listener, in order. `leave` is called when it has had the last one."""

    def __init__(self, leave: Callable[["Events"], None]) -> None:
        self._leave = leave
        self._waiting: deque[BoardEvent] = deque(maxlen=MOST_EVENTS)
        self._news = asyncio.Event()
        self._ended = False

    def put(self, event: BoardEvent) -> None:
        self._waiting.append(event)
        self._news.set()

    def end(self) -> None:
        self._ended = True
        self._news.set()

    async def __anext__(self) -> BoardEvent:
        while not self._waiting:
            if self._ended:
                self._leave(self)
                raise StopAsyncIteration
            self._news.clear()
            await self._news.wait()
        return self._waiting.popleft()
