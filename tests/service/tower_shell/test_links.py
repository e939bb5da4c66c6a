"""The rules and time-outs of a link (blink-protocol.md 2.4), on a clock that the test moves."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from harness.towers import Server, until
from openharbor.blink.frames import MOST_WAITING, phone_frame, read_message
from openharbor.blink.packets import Packet
from openharbor.blink.phone_session import PhoneSession, ask, read_grant, read_reply, request_session
from openharbor.kit.clock import SteppedClock
from openharbor.tower.app import RunningTower
from openharbor.tower.links import Link

CLEAR_COMMAND = phone_frame({1: int(Packet.REOPEN_LOCKER)})


class Line:
    """One link, by hand: what the tower sent, and whether it has cut it."""

    def __init__(self, tower: RunningTower) -> None:
        self.sent: list[bytes] = []
        self.link = Link(tower, self._send)
        self.task = asyncio.create_task(self.link.run())

    async def _send(self, frame: bytes) -> None:
        self.sent.append(frame)

    async def exchange(self, data: bytes) -> bytes:
        count = len(self.sent)
        self.link.feed(data)
        await until(lambda: len(self.sent) > count)
        return self.sent[-1]

    async def refusal(self, data: bytes) -> int:
        return code_of(await self.exchange(data))

    async def begin(self, server: Server) -> PhoneSession:
        credentials = server.session()
        question = request_session(credentials, secrets.token_bytes(16), 0)
        granted = read_grant(credentials, question, await self.exchange(question.frame))
        assert isinstance(granted, PhoneSession)
        return granted

    async def status(self, session: PhoneSession) -> PhoneSession:
        question = ask(session, Packet.REQUEST_SYNC_STATUS, {}, secrets.token_bytes(16))
        session, _ = read_reply(session, question, await self.exchange(question.frame))
        return session

    async def is_cut(self) -> bool:
        await until(self.task.done)
        return True


def code_of(frame: bytes) -> int:
    fields = read_message(frame)
    assert fields[1] == Packet.SESSION_ERROR
    return int(fields[2])


@asynccontextmanager
async def line_to(tower: RunningTower) -> AsyncIterator[Line]:
    line = Line(tower)
    await asyncio.sleep(0)
    try:
        yield line
    finally:
        line.task.cancel()
        await asyncio.gather(line.task, return_exceptions=True)


async def test_half_a_message_and_2_s_of_silence_are_answered_108_and_dropped(
    tower: RunningTower, clock: SteppedClock
) -> None:
    async with line_to(tower) as line:
        line.link.feed(CLEAR_COMMAND[:5])
        await clock.advance(1.9)
        assert line.sent == []
        await clock.advance(0.2)
        await until(lambda: len(line.sent) == 1)
        assert code_of(line.sent[0]) == 108
        assert await line.refusal(CLEAR_COMMAND) == 202


async def test_bytes_that_come_slowly_are_one_message(tower: RunningTower, clock: SteppedClock) -> None:
    async with line_to(tower) as line:
        for place in range(len(CLEAR_COMMAND) - 1):
            line.link.feed(CLEAR_COMMAND[place : place + 1])
            await clock.advance(1.5)
        assert await line.refusal(CLEAR_COMMAND[-1:]) == 202


async def test_a_header_that_announces_too_much_is_answered_208_and_cut_at_once(tower: RunningTower) -> None:
    async with line_to(tower) as line:
        assert await line.refusal(bytes.fromhex("d9d9f7591001")) == 208
        assert await line.is_cut()


async def test_more_bytes_than_are_kept_cut_the_link(tower: RunningTower) -> None:
    async with line_to(tower) as line:
        line.link.feed(CLEAR_COMMAND + bytes(MOST_WAITING + 1))
        assert await line.is_cut()


async def test_what_is_no_frame_is_answered_108_and_the_link_stays(tower: RunningTower) -> None:
    async with line_to(tower) as line:
        assert await line.refusal(b"\xa0") == 108
        assert await line.refusal(CLEAR_COMMAND) == 202


async def test_the_question_for_the_info_value_is_refused_where_it_has_no_place(tower: RunningTower) -> None:
    async with line_to(tower) as line:
        assert await line.refusal(b"\x64info") == 108


async def test_a_link_without_a_session_is_cut_90_s_after_its_last_message(
    tower: RunningTower, clock: SteppedClock
) -> None:
    async with line_to(tower) as line:
        await clock.advance(80)
        assert await line.refusal(CLEAR_COMMAND) == 202
        await clock.advance(89)
        assert not line.task.done()
        await clock.advance(2)
        assert await line.is_cut()
        assert len(line.sent) == 1


async def test_a_grant_that_never_speaks_keeps_no_link(
    tower: RunningTower, server: Server, clock: SteppedClock
) -> None:
    async with line_to(tower) as line:
        await line.begin(server)
        await clock.advance(91)
        assert await line.is_cut()


async def test_a_link_with_a_living_session_stays_until_the_session_ends(
    tower: RunningTower, server: Server, clock: SteppedClock
) -> None:
    async with line_to(tower) as line:
        await line.status(await line.begin(server))
        await clock.advance(295)
        assert not line.task.done()
        await clock.advance(15)
        assert await line.is_cut()


async def test_a_stranger_does_not_hold_a_link_with_the_id_of_a_living_session(
    tower: RunningTower, server: Server, clock: SteppedClock
) -> None:
    async with line_to(tower) as line, line_to(tower) as stranger:
        session = await line.status(await line.begin(server))
        forged = phone_frame({22: session.session_id, 7: bytes(20), 8: bytes(33)})
        assert await stranger.refusal(forged) == 201
        await clock.advance(91)
        assert await stranger.is_cut()
        assert not line.task.done()


async def test_the_fifth_authentication_failure_is_answered_and_cuts_the_link(
    tower: RunningTower, server: Server
) -> None:
    async with line_to(tower) as line, line_to(tower) as other:
        session = await other.status(await other.begin(server))
        forged = phone_frame({22: session.session_id, 7: bytes(20), 8: bytes(33)})
        assert [await line.refusal(forged) for _ in range(5)] == [201] * 5
        assert await line.is_cut()
        await other.status(session)


async def test_a_session_goes_on_over_another_link(tower: RunningTower, server: Server) -> None:
    async with line_to(tower) as first:
        session = await first.status(await first.begin(server))
    async with line_to(tower) as second:
        await second.status(session)


async def test_two_messages_in_a_row_are_answered_one_after_another(tower: RunningTower) -> None:
    async with line_to(tower) as line:
        line.link.feed(CLEAR_COMMAND + CLEAR_COMMAND)
        await until(lambda: len(line.sent) == 2)
        assert [code_of(one) for one in line.sent] == [202, 202]


@pytest.mark.parametrize("size", [1, 20, 244])
async def test_any_cut_of_the_bytes_is_the_same_message(tower: RunningTower, server: Server, size: int) -> None:
    credentials = server.session()
    question = request_session(credentials, secrets.token_bytes(16), 0)
    async with line_to(tower) as line:
        for place in range(0, len(question.frame), size):
            line.link.feed(question.frame[place : place + size])
        await until(lambda: len(line.sent) == 1)
        assert isinstance(read_grant(credentials, question, line.sent[0]), PhoneSession)
