"""What a phone does when no answer comes (blink-protocol.md 5.5, 14): never a second command, never an IV twice."""

import asyncio
from functools import partial

import pytest

from core.blink.rig import phone
from openharbor.blink.frames import read_message
from openharbor.blink.packets import Packet
from openharbor.blink.tower_session import session_error
from openharbor.kit.clock import SteppedClock
from openharbor.phone import wire
from openharbor.phone.errors import NOT_CONNECTED, TIMED_OUT, FirmwareError, SdkError
from openharbor.phone.session import ANSWER_S, Link, Session
from service.phone.played import PlayedTower, TowerEnd, played, reply
from service.phone.test_session_vectors import counted

OPENED = {70: 3, 234: True}
A = phone("A")


class Phone:
    """A phone in session A. `heard`: frames that the tower got, in order; `wait_for` counts them."""

    def __init__(self) -> None:
        self.clock = SteppedClock()
        self.heard: list[bytes] = []
        self._came = asyncio.Condition()

    def at(self, tower: PlayedTower) -> Session:
        self.link = Link(partial(wire.connect, tower.address), self.clock)
        return Session(self.link, A, counted())

    async def note(self, end: TowerEnd) -> None:
        frame = await end.receive()
        async with self._came:
            self.heard.append(frame)
            self._came.notify_all()

    async def wait_for(self, frames: int) -> None:
        async with asyncio.timeout(20), self._came:
            await self._came.wait_for(lambda: len(self.heard) >= frames)


async def test_after_a_time_out_the_same_bytes_are_sent_once_more() -> None:
    here = Phone()

    async def tower(end: TowerEnd) -> None:
        await here.note(end)
        await here.note(end)
        await end.send(reply(A, 2, Packet.LOCKER_OPENED, OPENED))

    async with played(tower) as there:
        live = here.at(there)
        asking = asyncio.create_task(live.ask(Packet.REOPEN_LOCKER))
        await here.wait_for(1)
        await here.clock.advance(ANSWER_S - 0.1)
        assert len(here.heard) == 1
        await here.clock.advance(0.1)
        await here.wait_for(2)
        assert (await asking)[70] == 3
        assert here.heard[0] == here.heard[1]
        assert there.links == 1
        await here.link.drop()


async def test_after_a_second_time_out_the_phone_reconnects_and_goes_on_with_the_same_bytes() -> None:
    here = Phone()

    async def silent(end: TowerEnd) -> None:
        await here.note(end)
        await here.note(end)
        await end.hung_up()

    async def tower(end: TowerEnd) -> None:
        await here.note(end)
        await end.send(reply(A, 2, Packet.LOCKER_OPENED, OPENED))

    async with played(silent, tower) as there:
        live = here.at(there)
        asking = asyncio.create_task(live.ask(Packet.REOPEN_LOCKER))
        for frames in (1, 2):
            await here.wait_for(frames)
            await here.clock.advance(ANSWER_S)
        assert (await asking)[70] == 3
        assert len(set(here.heard)) == 1
        assert (there.links, live.state.number) == (2, 3)
        await here.link.drop()


async def test_a_link_that_breaks_is_made_anew_and_the_same_bytes_go_over_it() -> None:
    here = Phone()

    async def breaks(end: TowerEnd) -> None:
        await here.note(end)

    async def tower(end: TowerEnd) -> None:
        await here.note(end)
        await end.send(reply(A, 2, Packet.LOCKER_OPENED, OPENED))

    async with played(breaks, tower) as there:
        assert (await here.at(there).ask(Packet.REOPEN_LOCKER))[70] == 3
        assert here.heard[0] == here.heard[1]
        await here.link.drop()


async def test_a_tower_that_never_answers_is_told_of_and_the_number_stays() -> None:
    here = Phone()

    async def silent(end: TowerEnd) -> None:
        while True:
            try:
                await here.note(end)
            except (EOFError, OSError):
                return

    async with played(silent, silent) as there:
        live = here.at(there)
        asking = asyncio.create_task(live.ask(Packet.REOPEN_LOCKER))
        for frames in (1, 2, 3):
            await here.wait_for(frames)
            await here.clock.advance(ANSWER_S)
        with pytest.raises(SdkError) as caught:
            await asking
        assert caught.value.code == TIMED_OUT
        assert live.state == A
        await here.link.drop()


async def test_a_tower_that_is_gone_is_not_connected() -> None:
    async with played() as there:
        live = Phone().at(there)
    with pytest.raises(SdkError) as caught:
        await live.ask(Packet.REOPEN_LOCKER)
    assert caught.value.code == NOT_CONNECTED


async def test_a_late_answer_is_not_taken_for_the_answer_to_the_next_command() -> None:
    here = Phone()

    async def tower(end: TowerEnd) -> None:
        await here.note(end)
        await here.note(end)
        late = reply(A, 2, Packet.LOCKER_OPENED, OPENED)
        await end.send(late + late)
        await end.hung_up()

    async def anew(end: TowerEnd) -> None:
        await here.note(end)
        await end.send(reply(A, 4, Packet.LOCKER_OPENED, {70: 9}))

    async with played(tower, anew) as there:
        live = here.at(there)
        asking = asyncio.create_task(live.ask(Packet.REOPEN_LOCKER))
        await here.wait_for(1)
        await here.clock.advance(ANSWER_S)
        assert (await asking)[70] == 3
        assert (await live.ask(Packet.REOPEN_LOCKER))[70] == 9
        await here.link.drop()


async def test_a_refusal_that_came_twice_is_not_taken_for_that_of_the_next_command() -> None:
    """A late answer in the clear carries no number: it must be gone before something else is asked."""
    here = Phone()

    async def tower(end: TowerEnd) -> None:
        await here.note(end)
        await here.note(end)
        late = session_error(504, 1)
        await end.send(late + late)
        await end.hung_up()

    async def anew(end: TowerEnd) -> None:
        await here.note(end)
        await end.send(reply(A, 2, Packet.LOCKER_OPENED, OPENED))

    async with played(tower, anew) as there:
        live = here.at(there)
        asking = asyncio.create_task(live.ask(Packet.REVERT_LOCKER_STATE, {62: b""}))
        await here.wait_for(1)
        await here.clock.advance(ANSWER_S)
        with pytest.raises(FirmwareError):
            await asking
        assert (await live.ask(Packet.REOPEN_LOCKER))[70] == 3
        await here.link.drop()


async def test_one_message_is_in_flight_however_many_ask() -> None:
    here = Phone()

    async def tower(end: TowerEnd) -> None:
        for number in (2, 4, 6):
            await here.note(end)
            await end.send(reply(A, number, Packet.LOCKER_DOOR_STATE, {76: False}))

    async with played(tower) as there:
        live = here.at(there)
        await asyncio.gather(*(live.ask(Packet.CHECK_LOCKER_DOOR) for _ in range(3)))
        assert live.state.number == 7
        assert len({read_message(frame)[7][1:17] for frame in here.heard}) == 3
        await here.link.drop()
