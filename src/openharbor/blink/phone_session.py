"""The phone's end of a session: questions out, replies in (blink-protocol.md 5, 14).

After a time-out the frame of the same question is sent once more. After `Unreadable` nothing has changed.
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from openharbor.blink import handshake, wrapper
from openharbor.blink.cbor import Fields, encode_as_given
from openharbor.blink.fields import INT32, INT53, Item, Layout, check
from openharbor.blink.frames import phone_frame, read_message
from openharbor.blink.handshake import SessionRequest
from openharbor.blink.keys import TowerKey
from openharbor.blink.packets import COMMANDS, REPLIES, Packet
from openharbor.blink.refusals import Rejected, error_name

GRANTED_NUMBER: Final = 1
INT32_LOW: Final = -(2**31)
SESSION_ERROR: Final[Layout] = (Item(2, INT32_LOW), Item(5, 0, INT53))
# numbers of 32 bits as the SDK reads them; the low bound means nothing for lengths
REPLY_LAYOUTS: Final[dict[Packet, Layout]] = {
    packet: tuple(Item(number, INT32_LOW, INT32) for number in numbers) for packet, numbers in REPLIES.items()
}


class Unreadable(Exception):
    """What came is no answer of this tower to this question. It changes nothing. Holds no secret."""


class OutOfTurn(ValueError):
    """A question in a session that is over, or a reply to a question that is not the session's last."""


class Credentials(msgspec.Struct, frozen=True):
    """What the server gave the phone for a tower: the sealed session payload, and the seed of 32 bytes."""

    payload: bytes
    auth: bytes
    seed: bytes

    def __repr__(self) -> str:
        return "Credentials()"


class PhoneSession(msgspec.Struct, frozen=True):
    """`key`: of the session, rotation 0. `number`: the last one seen. `over`: after TERMINATE_SESSION."""

    session_id: bytes
    key: TowerKey
    number: int = GRANTED_NUMBER
    over: bool = False


class SessionQuestion(msgspec.Struct, frozen=True):
    """A session request that was sent as `frame`."""

    nonce: bytes
    frame: bytes


class Question(msgspec.Struct, frozen=True):
    """A command that was sent as `frame` under `number`."""

    packet: Packet
    number: int
    frame: bytes


class Reply(msgspec.Struct, frozen=True):
    """The tower did it. `fields`: all of the inner map, which may hold more than the reply needs."""

    packet: Packet
    fields: Fields

    def __repr__(self) -> str:
        return f"Reply({self.packet.name})"


class Declined(msgspec.Struct, frozen=True):
    """The tower did not do it. `authenticated`: inside the session; otherwise anyone on the link may have said so.

    `at`: s since 1970 by the tower, only of a refusal in the clear.
    """

    code: int
    authenticated: bool
    at: int | None = None

    @property
    def name(self) -> str:
        """The name of the code."""
        return error_name(self.code)


def request_session(credentials: Credentials, nonce: bytes, phone_time: int) -> SessionQuestion:
    """REQUEST_SESSION. `nonce`: 16 random bytes, new for each request. Raises ValueError for another length."""
    if len(nonce) != handshake.NONCE_BYTES:
        raise ValueError(f"the request nonce has {len(nonce)} bytes and must have {handshake.NONCE_BYTES}")
    request = SessionRequest(phone_time, nonce, credentials.payload, credentials.auth)
    return SessionQuestion(nonce, phone_frame(handshake.write_request(request)))


def read_grant(credentials: Credentials, question: SessionQuestion, frame: bytes) -> PhoneSession | Declined:
    """What the tower made of a session request. Raises Unreadable."""
    try:
        fields = read_message(frame)
        if fields.get(1) == Packet.SESSION_ERROR:
            return _in_the_clear(fields)
        if fields.get(1) != Packet.GRANT_SESSION:
            raise Unreadable("neither a grant nor a refusal")
        granted = handshake.read_grant(fields, credentials.seed, question.nonce)
    except Rejected as rejected:
        raise Unreadable(rejected.reason) from None
    return PhoneSession(granted.session_id, granted.key)


def ask(session: PhoneSession, packet: Packet, fields: Mapping[int, Any], iv: bytes) -> Question:
    """A command of the session. `fields`: as packets.COMMANDS lists them; `iv`: 16 bytes, never used before.

    Raises OutOfTurn, Rejected for fields that the tower would refuse, ValueError for an unknown or too long command.
    """
    if session.over:
        raise OutOfTurn("the session is over")
    command = COMMANDS.get(packet)
    if command is None:
        raise ValueError(f"{packet.name} is no command")
    check(fields, command.layout)
    listed = {item.number: fields[item.number] for item in command.layout if item.number in fields}
    number = session.number + 1
    inner = {**listed, 1: packet.value, 25: number, 22: session.session_id}
    outer = wrapper.wrap(session.key, session.session_id, encode_as_given(inner), iv)
    return Question(packet, number, phone_frame(outer))


def read_reply(session: PhoneSession, question: Question, frame: bytes) -> tuple[PhoneSession, Reply | Declined]:
    """What the tower made of a command; a refusal in the clear leaves the session and its number as they are.

    Raises Unreadable, OutOfTurn.
    """
    if session.over or question.number != session.number + 1:
        raise OutOfTurn(f"the question has number {question.number}, and the last seen is {session.number}")
    try:
        outer = read_message(frame)
        if outer.get(1) == Packet.SESSION_ERROR:
            return session, _in_the_clear(outer)
        fields = _inside(session, question, outer)
        return _judged(session, question, fields)
    except Rejected as rejected:
        raise Unreadable(rejected.reason) from None


def _inside(session: PhoneSession, question: Question, outer: Fields) -> Fields:
    wrapper.check_parts(outer)
    if outer[22] != session.session_id:
        raise Unreadable("the answer is another session's")
    fields = wrapper.read_inner(wrapper.unwrap(session.key, outer), session.session_id)
    if fields[25] != question.number + 1:
        raise Unreadable(f"the answer has number {fields[25]} instead of {question.number + 1}")
    return fields


def _judged(session: PhoneSession, question: Question, fields: Fields) -> tuple[PhoneSession, Reply | Declined]:
    awaited = COMMANDS[question.packet].reply
    if fields[1] == Packet.ERROR:
        check(fields, REPLY_LAYOUTS[Packet.ERROR])
        return _moved(session, fields), Declined(fields[2], authenticated=True)
    if fields[1] != awaited:
        raise Unreadable(f"packet type {fields[1]} instead of {awaited.name}")
    check(fields, REPLY_LAYOUTS[awaited])
    ended = awaited is Packet.TERMINATE_SESSION
    return _moved(session, fields, over=ended), Reply(awaited, fields)


def _moved(session: PhoneSession, fields: Fields, *, over: bool = False) -> PhoneSession:
    return PhoneSession(session.session_id, session.key, fields[25], over)


def _in_the_clear(fields: Fields) -> Declined:
    check(fields, SESSION_ERROR)
    return Declined(fields[2], authenticated=False, at=fields[5])
