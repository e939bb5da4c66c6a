"""Questions to one board and what it answers: readings of its doors, and coils off (lock-boards.md 4.3, 4.4)."""

from collections.abc import Callable

from openharbor.boards import pulses
from openharbor.boards.bus import Bus
from openharbor.boards.doors import Doors
from openharbor.boards.exchange import Answered, Member, NotSent, Order, Unanswered, Withheld
from openharbor.boards.outcomes import SafeState
from openharbor.boards.protocols.codec import Answer, Codec, Request
from openharbor.boards.timing import BoardTimes, Settings
from openharbor.boards.turns import Priority
from openharbor.kit.clock import Clock

OTHERS = 2  # doors read beside an urgent one


class Asking:
    """Asks one board. `on_answer` is told of every valid answer, `on_silence` of every missing one."""

    def __init__(
        self, bus: Bus, member: Member, doors: Doors, times: BoardTimes, *, settings: Settings, clock: Clock
    ) -> None:
        self.on_answer: Callable[[], None] = lambda: None
        self.on_silence: Callable[[], None] = lambda: None
        self.items: dict[int, bool] = {}
        self._turn = 0
        self._bus, self._member, self._doors, self._times = bus, member, doors, times
        self._settings, self._clock = settings, clock

    @property
    def codec(self) -> Codec:
        return self._member.codec

    async def read(self, priority: Priority, deadline: float | None = None, lock: int | None = None) -> bool:
        """One round over all doors, or a look at one. False: a read was not answered, and the rest was left out."""
        for request in self._reads(lock) or (self.codec.liveness(),):
            if await self.ask(request, priority, deadline) is None:
                return False
        return True

    async def poll(self) -> bool:
        """A round at the lowest priority. Where one read shows one lock, a door that matters now does not wait for all
        the others: it is read each time, and they in turn (1.1)."""
        requests = self.codec.reads()
        urgent = [request for request in requests if request.lock is not None and self._doors.matters(request.lock)]
        if len(requests) <= len(urgent) + OTHERS or not urgent:
            return await self.read(Priority.POLL)
        rest = [request for request in requests if request not in urgent]
        self._turn = (self._turn + OTHERS) % len(rest)
        for request in (*urgent, *(rest + rest)[self._turn : self._turn + OTHERS]):
            if await self.ask(request, Priority.POLL) is None:
                return False
        return True

    async def ask(
        self, request: Request, priority: Priority, deadline: float | None = None
    ) -> tuple[bytes, Answer] | None:
        """The answer, and the frame it came in."""
        codec = self.codec
        result = await self._bus.exchange(self._member, Order(request, self._times.read_s, priority, deadline))
        if isinstance(result, Answered):
            answer = codec.answer(result.frame, request)
            self.hear(answer)
            return result.frame, answer
        if isinstance(result, Unanswered):
            self.on_silence()
        return None

    def hear(self, answer: Answer) -> None:
        """A valid answer, to whatever: the board is there, and perhaps tells of its doors."""
        self.items.update(answer.items)
        self._doors.observe(answer.bits, self._clock.monotonic(), self._bus.unlocking_s)
        self.on_answer()

    async def learn(self) -> bool:
        """The first read after a connect (4.3): is the board there, and what does only its answer tell?"""
        first = await self.ask(self.codec.liveness(), Priority.POLL)
        for _ in range(5):
            if first is None or self.codec.learn((first[0], first[0])) == self.codec:
                break
            second = await self.ask(self.codec.liveness(), Priority.POLL)
            if second is not None and second[0] == first[0]:
                self._member.codec = self.codec.learn((first[0], second[0]))
            first = second
        self._doors.resize(self.codec.locks or 0)
        return first is not None and self.codec.locks is not None

    async def make_safe(self) -> SafeState:
        """Every coil off, never while a pulse of ours may be running; best effort."""
        requests = self.codec.safe_state()
        if not requests:
            return "not_applicable"
        refused = False
        for request in requests:
            answer = await self._make_safe(request)
            if answer is None:
                return "failed"
            refused = refused or bool(answer.reason)
        return "failed" if refused else "done"

    async def _make_safe(self, request: Request) -> Answer | None:
        async def unless_pulsing() -> None:
            if self._pulse_ends_at() > self._clock.monotonic():
                raise Withheld

        codec = self.codec
        order = Order(request, self._times.read_s, Priority.SAFE_STATE, before_send=unless_pulsing)
        while True:
            await self._clock.sleep(self._pulse_ends_at() - self._clock.monotonic())
            result = await self._bus.exchange(self._member, order)
            if isinstance(result, Answered):
                return codec.answer(result.frame, request)
            if result != NotSent("withheld"):
                return None

    def _reads(self, lock: int | None) -> tuple[Request, ...]:
        if lock is None:
            return self.codec.reads()
        one = self.codec.read(lock)
        return () if one is None else (one,)

    def _pulse_ends_at(self) -> float:
        return pulses.running_until(self._doors.pulses, self._times.pulse_of(self._settings()) / 1000)
