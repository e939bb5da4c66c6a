"""A phone believes an answer only when everything about it fits (blink-protocol.md 14)."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.blink.rig import CLOCK, UPTIME, phone, sessions, taken
from harness.blink_vectors import vectors
from openharbor.blink.frames import tower_frame
from openharbor.blink.packets import COMMANDS, Packet
from openharbor.blink.phone_session import (
    REPLY_LAYOUTS,
    Credentials,
    Declined,
    OutOfTurn,
    PhoneSession,
    Question,
    Reply,
    SessionQuestion,
    Unreadable,
    ask,
    read_grant,
    read_reply,
)
from openharbor.blink.refusals import Rejected
from openharbor.blink.tower_session import Asked, answer, receive, refuse, session_error

ROWS = vectors()["phone"]["list"]
CREDENTIALS = Credentials(b"", b"", taken("A", "seed"))
AWAITING = {46: Packet.OPEN_LOCKER_WITH_TOKEN, 0: Packet.REVERT_LOCKER_STATE}


def heard(row: dict[str, Any]) -> tuple[PhoneSession | None, PhoneSession | Reply | Declined]:
    frame = bytes.fromhex(row["out"])
    if row["request_number"] is None:
        return None, read_grant(CREDENTIALS, SessionQuestion(taken("A", "request_nonce"), b""), frame)
    number = row["request_number"]
    return read_reply(phone("A", number - 1), Question(AWAITING[row["awaited"]], number, b""), frame)


def named(row: dict[str, Any]) -> str:
    return f"{row['id']} {row['name']}"


@pytest.mark.parametrize("row", [row for row in ROWS if row["expect"] == "invalid"], ids=named)
def test_answers_that_do_not_fit_are_unreadable(row: dict[str, Any]) -> None:
    with pytest.raises(Unreadable):
        heard(row)


@pytest.mark.parametrize("row", [row for row in ROWS if row["expect"] == "ok"], ids=named)
def test_answers_that_fit_are_believed(row: dict[str, Any]) -> None:
    session, reply = heard(row)
    if session is None:
        assert reply == phone("A")
    else:
        assert isinstance(reply, Reply)
        assert session.number == row["request_number"] + 1


@pytest.mark.parametrize("row", [row for row in ROWS if " " in row["expect"]], ids=named)
def test_refusals_are_told_with_their_code_and_whether_the_tower_proved_it(row: dict[str, Any]) -> None:
    form, code = row["expect"].split()
    session, reply = heard(row)
    assert isinstance(reply, Declined)
    assert (reply.code, reply.authenticated) == (int(code), form == "error")
    if session is not None:
        assert session.number == row["request_number"] + (1 if form == "error" else -1)


def test_every_row_of_the_vectors_was_one_of_these() -> None:
    assert {row["expect"].split()[0] for row in ROWS} == {"ok", "invalid", "error", "refused"}


OPENED = {70: 14}


def visit(packet: Packet = Packet.REOPEN_LOCKER) -> tuple[Question, bytes]:
    question = ask(phone("A"), packet, {62: b""}, bytes(16))
    tower, asked = receive(sessions("A"), question.frame, UPTIME)
    assert isinstance(asked, Asked)
    return question, answer(tower, asked, OPENED if packet is Packet.REOPEN_LOCKER else {}, bytes(15) + b"1")[1]


@given(st.data())
def test_no_flipped_bit_of_an_answer_is_believed(data: st.DataObject) -> None:
    question, frame = visit()
    flipped = bytearray(frame)
    bit = data.draw(st.integers(0, 8 * len(frame) - 1))
    flipped[bit // 8] ^= 1 << bit % 8
    with pytest.raises(Unreadable):
        read_reply(phone("A"), question, bytes(flipped))


@given(st.binary(max_size=60))
def test_noise_is_never_an_answer(noise: bytes) -> None:
    question, _ = visit()
    with pytest.raises(Unreadable):
        read_reply(phone("A"), question, noise)


def test_the_same_question_may_be_sent_again_and_its_answer_read() -> None:
    question, frame = visit()
    with pytest.raises(Unreadable):
        read_reply(phone("A"), question, b"\x41\xa0")
    session, reply = read_reply(phone("A"), question, frame)
    assert isinstance(reply, Reply)
    assert (reply.packet, reply.fields[70], session.number) == (Packet.LOCKER_OPENED, 14, 3)


def test_a_refusal_in_the_clear_tells_the_towers_time_and_changes_nothing() -> None:
    question, _ = visit()
    session, reply = read_reply(phone("A"), question, session_error(504, CLOCK))
    assert session == phone("A")
    assert reply == Declined(504, authenticated=False, at=CLOCK)
    assert isinstance(reply, Declined)
    assert reply.name == "SYS_LAST_OPEN"


def test_a_wrapped_error_uses_the_number_up_and_is_authentic() -> None:
    question, _ = visit()
    tower, asked = receive(sessions("A"), question.frame, UPTIME)
    assert isinstance(asked, Asked)
    _, frame = refuse(tower, asked, 504, bytes(16), CLOCK)
    session, reply = read_reply(phone("A"), question, frame)
    assert (session.number, reply) == (3, Declined(504, authenticated=True))


def test_a_refusal_of_another_shape_is_none() -> None:
    question, _ = visit()
    for fields in ({1: 3}, {1: 3, 2: True, 5: 1}, {1: 3, 2: 504}):
        with pytest.raises(Unreadable):
            read_reply(phone("A"), question, tower_frame(fields))


def test_a_reply_is_read_for_the_last_question_alone() -> None:
    question, frame = visit()
    session, _ = read_reply(phone("A"), question, frame)
    with pytest.raises(OutOfTurn):
        read_reply(session, question, frame)


def test_a_session_that_is_over_asks_and_reads_nothing() -> None:
    question, frame = visit()
    over = PhoneSession(taken("A", "session_id"), phone("A").key, 1, over=True)
    with pytest.raises(OutOfTurn):
        ask(over, Packet.REOPEN_LOCKER, {}, bytes(16))
    with pytest.raises(OutOfTurn):
        read_reply(over, question, frame)


def test_what_the_tower_would_refuse_is_not_sent() -> None:
    with pytest.raises(Rejected, match="MSG_ITEM_RANGE"):
        ask(phone("A"), Packet.TAP_LOCKER, {101: 100, 102: 11}, bytes(16))
    with pytest.raises(ValueError, match="ACK is no command"):
        ask(phone("A"), Packet.ACK, {}, bytes(16))
    with pytest.raises(ValueError, match="nonce size"):
        ask(phone("A"), Packet.REOPEN_LOCKER, {}, bytes(15))


def test_fields_that_a_command_does_not_have_are_left_out() -> None:
    question = ask(phone("A"), Packet.REOPEN_LOCKER, {25: 99, 22: b"x", 70: 1}, bytes(16))
    _, asked = receive(sessions("A"), question.frame, UPTIME)
    assert isinstance(asked, Asked)
    assert asked.fields == {1: 45, 25: 2, 22: taken("A", "session_id")}


def test_what_an_answer_holds_is_not_shown() -> None:
    question, frame = visit()
    _, reply = read_reply(phone("A"), question, frame)
    assert repr(reply) == "Reply(LOCKER_OPENED)"


@pytest.mark.parametrize("packet", list(COMMANDS), ids=lambda packet: str(packet.name))
def test_every_command_has_a_reply_that_a_phone_can_read(packet: Packet) -> None:
    assert COMMANDS[packet].reply in REPLY_LAYOUTS
