"""A tower takes a message apart in a fixed order, and refuses in the form that the SDK understands (6.1, 6.2)."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.blink.rig import CLOCK, UPTIME, iv_in, key_of, phone, session, sessions, taken, wrapped
from harness.blink_vectors import unshown, vectors
from openharbor.blink.cbor import decode, encode
from openharbor.blink.frames import TRAPS, FrameReader, phone_frame, read_message, tower_frame
from openharbor.blink.handshake import SessionRequest
from openharbor.blink.lockout import cuts_link
from openharbor.blink.packets import COMMANDS, SERVER, Packet, refusal_form
from openharbor.blink.phone_session import Declined, PhoneSession, Question, ask, read_reply
from openharbor.blink.refusals import AUTH_SIZE, Rejected
from openharbor.blink.sessions import NotTheSession, Sessions, with_grant
from openharbor.blink.tower_session import Answered, Asked, answer, receive, refuse, session_error
from openharbor.blink.wrapper import unwrap, wrap

STEPS = vectors()["commands"]["steps"]
PAIRS = vectors()["codec"]["pairs"]
NEGATIVE = vectors()["negative"]["list"]
# Without state beyond a session: frames, content, messages in the clear, wrapper, sequence, types, permissions, fields.
# The tower answers for the rest: last opened, keypad, lockers, and what stands inside sealed payloads.
JUDGED_HERE = {*range(1, 16), *range(40, 75), 81, 92, 128}


def named(row: dict[str, Any]) -> str:
    return f"{row.get('id', '')} {row.get('name', row.get('command'))}"


def inside(key_name: str, frame: str) -> dict[int, Any]:
    return decode(unwrap(key_of(key_name), read_message(bytes.fromhex(frame))))


def test_the_commands_of_the_vectors_are_answered_byte_for_byte() -> None:
    tower = sessions("A")
    for row in STEPS:
        tower, asked = receive(tower, bytes.fromhex(row["in"]), UPTIME)
        assert isinstance(asked, Asked)
        assert (asked.refusal, asked.fields) == (None, unshown(row["request"]))
        reply = unshown(row["reply"])
        if row["answer"] in ("ERROR", "SESSION_ERROR"):
            iv = iv_in(row["out"]) if wrapped(row["out"]) else bytes(16)
            tower, frame = refuse(tower, asked, reply[2], iv, CLOCK)
        else:
            fields = {number: value for number, value in reply.items() if number not in (1, 22, 25)}
            tower, frame = answer(tower, asked, fields, iv_in(row["out"]))
        assert frame.hex() == row["out"], row["command"]
    assert tower == Sessions()


def test_the_same_commands_come_from_the_phone_byte_for_byte() -> None:
    session = phone("A")
    for row in STEPS:
        request = unshown(row["request"])
        question = ask(session, Packet(request[1]), request, iv_in(row["in"]))
        assert question.frame.hex() == row["in"], row["command"]
        session, reply = read_reply(session, question, bytes.fromhex(row["out"]))
        assert isinstance(reply, Declined) == (row["answer"] in ("ERROR", "SESSION_ERROR"))
        kept = row["sdk"].rpartition("sequence ")[2]
        if kept.isdigit():
            assert session.number == int(kept), row["command"]
    assert session.over


@pytest.mark.parametrize("row", PAIRS, ids=named)
def test_every_layout_of_the_codec_is_written_and_read_by_both_ends(row: dict[str, Any]) -> None:
    request, reply = unshown(row["request"]), unshown(row["reply"])
    tower = sessions("B", 63)
    at = phone("B", request[25] - 1)
    question = ask(at, Packet(request[1]), request, iv_in(row["in"]))
    assert question.frame.hex() == row["in"]
    assert inside("B", row["in"]) == request
    after, heard = read_reply(at, question, bytes.fromhex(row["out"]))
    assert (after.number, getattr(heard, "fields", None)) == (reply[25], reply)
    command = COMMANDS[Packet(request[1])]
    first = ask(phone("B"), Packet(request[1]), request, bytes(16))
    tower, asked = receive(tower, first.frame, UPTIME)
    assert isinstance(asked, Asked)
    assert (asked.refusal is None) == (command.who != SERVER)
    assert (
        tower_frame(wrap(key_of("B"), taken("B", "session_id"), encode(reply), iv_in(row["out"]))).hex() == row["out"]
    )
    if asked.refusal is None:
        fields = {number: value for number, value in reply.items() if number not in (1, 22, 25)}
        _, frame = answer(tower, asked, fields, iv_in(row["out"]))
        assert inside("B", frame.hex()) == {**reply, 25: 3}


HELD: dict[Packet, dict[int, Any]] = {
    Packet.FOUND_LOCKERS: {78: {1: 2}},
    Packet.LOCKER_OPENED: {70: 1},
    Packet.SYNC_STATUS: {31: 1, 32: 0, 33: 0},
}


def played(tower: Sessions, frame: str, iv: bytes) -> tuple[Sessions, Rejected | None, bytes]:
    """The refusal and the answer of a tower that carries out whatever it is not to refuse here."""
    try:
        reader = FrameReader()
        reader.feed(bytes.fromhex(frame))
        tower, message = receive(tower, reader.next() or bytes.fromhex(frame), UPTIME)
    except Rejected as refused:
        return tower, refused, session_error(refused.code, CLOCK)
    assert not isinstance(message, SessionRequest)
    if isinstance(message, Answered):
        return tower, None, message.frame
    if message.refusal is None:
        reply = COMMANDS[Packet(message.packet_type)].reply
        return answer(tower, message, HELD[reply], iv)[0], None, b""
    tower, answered = refuse(tower, message, message.refusal.code, iv, CLOCK)
    return tower, message.refusal, answered


def start(row: dict[str, Any]) -> Sessions:
    if row["session"] is None:
        return Sessions()
    return sessions(row["session"]["name"], row["session"]["permissions"])


@pytest.mark.parametrize("row", [row for row in NEGATIVE if int(row["id"][2:]) in JUDGED_HERE], ids=named)
def test_the_negative_list_gets_its_codes_forms_and_bytes(row: dict[str, Any]) -> None:
    tower, failures = start(row), 0
    for frame in row.get("before", ()):
        tower, refused, _ = played(tower, frame, bytes(16))
        failures += refused is not None and refused.counts
    iv = iv_in(row["out"]) if wrapped(row["out"]) else bytes(16)
    _, refused, frame = played(tower, row["in"], iv)
    assert refused is not None
    assert (refused.code, refused.counts, frame.hex()) == (row["code"], row["auth_failure"], row["out"])
    cut = cuts_link(failures + refused.counts) or (refused.code == AUTH_SIZE and not wrapped(row["out"]))
    assert cut == row["closes_link"]


@given(st.data())
def test_no_flipped_bit_of_a_wrapped_message_is_carried_out(data: st.DataObject) -> None:
    """Whatever bit it is; flips in the frame or in the outer map end earlier than the MAC."""
    frame = bytearray(ask(phone("A"), Packet.FIRE_LOCK, {72: 3}, bytes(16)).frame)
    bit = data.draw(st.integers(0, 8 * len(frame) - 1))
    frame[bit // 8] ^= 1 << bit % 8
    with pytest.raises(Rejected):
        receive(sessions("A"), bytes(frame), UPTIME)


@given(st.binary(max_size=80))
def test_noise_is_refused_with_a_code_and_nothing_else(noise: bytes) -> None:
    for tower in (Sessions(), sessions("A")):
        with pytest.raises(Rejected):
            receive(tower, noise, UPTIME)


@given(st.dictionaries(st.integers(0, 255), st.integers() | st.binary(max_size=40) | st.text(max_size=9), max_size=6))
def test_any_map_in_the_clear_is_refused_or_a_session_request(fields: dict[int, Any]) -> None:
    small = {key: value for key, value in fields.items() if not isinstance(value, int) or abs(value) < 2**63}
    try:
        _, message = receive(sessions("A"), phone_frame(small), UPTIME)
    except Rejected:
        return
    assert isinstance(message, SessionRequest)


def exchange(tower: Sessions, packet: Packet = Packet.REQUEST_SYNC_STATUS) -> tuple[Sessions, Asked, Question]:
    question = ask(phone("A"), packet, {2: 0}, bytes(16))
    tower, asked = receive(tower, question.frame, UPTIME)
    assert isinstance(asked, Asked)
    return tower, asked, question


def sdk_finds_a_map(frame: bytes) -> bool:
    """F-1: the SDK derives the size of the header from the length of the whole message."""
    header = 1 if len(frame) < 24 else 2 if len(frame) < 256 else 3
    return frame[header] >> 5 == 5


def test_the_sdk_finds_the_map_of_every_length_from_1_to_1000() -> None:
    tower, asked, _ = exchange(sessions("A"), Packet.CHECK_ALL_LOCKER_DOORS)
    for size in range(1, 1001):
        _, answered = answer(tower, asked, {79: bytes(size)}, bytes(16))
        for frame in (answered, tower_frame({1: 3, 3: "x" * size})):
            assert sdk_finds_a_map(frame)
            assert len(encode(read_message(frame))) not in TRAPS


@pytest.mark.parametrize("packet", list(COMMANDS), ids=lambda packet: str(packet.name))
def test_a_refusal_has_the_form_that_the_sdk_takes_for_one(packet: Packet) -> None:
    """An ACK-type command must be refused in the clear, where no wrapped answer passes for success (F-4)."""
    form = refusal_form(packet)
    assert (form == "clear") == (COMMANDS[packet].reply in (Packet.ACK, Packet.TERMINATE_SESSION)) or (
        packet is Packet.SYNC_PUSH and form == "wrapped"
    )


def test_a_refusal_in_the_clear_holds_nothing_of_a_session() -> None:
    assert set(read_message(session_error(201, CLOCK))) == {1, 2, 5}


def test_a_wrapped_error_holds_nothing_that_looks_like_an_answer() -> None:
    tower, asked, _ = exchange(sessions("A"))
    _, frame = refuse(tower, asked, 510, bytes(16), CLOCK)
    assert inside("A", frame.hex()) == {1: 5, 2: 510, 22: taken("A", "session_id"), 25: 3}


def test_a_command_is_answered_once() -> None:
    tower, asked, _ = exchange(sessions("A"))
    after, _ = answer(tower, asked, {31: 1, 32: 0, 33: 0}, bytes(16))
    with pytest.raises(NotTheSession):
        answer(after, asked, {31: 1, 32: 0, 33: 0}, bytes(16))
    with pytest.raises(NotTheSession):
        refuse(after, asked, 505, bytes(16), CLOCK)


def test_a_command_of_a_session_that_is_over_is_not_answered() -> None:
    _, asked, _ = exchange(sessions("A"))
    with pytest.raises(NotTheSession):
        answer(sessions("B"), asked, {31: 1, 32: 0, 33: 0}, bytes(16))
    with pytest.raises(NotTheSession):
        refuse(Sessions(), asked, 505, bytes(16), CLOCK)


def test_an_answer_with_other_fields_than_the_sdk_awaits_is_never_sent() -> None:
    tower, asked, _ = exchange(sessions("A"))
    for fields in ({31: 1, 32: 0}, {31: 1, 32: 0, 33: 0, 70: 1}):
        with pytest.raises(ValueError, match="SYNC_STATUS has the public fields"):
            answer(tower, asked, fields, bytes(16))


def test_a_command_that_must_be_refused_cannot_be_answered() -> None:
    question = ask(phone("B"), Packet.FIRE_LOCK, {72: 1}, bytes(16))
    tower, asked = receive(sessions("B"), question.frame, UPTIME)
    assert isinstance(asked, Asked)
    with pytest.raises(ValueError, match="has to be refused"):
        answer(tower, asked, {}, bytes(16))


def test_after_termination_the_session_is_gone_and_a_grant_is_not() -> None:
    tower = with_grant(sessions("A"), session("B"))
    tower, asked, question = exchange(tower, Packet.TERMINATE_SESSION)
    tower, frame = answer(tower, asked, {2: 0}, bytes(16))
    assert tower == Sessions(None, (session("B"),))
    over, _ = read_reply(phone("A"), question, frame)
    assert over == PhoneSession(taken("A", "session_id"), key_of("A"), 3, over=True)
    with pytest.raises(Rejected) as refused:
        receive(tower, question.frame, UPTIME)
    assert refused.value.code == 205


def test_what_a_command_holds_is_not_shown() -> None:
    question = ask(phone("A"), Packet.SET_KEYPAD_CODE, {80: "4711", 81: False, 82: b"", 83: False}, bytes(16))
    _, asked = receive(sessions("A"), question.frame, UPTIME)
    assert "4711" not in repr(asked)
