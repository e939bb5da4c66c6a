"""The tower's end of a link: messages in, answers out (steps 1 to 14 of blink-protocol.md 6.2, the forms of 6.1).

A message that raises Rejected is answered with `session_error` and has changed nothing. A command that comes back as
`Asked` gets exactly one of `answer` and `refuse`; one with `refusal` set must be refused with it.
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from openharbor.blink import refusals, wrapper
from openharbor.blink.cbor import Fields, encode
from openharbor.blink.fields import PRIVATE, check
from openharbor.blink.frames import read_message, tower_frame
from openharbor.blink.handshake import Draws, SessionRequest, read_request, shared_key, write_grant
from openharbor.blink.packets import COMMANDS, REPLIES, Packet, command_of, refusal_form
from openharbor.blink.permissions import check_permission
from openharbor.blink.refusals import Rejected
from openharbor.blink.sequence import Repeat, Turn, judge, unused, used
from openharbor.blink.session_requests import Allowed
from openharbor.blink.sessions import NotTheSession, Session, Sessions, find, speak, with_grant, with_numbers, without

WITHOUT_SESSION: Final[tuple[set[int], ...]] = (
    {22},
    set(),
)  # keys of a command that the SDK sends without a session (F-10)

# the SDK sees an ACK in whatever has a session and a number: a field more in it is not read (11.4, F-4)
MAY_TELL: Final = {Packet.SET_KEYPAD_CODE: {80}, Packet.SET_LOCKER_KEYPAD: {80}}


class Asked(msgspec.Struct, frozen=True):
    """A command that passed step 11. `packet_type` is checked to be a command only where `refusal` is None."""

    session: Session
    packet_type: int
    fields: Fields
    turn: Turn
    refusal: Rejected | None

    def __repr__(self) -> str:
        return f"Asked(packet_type={self.packet_type}, number={self.turn.number})"


class Answered(msgspec.Struct, frozen=True):
    """A message that was answered before: the frame goes out once more, nothing else happens."""

    frame: bytes


def session_error(code: int, clock: int) -> bytes:
    """A refusal in the clear, form C. `clock`: s since 1970 by the tower."""
    return tower_frame({1: Packet.SESSION_ERROR.value, 2: code, 5: clock})


def receive(sessions: Sessions, frame: bytes, uptime: int) -> tuple[Sessions, SessionRequest | Asked | Answered]:
    """What a whole frame asks for. `uptime`: seconds of a clock that never steps.

    Raises Rejected for everything before step 12, to be answered in the clear.
    """
    fields = read_message(frame)
    if 7 in fields or 8 in fields:
        return _wrapped(sessions, fields, uptime)
    if 1 not in fields:
        bare = set(fields) in WITHOUT_SESSION
        code = refusals.AUTH_NO_SESSION if bare else refusals.MSG_ITEM_MISSING
        raise Rejected(code, "a command without a session" if bare else "packet_type (#1) is missing")
    packet_type = fields[1] if type(fields[1]) is int else -1
    if packet_type == Packet.REQUEST_SESSION:
        return sessions, read_request(fields)
    if packet_type in COMMANDS:
        raise Rejected(refusals.AUTH_NO_SESSION, "a command outside a session")
    raise Rejected(refusals.MSG_INVALID_ID, "not a packet type that a phone sends in the clear")


def _wrapped(sessions: Sessions, outer: Fields, uptime: int) -> tuple[Sessions, Asked | Answered]:
    wrapper.check_parts(outer)
    session = find(sessions, outer[22], uptime)
    plain = wrapper.unwrap(session.key, outer)
    fields = wrapper.read_inner(plain, session.session_id)
    turn = judge(session.numbers, fields[25], outer[8], plain)
    if isinstance(turn, Repeat):
        if turn.numbers is not session.numbers:
            sessions = with_numbers(sessions, session.session_id, turn.numbers)
        return sessions, Answered(turn.frame)
    sessions = speak(sessions, session, uptime)
    refusal = _refusal(session.permissions, fields)
    return sessions, Asked(sessions.speaking or session, fields[1], fields, turn, refusal)


def _refusal(permissions: int, fields: Fields) -> Rejected | None:
    """Steps 12 to 14."""
    command = command_of(fields[1])
    if command is None:
        return Rejected(refusals.MSG_INVALID_ID, f"packet type {fields[1]} is no command")
    try:
        check_permission(permissions, command)
        check(fields, command.layout)
    except Rejected as refused:
        return refused
    return None


def grant(
    sessions: Sessions, request: SessionRequest, allowed: Allowed, draws: Draws, *, clock: int, uptime: int
) -> tuple[Sessions, bytes]:
    """The grant, and the sessions with it. `clock`: s since 1970 by the tower, after the payload moved it.

    Raises SessionExists, ValueError for draws of a wrong length.
    """
    frame = tower_frame(write_grant(allowed.payload.seed, request.nonce, draws, clock))
    session = Session(
        session_id=draws.session_id,
        key=shared_key(draws.session_key, request.nonce, draws.grant_nonce),
        permissions=allowed.permissions,
        client_id=allowed.payload.client_id,
        granted_at=uptime,
        spoke_at=uptime,
    )
    return with_grant(sessions, session), frame


def answer(sessions: Sessions, asked: Asked, fields: Mapping[int, Any], iv: bytes) -> tuple[Sessions, bytes]:
    """The wrapped answer. `fields`: those of packets.REPLIES, private ones, a keypad code that the tower drew (#80).

    `iv`: 16 bytes, never used before.

    Raises NotTheSession for a command that was answered, or whose session is over; ValueError for other fields than the
    reply has.
    """
    command = command_of(asked.packet_type)
    if command is None or asked.refusal is not None:
        raise ValueError("a command that has to be refused is not answered")
    _check_reply(Packet(asked.packet_type), command.reply, fields)
    sessions, frame = _finish(sessions, asked, {1: command.reply.value, **fields}, iv)
    ended = command.reply is Packet.TERMINATE_SESSION
    return (without(sessions, asked.session.session_id) if ended else sessions), frame


def refuse(sessions: Sessions, asked: Asked, code: int, iv: bytes, clock: int) -> tuple[Sessions, bytes]:
    """The refusal in the form that the SDK understands (6.1). Raises NotTheSession as `answer`."""
    if refusal_form(asked.packet_type) == "wrapped":
        return _finish(sessions, asked, {1: Packet.ERROR.value, 2: code}, iv)
    frame = session_error(code, clock)
    session = _still(sessions, asked)
    return with_numbers(sessions, session.session_id, unused(session.numbers, asked.turn, frame)), frame


def _check_reply(packet: Packet, reply: Packet, fields: Mapping[int, Any]) -> None:
    # the SDK knows an answer by its public fields (F-4): one too many is as wrong as one too few
    if {number for number in fields if number not in PRIVATE} - MAY_TELL.get(packet, set()) != set(REPLIES[reply]):
        raise ValueError(f"{reply.name} has the public fields {sorted(REPLIES[reply])}")


def _finish(sessions: Sessions, asked: Asked, fields: Fields, iv: bytes) -> tuple[Sessions, bytes]:
    session = _still(sessions, asked)
    inner = {**fields, 22: session.session_id, 25: asked.turn.number + 1}
    frame = tower_frame(wrapper.wrap(session.key, session.session_id, encode(inner), iv))
    return with_numbers(sessions, session.session_id, used(session.numbers, asked.turn, frame)), frame


def _still(sessions: Sessions, asked: Asked) -> Session:
    """The session, if it is where it was when the command came."""
    speaking = sessions.speaking
    if speaking is None or speaking.session_id != asked.session.session_id:
        raise NotTheSession("the session is over")
    if speaking.numbers != asked.session.numbers:
        raise NotTheSession("the command was answered before")
    return speaking
