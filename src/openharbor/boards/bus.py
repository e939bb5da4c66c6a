"""One line with its boards: one frame in flight, silence, whose answer it is, echo (lock-boards.md 2, 4.1, 4.4)."""

import asyncio
from collections.abc import Callable
from random import Random

import structlog

from openharbor.boards import receiver as rx
from openharbor.boards.connection import Connection
from openharbor.boards.exchange import Answered, Flight, Member, NotSent, Order, Result, Unanswered, Withheld, echoed
from openharbor.boards.line import Connect, NothingSent
from openharbor.boards.outcomes import EventKind
from openharbor.boards.protocols.codec import Codec, Push
from openharbor.boards.timing import LineTimes
from openharbor.boards.traffic import (
    SETTLE_S,
    SILENT_BOARDS,
    TELLTALE_S,
    Counters,
    Traffic,
    tells_of_two_boards,
)
from openharbor.boards.turns import Priority, Turns
from openharbor.kit.clock import Clock
from openharbor.kit.waiting import done_within

log = structlog.get_logger("openharbor.boards")

BABBLE_S = 0.5  # a line that is never silent is spoken to all the same
LONGEST_SETTLE_S = 1.0


class Bus:
    """The one owner of a line."""

    def __init__(self, name: str, connect: Connect, times: LineTimes, *, clock: Clock, random: Random) -> None:
        self.name, self.times = name, times
        self.counters = Counters()
        self.echo = times.echo  # None: not known yet on this connection
        self._clock = clock
        self._connection = Connection(name, connect, clock, random)
        self._turns = Turns(clock)
        self._traffic = Traffic()
        self._members: list[Member] = []
        self._receiver = rx.Receiver()
        self._flight: Flight | None = None
        self._last: Member | None = None
        self._number = -1
        self._quiet: asyncio.Task[None] | None = None
        self._told_of_echo = False
        self._spoilt = 0  # echoes that were missing or damaged, in a row
        self._unlocking_s = 0.0
        self._unlocking_since: float | None = None

    @property
    def up(self) -> bool:
        return self._connection.life == "up"

    @property
    def generation(self) -> int:
        """How often the line came up."""
        return self._connection.generation

    @property
    def failure(self) -> str:
        """Why the line was last lost, or could not be connected."""
        return self._connection.failure

    @property
    def unlocking_s(self) -> float:
        """How long unlocks have kept the boards from being read, in seconds since the start."""
        since = self._unlocking_since
        return self._unlocking_s + (self._clock.monotonic() - since if since is not None else 0.0)

    def start(self) -> None:
        self._connection.start(
            received=self._received, settle=self._settle, on_up=self._came_up, on_down=self._went_down
        )

    async def stop(self) -> None:
        """No byte after it returns."""
        await self._connection.stop()
        if self._flight is not None:
            self._flight.finish("lost")
        if self._quiet is not None:
            self._quiet.cancel()
            await asyncio.gather(self._quiet, return_exceptions=True)

    def join(self, member: Member) -> None:
        self._members.append(member)

    def leave(self, member: Member) -> None:
        self._members.remove(member)

    def hint_for(self, codec: Codec) -> str | None:
        """What bytes that were no frames say of a board's set-up, if anything."""
        return codec.hint(self._receiver.refused)

    async def exchange(self, member: Member, order: Order) -> Result:
        """One frame and its answer, when it is this board's turn."""
        if not self.up and not (order.deadline is not None and await self._connection.ensure(order.deadline)):
            return NotSent("expired" if order.over(self._clock.monotonic()) else "")
        if not await self._take_turn(member, order):
            return NotSent("expired")
        if order.priority == Priority.OPEN:
            self._unlocking_since = self._clock.monotonic()
        try:
            return await self._in_turn(member, order)
        finally:
            self._unlocking_s, self._unlocking_since = self.unlocking_s, None
            self._turns.give_up()

    async def _take_turn(self, member: Member, order: Order) -> bool:
        """The turn on a silent line. What waits for silence is not in flight yet, so the more urgent overtakes it."""
        while True:
            late = member.late(order.priority)
            if order.over(late):
                return False
            await self._sleep_until(lambda late=late: late)  # type: ignore[misc]  # bound now
            if not await self._turns.take(order.priority, order.deadline):
                return False
            try:
                await self._wait_for_silence()
            except BaseException:
                self._turns.give_up()
                raise
            late_again = member.late(order.priority) > self._clock.monotonic()
            if not late_again and not self._turns.asked_for_before(order.priority):
                return True
            self._turns.give_up()

    async def _in_turn(self, member: Member, order: Order) -> Result:
        liveness = member.codec.liveness()
        if self.echo is None and order.request.command != liveness.command:
            await self._send(member, Order(liveness, member.read_s, Priority.REFRESH))
            await self._wait_for_silence()
        if order.before_send is not None and not order.over(self._clock.monotonic()):
            try:
                await order.before_send()
            except Withheld:
                return NotSent("withheld")
            except Exception as error:
                log.warning("Nothing sent: what must come before a frame failed", line=self.name, reason=repr(error))
                return NotSent("journal")
            await self._wait_for_silence()
        if order.over(self._clock.monotonic()):
            return NotSent("expired")
        return await self._send(member, order)

    async def _send(self, member: Member, order: Order) -> Result:
        if member not in self._members:
            return NotSent("offline")
        self._number += 1
        request = member.codec.stamp(order.request, self._number)
        flight = Flight(member, request, asyncio.get_running_loop().create_future())
        self._flight, self._last = flight, member
        self._receiver.begin(member.codec, request, echo=self.echo is True)
        try:
            self._connection.write(request.data)
            sent_at = self._clock.monotonic()
            self.counters.frames += 1
            self._traffic.sent_until = sent_at + len(request.data) * self.times.byte_s
            await done_within(flight.done, self._traffic.sent_until + order.limit_s - sent_at, self._clock)
        except NothingSent as error:
            self._connection.drop(str(error))
            return NotSent("")
        finally:
            self._flight = None
            self._receiver.end()
            self._learn_echo(flight)
            self._traffic.ended(self._clock.monotonic(), answered=isinstance(flight.answer, bytes))
        return self._result(flight, order, sent_at)

    def _result(self, flight: Flight, order: Order, sent_at: float) -> Answered | Unanswered:
        member, answer = flight.member, flight.answer
        if self.echo is None and answer == flight.request.data:
            answer = "echo"  # of an adapter not known to echo: no board need have said it
        if isinstance(answer, bytes):
            member.silent = self._spoilt = 0
            member.silent_unlocks = 0 if order.priority == Priority.OPEN else member.silent_unlocks
            self._connection.answered()
            return Answered(answer, sent_at, self._clock.monotonic())
        if answer == "time" and order.answer_due:
            self.counters.timeouts += 1
            member.missed(order, sent_at)
            if all(one.silent >= SILENT_BOARDS for one in self._members):
                self._connection.drop(self.hint_for(member.codec) or "no board on it answers")
        if answer == "echo" and self.echo:
            self._spoilt += 1
            if self._spoilt >= SILENT_BOARDS:  # on the next connection it is learnt anew
                self._spoilt = 0
                self._connection.drop("the adapter does not return what is sent as it did, or as its address says")
        return Unanswered(sent_at, answer)

    def _learn_echo(self, flight: Flight) -> None:
        """By the first exchange that brought any bytes."""
        if self.echo is not None or not flight.raw or flight.request.command != flight.member.codec.liveness().command:
            return
        self.echo = echoed(flight.request.data, bytes(flight.raw), flight.answer)
        if self.echo and not self._told_of_echo:
            self._told_of_echo = True
            self._tell("echo_found", "the adapter returns what is sent")

    # What the line brings

    def _received(self, data: bytes) -> None:
        self._traffic.received_at = self._clock.monotonic()
        if not self.up:
            return
        if self._flight is not None and self.echo is None:
            self._flight.raw += data
        self._sort(self._receiver.feed(data))
        if self._quiet is None or self._quiet.done():
            self._quiet = asyncio.create_task(self._judge_at_silence())

    async def _judge_at_silence(self) -> None:
        await self._sleep_until(lambda: self._traffic.received_at + self.times.quiet_s)
        self._sort(self._receiver.silence())

    def _sort(self, events: list[rx.Event]) -> None:
        for event in events:
            if isinstance(event, rx.Replied) and self._flight:
                self._flight.finish(event.frame)
            elif isinstance(event, rx.EchoDamaged) and self._flight:
                self._flight.finish("echo")
            elif isinstance(event, rx.Pushed):
                self._route(event.push)
            elif isinstance(event, rx.Strange):
                self.counters.foreign += 1
            elif isinstance(event, rx.Extra):
                self._count_extra()
            elif isinstance(event, rx.Close):
                hint = self.hint_for(self._last.codec) if self._last else None
                self._connection.drop(hint or f"wrong {event.why} in a header")
        self.counters.discarded_bytes = self._receiver.discarded

    def _route(self, push: Push) -> None:
        for member in self._members:
            if member.codec.board == push.board:
                member.on_push(push)

    def _count_extra(self) -> None:
        self.counters.extra += 1
        member, now = self._last, self._clock.monotonic()
        if member is None:
            return
        if now < member.late_open_until:
            member.silent_unlocks = 0
        member.extras.append(now)
        if tells_of_two_boards(member.extras, now) and now - member.told_of_extras_at > TELLTALE_S:
            member.told_of_extras_at = now
            member.on_event("duplicate_address", "two boards on one address, or answers later than the time limit")

    # The life of the line

    async def _settle(self) -> None:
        """Drops input until 50 ms of silence (4.3); a line that never is silent is used all the same."""
        begun = self._traffic.received_at = self._clock.monotonic()
        await self._sleep_until(lambda: min(self._traffic.received_at + SETTLE_S, begun + LONGEST_SETTLE_S))

    def _came_up(self) -> None:
        self.echo = self.times.echo
        self._receiver = rx.Receiver(self._members[0].codec if self._members else None)
        self._traffic = Traffic(received_at=self._traffic.received_at)
        self.counters.reconnects += self.generation > 1
        for member in self._members:
            member.start_anew()
        self._tell("bus_up", "")

    def _went_down(self, why: str) -> None:
        if self._flight is not None:
            self._flight.finish("lost")
        self._tell("bus_down", why)

    def _tell(self, kind: EventKind, detail: str) -> None:
        for member in self._members:
            member.on_event(kind, detail)

    # Time

    async def _wait_for_silence(self) -> None:
        begun = self._clock.monotonic()
        await self._sleep_until(lambda: min(self._traffic.may_send_at(self.times), begun + BABBLE_S))

    async def _sleep_until(self, moment: Callable[[], float]) -> None:
        """Until a moment that may move while it is waited for."""
        while (left := moment() - self._clock.monotonic()) > 0:
            await self._clock.sleep(left)
