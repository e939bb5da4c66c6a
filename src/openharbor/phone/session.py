"""A session that outlives its link: asked once, answered once, whatever breaks between (blink-protocol.md 5.5, 14)."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, TypeVar

from openharbor.blink import phone_session
from openharbor.blink.cbor import Fields
from openharbor.blink.packets import Packet
from openharbor.blink.phone_session import (
    Credentials,
    Declined,
    PhoneSession,
    Question,
    Reply,
    Unreadable,
)
from openharbor.kit.clock import Clock
from openharbor.kit.errors import Failed
from openharbor.kit.waiting import done_within
from openharbor.phone import packet_log
from openharbor.phone.errors import NO_SESSION, NOT_CONNECTED, TIMED_OUT, FirmwareError, SdkError
from openharbor.phone.transport import LinkLost, Transport

ANSWER_S: Final = 20.0
IV_BYTES: Final = 16
NONCE_BYTES: Final = 16

T = TypeVar("T")
Connect = Callable[[], Awaitable[Transport]]
Random = Callable[[int], bytes]


class Link:
    """The present link to a tower, and the way to the next one. Raises SdkError where there is none."""

    def __init__(self, connect: Connect, clock: Clock) -> None:
        self.clock = clock
        self._connect = connect
        self._transport: Transport | None = None
        self._owed = 0  # answers that may still come over the present link

    async def up(self) -> Transport:
        """The link, made anew if it is gone."""
        if self._transport is None:
            try:
                self._transport = await self._connect()
            except (Failed, LinkLost) as error:
                raise SdkError(NOT_CONNECTED, str(error)) from None
        return self._transport

    async def drop(self) -> None:
        """Hangs up; the next message makes a new link."""
        transport, self._transport, self._owed = self._transport, None, 0
        if transport is not None:
            await transport.close()

    async def settle(self) -> None:
        """Before something else is asked: a late refusal in the clear has no number, and would pass for its answer."""
        if self._owed:
            await self.drop()

    async def exchange(self, frame: bytes, read: Callable[[bytes], T]) -> T:
        """Sends, and reads the answer; what cannot be read is passed over. Raises LinkLost, TimeoutError, SdkError."""
        transport = await self.up()
        self._owed += 1
        await transport.send(frame)
        until = self.clock.monotonic() + ANSWER_S
        while True:
            answer = await self._received(transport, until)
            try:
                outcome = read(answer)
            except Unreadable as error:
                packet_log.told("← passed over", reason=str(error))
            else:
                self._owed -= 1
                return outcome

    async def _received(self, transport: Transport, until: float) -> bytes:
        waiting = asyncio.ensure_future(transport.receive())
        try:
            if not await done_within(waiting, until - self.clock.monotonic(), self.clock):
                raise TimeoutError
            return waiting.result()
        finally:
            if not waiting.done():
                waiting.cancel()
                await asyncio.gather(waiting, return_exceptions=True)


async def begin(link: Link, credentials: Credentials, random: Random) -> PhoneSession:
    """A new session. Raises FirmwareError when the tower refuses, SdkError when it cannot be asked."""
    await link.settle()
    question = phone_session.request_session(credentials, random(NONCE_BYTES), link.clock.now() // 1000)
    packet_log.asked(Packet.REQUEST_SESSION, None, {})
    try:
        granted = await link.exchange(
            question.frame, lambda frame: phone_session.read_grant(credentials, question, frame)
        )
    except (LinkLost, TimeoutError) as error:
        await link.drop()
        raise _no_answer(error) from None
    if isinstance(granted, Declined):
        packet_log.answered(None, granted)
        raise FirmwareError(granted.code, authenticated=False)
    packet_log.told("← GRANT_SESSION")
    return granted


class Session:
    """One session. `state` is all that is needed to go on with it later, in another process too."""

    def __init__(self, link: Link, state: PhoneSession, random: Random) -> None:
        self.state = state
        self._link, self._random = link, random
        self._turn = asyncio.Lock()

    async def ask(self, packet: Packet, fields: Mapping[int, Any] | None = None) -> Fields:
        """A command, and the fields of its answer. Raises FirmwareError, SdkError."""
        async with self._turn:  # one message in flight (2.4)
            if self.state.over:
                raise SdkError(NO_SESSION, "the session is over")
            await self._link.settle()
            question = phone_session.ask(self.state, packet, fields or {}, self._random(IV_BYTES))
            packet_log.asked(packet, question.number, fields or {})
            outcome = await self._answered(question)
        packet_log.answered(question.number + 1, outcome)
        if isinstance(outcome, Declined):
            raise FirmwareError(outcome.code, authenticated=outcome.authenticated)
        return outcome.fields

    async def _answered(self, question: Question) -> Reply | Declined:
        """After a time-out the same bytes once more; after the second, or when the link broke, on a new link."""
        last: Exception = TimeoutError()
        for reconnect in (False, False, True):
            if reconnect:
                await self._link.drop()
            try:
                state, outcome = await self._link.exchange(
                    question.frame, lambda frame: phone_session.read_reply(self.state, question, frame)
                )
            except TimeoutError as error:
                last = error
                packet_log.told("no answer", number=question.number)
            except LinkLost as error:
                last = error
                packet_log.told("the link broke", number=question.number, reason=str(error))
                await self._link.drop()
            else:
                self.state = state
                return outcome
        raise _no_answer(last)


def _no_answer(error: Exception) -> SdkError:
    if isinstance(error, LinkLost):
        return SdkError(NOT_CONNECTED, f"the link to the tower broke: {error}")
    return SdkError(TIMED_OUT, f"the tower did not answer within {ANSWER_S:.0f} s")
