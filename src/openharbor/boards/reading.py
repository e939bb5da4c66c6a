"""Keeps one board read: the start sequence, polls, refreshes, and whether the board is there (lock-boards.md 4.3, 4.4)."""

from collections.abc import Callable, Iterable
from dataclasses import replace

import structlog

from openharbor.boards import cadence, pulses
from openharbor.boards.bus import Bus
from openharbor.boards.doors import Doors
from openharbor.boards.exchange import Answered, Member, NotSent, Order, Unanswered, Withheld
from openharbor.boards.outcomes import BoardState, DoorReading, EventKind, SafeState
from openharbor.boards.protocols.codec import Answer, Push, Request
from openharbor.boards.timing import BoardTimes, Settings
from openharbor.boards.turns import Priority
from openharbor.boards.waiting import Signal
from openharbor.kit.clock import Clock

log = structlog.get_logger("openharbor.boards")

MOST_LEARNING_READS = 5


class Reading:
    """Reads one board for ever. `fault` says why it must not be used, if so."""

    def __init__(
        self,
        bus: Bus,
        member: Member,
        doors: Doors,
        times: BoardTimes,
        *,
        settings: Settings,
        clock: Clock,
        tell: Callable[[EventKind, str], None],
    ) -> None:
        self.state = BoardState(online=False, failure="not answered yet")
        self.fault: str | None = None
        self.items: dict[int, bool] = {}
        self._bus, self._member, self._doors, self._times = bus, member, doors, times
        self._settings, self._clock, self._tell = settings, clock, tell
        self._wake = Signal()
        self._ready_for = 0  # the generation of the line that the start sequence was made on
        self._failures, self._tries = 0, 0
        self._answered_at = clock.monotonic()
        self._told_absent = False

    def hurry(self) -> None:
        """Reads again at once: something happened, or may have."""
        self._wake.give()

    def pushed(self, push: Push) -> None:
        """A push counts as one read, and causes another (3.5, 4.5)."""
        self._hear(Answer(bits={push.lock: push.raw}))
        self.hurry()

    async def run(self) -> None:
        """Polls for ever; cancel it to stop."""
        self._answered_at = self._clock.monotonic()
        before = self._answered_at
        while True:
            started = self._clock.monotonic()
            if not self._bus.up:
                await self._without_line()
                continue
            if self.state.online and self._ready_for == self._bus.generation:
                self._doors.period_s = max(self._times.poll_s, started - before)
                before = started
                await self.read(Priority.POLL)
            elif not await self._start():
                self._tries += 1
            self._doors.expire(self._bus.unlocking_s)
            if self._bus.up:
                await self._wake.within(started + self._pause() - self._clock.monotonic(), self._clock)

    async def read(self, priority: Priority, deadline: float | None = None, lock: int | None = None) -> bool:
        """One round over all doors, or a look at one. False: a read was not answered, and the rest was left out."""
        requests = self._requests(lock) or (self._member.codec.liveness(),)
        for request in requests:
            if await self._ask(request, priority, deadline) is None:
                return False
        return True

    async def refresh(self, deadline: float, lock: int | None = None) -> dict[int, DoorReading]:
        """Fresh readings. Doors that were not read, or whose last readings disagree, are unknown."""
        begun = self._clock.monotonic()
        while await self.read(Priority.REFRESH, deadline, lock) and self._doors.unsettled:
            if self._clock.monotonic() + cadence.AGAIN_S >= deadline:
                break
            await self._clock.sleep(cadence.AGAIN_S)
        return {number: self._fresh(number, door, begun) for number, door in self._doors.readings().items()}

    async def safe_state(self) -> SafeState:
        """Every coil off, never while a pulse of ours may be running; best effort."""
        requests = self._member.codec.safe_state()
        if not requests:
            return "not_applicable"
        refused = False
        for request in requests:
            answer = await self._make_safe(request)
            if answer is None:
                return "failed"
            refused = refused or bool(answer.reason) or answer.accepted is False
        return "failed" if refused else "done"

    # Exchanges

    def _requests(self, lock: int | None) -> tuple[Request, ...]:
        """A board of which one read shows one lock is asked for the lock that was pulsed last first (1.1)."""
        codec = self._member.codec
        if lock is not None:
            one = codec.read(lock)
            return () if one is None else (one,)
        requests = codec.reads()
        pulsed = pulses.latest(self._doors.pulses)
        return tuple(sorted(requests, key=lambda one: one.lock != pulsed)) if len(requests) > 1 else requests

    async def _ask(self, request: Request, priority: Priority, deadline: float | None = None) -> Answer | None:
        answered = await self._exchange(request, priority, deadline)
        return answered[1] if answered else None

    async def _exchange(
        self, request: Request, priority: Priority, deadline: float | None = None
    ) -> tuple[bytes, Answer] | None:
        codec = self._member.codec
        result = await self._bus.exchange(self._member, Order(request, self._times.read_s, priority, deadline))
        if isinstance(result, Answered):
            answer = codec.answer(result.frame, request)
            self._hear(answer)
            return result.frame, answer
        if isinstance(result, Unanswered):
            self._failures += 1
            self._judge_absence(self._bus.hint(self._member) or "does not answer")
        return None

    async def _make_safe(self, request: Request) -> Answer | None:
        async def unless_pulsing() -> None:
            if self._pulse_ends_at() > self._clock.monotonic():
                raise Withheld

        codec = self._member.codec
        order = Order(request, self._times.read_s, Priority.SAFE_STATE, before_send=unless_pulsing)
        while True:
            await self._clock.sleep(self._pulse_ends_at() - self._clock.monotonic())
            result = await self._bus.exchange(self._member, order)
            if isinstance(result, NotSent) and result.why == "withheld":
                continue
            return codec.answer(result.frame, request) if isinstance(result, Answered) else None

    def _pulse_ends_at(self) -> float:
        return pulses.running_until(self._doors.pulses, self._times.pulse_of(self._settings()) / 1000)

    def hear(self, answer: Answer) -> None:
        """A valid answer of the board, to whatever: it is there, and perhaps tells of its doors."""
        self._hear(answer)
        if not self.state.online:
            self.hurry()

    def _hear(self, answer: Answer) -> None:
        now = self._clock.monotonic()
        self._failures, self._tries, self._answered_at = 0, 0, now
        self.state = replace_state(self.state, last_seen_at=self._clock.now())
        self.items.update(answer.items)
        self._doors.observe(answer.bits, now, self._bus.unlocking_s)

    # The life of the board
