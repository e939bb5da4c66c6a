"""Firing the locks of one board: whose turn it is, the pulse, what the board answers (lock-boards.md 4.2)."""

from collections.abc import Awaitable, Callable

from openharbor.boards import pulses
from openharbor.boards.aftermath import Aftermath, Shot
from openharbor.boards.asking import Asking
from openharbor.boards.bus import Bus
from openharbor.boards.doors import Doors
from openharbor.boards.exchange import Answered, Member, NotSent, Order, Unanswered
from openharbor.boards.judgement import Evidence, Sensor, judge
from openharbor.boards.outcomes import OpenOutcome
from openharbor.boards.protocols.codec import Request
from openharbor.boards.reading import Reading
from openharbor.boards.supply import Supply
from openharbor.boards.timing import BoardTimes, Settings
from openharbor.boards.trigger import Trigger
from openharbor.boards.turns import Priority, Turns
from openharbor.kit.clock import Clock

FOLLOWUP_S = 0.1  # for an answer that may stay away

Wish = tuple[float, Callable[[], Awaitable[None]], bool]  # deadline, on_fire, ignore_sensor


class Opening:
    """Opens locks. `stopped`: nothing is fired any more. `aftermath` judges what was fired."""

    def __init__(
        self,
        bus: Bus,
        member: Member,
        asking: Asking,
        reading: Reading,
        doors: Doors,
        supply: Supply,
        times: BoardTimes,
        aftermath: Aftermath,
        *,
        has_sensor: Callable[[int], bool],
        settings: Settings,
        clock: Clock,
    ) -> None:
        self.stopped = False
        self.aftermath = aftermath
        self._bus, self._member, self._asking, self._reading, self._doors = bus, member, asking, reading, doors
        self._supply, self._times, self._has_sensor = supply, times, has_sensor
        self._settings, self._clock = settings, clock
        self._turns: dict[int, Turns] = {}

    @property
    def pulse_s(self) -> float:
        return self._times.pulse_of(self._settings()) / 1000

    def request(self, lock: int) -> Request:
        """The unlock. Raises ValueError for a lock the board does not have."""
        return self._member.codec.open(lock, self._times.pulse_of(self._settings()))

    def not_sent(self, why: str, asked_at: float | None = None) -> OpenOutcome:
        now = self._clock.monotonic()
        return judge(Evidence(sent=False, why=why, duration_ms=round((now - (asked_at or now)) * 1000)))

    async def fire(
        self, lock: int, deadline: float, on_fire: Callable[[], Awaitable[None]], *, ignore_sensor: bool
    ) -> Shot | OpenOutcome:
        """One pulse as soon as the lock, its supply and the line are free; the outcome, if nothing was sent."""
        asked_at = self._clock.monotonic()
        request = self.request(lock)
        if self.stopped or self._reading.fault is not None:
            return self.not_sent("offline", asked_at)
        turns = self._turns.setdefault(lock, Turns(self._clock))
        if not await turns.take(Priority.OPEN, deadline):
            return self.not_sent("expired", asked_at)
        try:
            why = await self._wait_for_repeat(lock, deadline) or await self._wait_for_checks(deadline)
            if why is not None:
                return self.not_sent(why, asked_at)
            shots = await self._pulse((lock,), request, (deadline, on_fire, ignore_sensor), asked_at)
            return shots[0] if isinstance(shots, list) else shots
        finally:
            turns.give_up()

    async def fire_natively(
        self, locks: tuple[int, ...], deadline: float, on_fire: Callable[[int], Awaitable[None]]
    ) -> list[Shot] | OpenOutcome | None:
        """All of them by one frame of the board's own, where `native_open_all` allows it; None: it does not."""
        request = self._member.codec.open_all(locks) if locks else None
        if request is None:
            return None
        asked_at = self._clock.monotonic()
        if self.stopped or self._reading.fault is not None:
            return self.not_sent("offline", asked_at)
        why = [await self._wait_for_repeat(lock, deadline) for lock in locks]
        if any(why):
            return self.not_sent(next(filter(None, why)) or "", asked_at)

        async def on_fire_all() -> None:
            for lock in locks:
                await on_fire(lock)

        return await self._pulse(locks, request, (deadline, on_fire_all, False), asked_at)

    def sensor(self, lock: int, *, ignore: bool) -> Sensor:
        if ignore:
            return "ignored"
        if not self._has_sensor(lock):
            return "none"
        return "suspect" if self._doors.is_suspect(lock) else "usable"

    async def pause_until(self, moment: float) -> None:
        await self._clock.sleep(moment - self._clock.monotonic())

    async def board_answers(self, deadline: float) -> bool:
        return await self._asking.read(Priority.REFRESH, deadline)

    async def _wait_for_checks(self, deadline: float) -> str | None:
        """Until the board has passed its family checks; why not, if it does not. "" where it did not answer them."""
        if await self._reading.may_fire(deadline):
            return None
        if self._reading.fault is not None:
            return "offline"
        return "expired" if self._clock.monotonic() >= deadline else ""

    async def _wait_for_repeat(self, lock: int, deadline: float) -> str | None:
        """Until the lock may be pulsed again; why not, if it may not."""
        if pulses.over_rate(self._doors.pulses, lock, self._clock.monotonic()):
            return "rate"
        earliest = pulses.earliest(self._doors.pulses, lock, self._times.min_repeat_s)
        if earliest > deadline:
            return "expired"
        await self.pause_until(earliest)
        return None

    async def _pulse(
        self, locks: tuple[int, ...], request: Request, wish: Wish, asked_at: float
    ) -> list[Shot] | OpenOutcome:
        """One frame that fires these locks in turn."""
        deadline, on_fire, ignore_sensor = wish
        if not await self._supply.take(deadline):
            return self.not_sent("expired", asked_at)
        lasts_s = (request.answer_ms or 0) / 1000
        trigger = Trigger(self._bus, self._doors, self._clock, locks, on_fire, lambda: self.stopped, lasts_s)
        limit_s = lasts_s or self._times.unlock_s
        order = Order(request, limit_s, Priority.OPEN, deadline, trigger.pull)
        try:
            result = await self._bus.exchange(self._member, order)
            if isinstance(result, NotSent):
                trigger.take_back()
                return self.not_sent("offline" if result.why == "withheld" else result.why, asked_at)
            sent_at = (
                self._clock.monotonic() if lasts_s else result.sent_at
            )  # the doors are looked at when all have fired
            shots = [
                Shot(lock, asked_at, sent_at, self.sensor(lock, ignore=ignore_sensor), watch)
                for lock, watch in zip(locks, trigger.watches, strict=True)
            ]
            self._heed(shots, request, result)
            await self._follow_up(request)
            return shots
        finally:
            self._supply.give_back(None if trigger.at is None else trigger.at + self.pulse_s)

    def _heed(self, shots: list[Shot], request: Request, result: Answered | Unanswered) -> None:
        """What the board answers to an unlock; then the door is read at once."""
        if isinstance(result, Answered):
            answer = self._member.codec.answer(result.frame, request)
            for shot in shots:
                shot.ack = "negative" if answer.accepted is False else "positive"
                shot.refusal = answer.reason
            self._asking.hear(answer)
        elif result.why != "time":  # the frame itself may be lost: a status read says nothing of it
            for shot in shots:
                shot.answered_next = False
        self._reading.hurry()

    async def _follow_up(self, request: Request) -> None:
        after = self._member.codec.followup(request)
        if after is not None:
            await self._bus.exchange(self._member, Order(after, FOLLOWUP_S, Priority.OPEN, answer_due=False))
