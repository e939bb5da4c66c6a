"""The bus on a line in memory, with a clock that stands still between steps (lock-boards.md 2.1, 2.3, 4.4, 4.7)."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from random import Random

import pytest

from openharbor.boards.address import Address, parse
from openharbor.boards.board import LockBoard
from openharbor.boards.bus import Bus
from openharbor.boards.exchange import Answered, Member, NotSent, Order, Unanswered
from openharbor.boards.line import CannotConnect, Line, Lost, NothingSent, Received
from openharbor.boards.outcomes import EventKind
from openharbor.boards.protocols.choose import make_codec
from openharbor.boards.supply import Supply
from openharbor.boards.timing import BoardSettings, line_times
from openharbor.boards.turns import Priority
from openharbor.kit.clock import SteppedClock

ADDRESS = "kerong-cu16+serial:///dev/test?board=0&feedback=closed_is_1"
ASK, SHUT = bytes.fromhex("0200300335"), bytes.fromhex("020035FFFF00000338")
OTHER = bytes.fromhex("021035FF7F000003C8")


@dataclass(slots=True, eq=False)
class Wire:
    """A line whose other end is the test. `plugged`: whether it can be connected. `full`: it takes no byte."""

    clock: SteppedClock
    plugged: bool = True
    full: bool = False
    tried_at: list[float] = field(default_factory=list)
    sent: list[tuple[float, bytes]] = field(default_factory=list)
    receive: Received = lambda _: None
    lose: Lost = lambda _: None

    async def connect(self, received: Received, lost: Lost) -> Line:
        self.tried_at.append(self.clock.monotonic())
        if not self.plugged:
            raise CannotConnect("not plugged in")
        self.receive, self.lose = received, lost
        return self

    def write(self, data: bytes) -> None:
        if self.full:
            raise NothingSent("full")
        self.sent.append((self.clock.monotonic(), data))

    async def close(self) -> None:
        self.receive = lambda _: None


@dataclass(slots=True)
class Bench:
    clock: SteppedClock
    wire: Wire
    bus: Bus
    member: Member
    events: list[EventKind]

    def ask(self, priority: Priority = Priority.POLL, **options: float) -> "asyncio.Task[object]":
        order = Order(self.member.codec.reads()[0], 0.3, priority, options.get("deadline"))
        return asyncio.create_task(self.bus.exchange(self.member, order))

    def order(self, lock: int, deadline: float = 1e6) -> Order:
        return Order(self.member.codec.open(lock, 500), 1.5, Priority.OPEN, deadline)


@asynccontextmanager
async def bench(url: str = ADDRESS, *, plugged: bool = True) -> AsyncIterator[Bench]:
    clock = SteppedClock()
    wire, address = Wire(clock, plugged), parse(f"{url}&echo=0" if "echo" not in url else url)
    bus = Bus("test", wire.connect, line_times([address]), clock=clock, random=Random(1))
    events: list[EventKind] = []
    member = Member(make_codec(address), 0.3, lambda _: None, lambda kind, _: events.append(kind))
    bus.join(member)
    bus.start()
    await clock.advance(0.1)
    yield Bench(clock, wire, bus, member, events)
    await bus.stop()


async def test_a_line_is_up_after_50_ms_of_silence() -> None:
    async with bench(plugged=False) as it:
        it.wire.plugged = True
        await it.clock.advance(0.6)
        assert it.events == ["bus_up"]


async def test_one_frame_is_in_flight_and_the_next_leaves_after_the_silence() -> None:
    async with bench() as it:
        first, second = it.ask(), it.ask()
        await it.clock.advance(0.1)
        assert [data for _, data in it.wire.sent] == [ASK]
        it.wire.receive(SHUT)
        answered_at = it.clock.monotonic()
        await it.clock.advance(0.1)
        assert isinstance(await first, Answered)
        assert it.wire.sent[1][0] == pytest.approx(answered_at + 0.003)
        it.wire.receive(SHUT)
        assert isinstance(await second, Answered)


async def test_the_more_urgent_overtakes_what_waits_but_not_what_is_in_flight() -> None:
    async with bench() as it:
        polls = [it.ask(), it.ask()]
        await it.clock.advance(0.01)
        opening = asyncio.create_task(it.bus.exchange(it.member, it.order(1)))
        await it.clock.advance(0.01)
        assert len(it.wire.sent) == 1
        it.wire.receive(SHUT)
        await it.clock.advance(0.01)
        assert it.wire.sent[1][1] == it.order(1).request.data
        for _ in range(2):
            it.wire.receive(SHUT)
            await it.clock.advance(0.01)
        assert [type(result) for result in await asyncio.gather(*polls, opening)] == [Answered] * 3


async def test_the_more_urgent_overtakes_what_only_waits_for_silence() -> None:
    async with bench() as it:
        first, second = it.ask(), it.ask()
        await it.clock.advance(0.01)
        it.wire.receive(SHUT)
        await it.clock.advance(0.001)  # the second poll has its turn, and waits for 3 ms of silence
        opening = asyncio.create_task(it.bus.exchange(it.member, it.order(1)))
        await it.clock.advance(0.01)
        assert [data for _, data in it.wire.sent] == [ASK, it.order(1).request.data]
        for _ in range(2):
            it.wire.receive(SHUT)
            await it.clock.advance(0.01)
        assert [type(result) for result in await asyncio.gather(first, second, opening)] == [Answered] * 3


async def test_an_answer_that_does_not_come_ends_the_exchange_at_its_limit() -> None:
    async with bench() as it:
        asked = it.ask()
        await it.clock.advance(0.29)
        assert not asked.done()
        await it.clock.advance(0.05)
        assert isinstance(asked.result(), Unanswered)
        assert (it.bus.counters.frames, it.bus.counters.timeouts) == (1, 1)


async def test_frames_of_others_do_not_lengthen_the_limit() -> None:
    async with bench() as it:
        asked = it.ask()
        for _ in range(4):
            await it.clock.advance(0.08)
            it.wire.receive(OTHER)
        await it.clock.advance(0.01)
        assert isinstance(asked.result(), Unanswered)
        assert it.bus.counters.foreign >= 3


async def test_a_late_answer_is_extra_and_the_next_read_of_that_board_waits_for_it() -> None:
    async with bench() as it:
        first = it.ask()
        await it.clock.advance(0.4)
        second = it.ask()
        await it.clock.advance(0.1)
        it.wire.receive(SHUT)
        await it.clock.advance(0.05)
        assert (len(it.wire.sent), it.bus.counters.extra) == (1, 1)
        await it.clock.advance(0.2)
        assert len(it.wire.sent) == 2
        it.wire.receive(SHUT)
        assert isinstance(await first, Unanswered)
        assert isinstance(await second, Answered)


async def test_three_late_answers_in_an_hour_are_told() -> None:
    async with bench() as it:
        for number in range(3):
            asked = it.ask()
            await it.clock.advance(0.7)
            assert "duplicate_address" not in it.events
            it.wire.receive(SHUT)
            await asked
            if number < 2:
                asked = it.ask()
                await it.clock.advance(0.1)
                it.wire.receive(SHUT)
                await asked
        assert it.events.count("duplicate_address") == 1


async def test_a_command_whose_deadline_passed_in_the_queue_is_dropped() -> None:
    async with bench() as it:
        polling = it.ask()
        await it.clock.advance(0.01)
        opening = asyncio.create_task(it.bus.exchange(it.member, it.order(1, deadline=it.clock.monotonic() + 0.1)))
        await it.clock.advance(0.2)
        assert await opening == NotSent("expired")
        it.wire.receive(SHUT)
        await polling
        await it.clock.advance(1)
        assert len(it.wire.sent) == 1


async def test_a_line_that_takes_no_byte_leaves_the_frame_provably_unsent() -> None:
    async with bench() as it:
        it.wire.full = True
        assert await it.bus.exchange(it.member, it.order(1)) == NotSent("")
        assert it.events == ["bus_up", "bus_down"]


async def test_a_line_lost_with_a_frame_in_flight_leaves_it_in_doubt() -> None:
    async with bench() as it:
        opening = asyncio.create_task(it.bus.exchange(it.member, it.order(1)))
        await it.clock.advance(0.05)
        it.wire.lose("unplugged")
        result = await opening
        assert isinstance(result, Unanswered)
        assert result.why == "lost"
        assert it.bus.failure == "unplugged"


async def test_polls_wait_while_the_line_is_down_and_are_not_sent_later() -> None:
    async with bench(plugged=False) as it:
        assert await it.ask() == NotSent("")


async def test_reconnects_wait_half_a_second_doubling_to_thirty_for_ever() -> None:
    async with bench(plugged=False) as it:
        await it.clock.advance(3600)
        waits = [later - earlier for earlier, later in pairwise(it.wire.tried_at)]
        for wait, middle in zip(waits, [0.5, 1, 2, 4, 8, 16, *[30] * len(waits)], strict=False):
            assert 0.8 * middle <= wait <= 1.2 * middle
        assert len(waits) > 100
        it.wire.plugged = True
        await it.clock.advance(40)
        assert it.bus.up


async def test_an_open_while_the_line_is_down_tries_it_at_once_and_fails_at_once() -> None:
    async with bench(plugged=False) as it:
        await it.clock.advance(100)
        tries, now = len(it.wire.tried_at), it.clock.monotonic()
        assert await it.bus.exchange(it.member, it.order(1)) == NotSent("")
        assert (len(it.wire.tried_at), it.clock.monotonic()) == (tries + 1, now)
        it.wire.plugged = True
        opening = asyncio.create_task(it.bus.exchange(it.member, it.order(1)))
        await it.clock.advance(0.1)
        assert [data for _, data in it.wire.sent] == [it.order(1).request.data]
        it.wire.receive(SHUT)
        assert isinstance(await opening, Answered)


async def test_nothing_is_written_to_a_line_that_is_not_up_yet() -> None:
    async with bench() as it:
        polling = it.ask()
        await it.clock.advance(0.01)
        opening = asyncio.create_task(it.bus.exchange(it.member, it.order(1)))
        await it.clock.advance(0.01)
        it.wire.lose("for a moment")
        await it.clock.advance(0.05)
        assert isinstance(await polling, Unanswered)
        assert await opening == NotSent("")
        assert len(it.wire.sent) == 1


async def test_three_time_outs_in_a_row_close_a_line_that_looks_healthy() -> None:
    async with bench() as it:
        for _ in range(3):
            assert it.events == ["bus_up"]
            asked = it.ask()
            await it.clock.advance(1)
            await asked
        assert it.events[:2] == ["bus_up", "bus_down"]
        await it.clock.advance(1)
        assert it.events == ["bus_up", "bus_down", "bus_up"]
        assert it.bus.counters.reconnects == 1


@pytest.mark.parametrize(("good_s", "wait_s"), [(5, 1.0), (12, 0.5)])
async def test_the_pauses_begin_anew_after_ten_seconds_of_good_traffic_and_not_before(
    good_s: int, wait_s: float
) -> None:
    async with bench() as it:
        it.wire.lose("once")
        await it.clock.advance(1)
        for _ in range(good_s):
            asked = it.ask()
            await it.clock.advance(0.1)
            it.wire.receive(SHUT)
            await it.clock.advance(0.9)
            assert isinstance(await asked, Answered)
        it.wire.lose("again")
        lost_at, tries = it.clock.monotonic(), len(it.wire.tried_at)
        await it.clock.advance(5)
        assert 0.8 * wait_s <= it.wire.tried_at[tries] - lost_at <= 1.2 * wait_s


async def test_an_echo_is_found_by_the_first_exchange_and_removed_from_then_on() -> None:
    async with bench(f"{ADDRESS}&echo=auto") as it:
        first = it.ask()
        await it.clock.advance(0.05)
        it.wire.receive(ASK + SHUT)
        assert isinstance(await first, Answered)
        assert it.bus.echo is True
        assert "echo_found" in it.events
        second = it.ask()
        await it.clock.advance(0.05)
        it.wire.receive(SHUT)  # the copy is missing: a collision, or a broken cable
        await it.clock.advance(0.05)
        assert isinstance(await second, Unanswered)


async def test_a_line_that_is_never_silent_is_spoken_to_all_the_same() -> None:
    async with bench() as it:
        opening = asyncio.create_task(it.bus.exchange(it.member, it.order(1)))
        for _ in range(400):
            it.wire.receive(b"\x00")
            await it.clock.advance(0.002)
        assert [data for _, data in it.wire.sent] == [it.order(1).request.data]
        opening.cancel()


async def test_a_board_comes_back_after_an_hour_without_its_line() -> None:
    clock = SteppedClock()
    wire, address = Wire(clock), parse(f"{ADDRESS}&echo=0")
    bus = Bus("test", wire.connect, line_times([address]), clock=clock, random=Random(1))
    board = _board(address, bus, clock)
    bus.start()
    await board.start()
    await _answer(clock, wire, 3)
    assert _online(board)
    wire.plugged = False
    wire.lose("unplugged")
    await clock.advance(3600)
    assert not _online(board)
    assert board.doors()[1].state == "unknown"
    assert board.state.failure == "not plugged in"
    wire.plugged = True
    await _answer(clock, wire, 45)
    assert _online(board)
    assert board.doors()[1].state == "closed"
    await board.stop()
    await bus.stop()


def _board(address: Address, bus: Bus, clock: SteppedClock) -> LockBoard:
    return LockBoard(address, bus, Supply(clock), settings=BoardSettings, clock=clock)


def _online(board: LockBoard) -> bool:
    return board.state.online


async def _answer(clock: SteppedClock, wire: Wire, seconds: float) -> None:
    """A board that answers every question for so long."""
    answered = len(wire.sent)
    for _ in range(round(seconds / 0.02)):
        await clock.advance(0.02)
        if len(wire.sent) > answered:
            answered = len(wire.sent)
            wire.receive(SHUT)
