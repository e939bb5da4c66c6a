"""A tower has one session; a grant takes its place with its first command, not before (blink-protocol.md 5.3, 5.6)."""

import pytest
from msgspec.structs import replace

from core.blink.rig import UPTIME, phone, session, sessions, taken
from openharbor.blink.packets import Packet
from openharbor.blink.phone_session import ask
from openharbor.blink.refusals import Rejected
from openharbor.blink.sequence import Numbers
from openharbor.blink.sessions import (
    IDLE_S,
    LONGEST_S,
    MOST_GRANTED,
    NotTheSession,
    SessionExists,
    Sessions,
    find,
    speak,
    with_grant,
    with_numbers,
    without,
)
from openharbor.blink.tower_session import Asked, answer, receive


def code(tower: Sessions, name: str, uptime: int = UPTIME) -> int:
    try:
        find(tower, taken(name, "session_id"), uptime)
    except Rejected as refused:
        return refused.code
    return 0


def talk(tower: Sessions, name: str, uptime: int = UPTIME, number: int = 1) -> Sessions:
    question = ask(phone(name, number), Packet.REQUEST_SYNC_STATUS, {}, bytes(16))
    tower, asked = receive(tower, question.frame, uptime)
    assert isinstance(asked, Asked)
    return answer(tower, asked, {31: 1, 32: 0, 33: 0}, bytes(16))[0]


def test_a_grant_touches_no_session_until_it_speaks() -> None:
    tower = with_grant(sessions("A"), session("B"))
    tower = talk(tower, "A")
    assert (code(tower, "A"), code(tower, "B")) == (0, 0)
    tower = talk(tower, "B")
    assert (code(tower, "A"), code(tower, "B")) == (205, 0)


def test_the_first_command_ends_other_grants_too() -> None:
    tower = with_grant(with_grant(Sessions(), session("B")), session("C"))
    assert talk(tower, "C").granted == ()


def test_a_forged_first_command_takes_no_place() -> None:
    tower = with_grant(sessions("A"), session("B"))
    forged = bytearray(ask(phone("B"), Packet.REQUEST_SYNC_STATUS, {}, bytes(16)).frame)
    forged[-1] ^= 1
    with pytest.raises(Rejected):
        receive(tower, bytes(forged), UPTIME)
    wrong_number = ask(phone("B", 3), Packet.REQUEST_SYNC_STATUS, {}, bytes(16))
    with pytest.raises(Rejected):
        receive(tower, wrong_number.frame, UPTIME)
    assert code(tower, "A") == 0


def test_a_first_command_that_is_refused_by_permission_takes_the_place_all_the_same() -> None:
    tower = with_grant(sessions("A"), session("B"))
    tower, asked = receive(tower, ask(phone("B"), Packet.FIRE_LOCK, {72: 1}, bytes(16)).frame, UPTIME)
    assert isinstance(asked, Asked)
    assert asked.refusal is not None
    assert (code(tower, "A"), code(tower, "B")) == (205, 0)


def test_of_five_grants_the_oldest_goes() -> None:
    tower = Sessions()
    for name in ("A", "B", "C", "F", "G"):
        tower = with_grant(tower, session(name))
    assert len(tower.granted) == MOST_GRANTED
    assert (code(tower, "A"), code(tower, "B"), code(tower, "G")) == (205, 0, 0)


def test_a_session_id_is_not_granted_twice() -> None:
    for tower in (sessions("A"), with_grant(Sessions(), session("A"))):
        with pytest.raises(SessionExists):
            with_grant(tower, session("A"))


def test_a_session_ends_300_s_after_its_last_command() -> None:
    tower = talk(sessions("A"), "A", UPTIME + IDLE_S)
    assert code(tower, "A", UPTIME + 2 * IDLE_S) == 0
    assert code(tower, "A", UPTIME + 2 * IDLE_S + 1) == 205


def test_a_session_ends_3600_s_after_its_grant() -> None:
    tower = Sessions(replace(session("A"), spoke_at=UPTIME + LONGEST_S))
    assert code(tower, "A", UPTIME + LONGEST_S) == 0
    assert code(tower, "A", UPTIME + LONGEST_S + 1) == 205


def test_an_old_message_keeps_no_session_alive() -> None:
    question = ask(phone("A"), Packet.REQUEST_SYNC_STATUS, {}, bytes(16))
    tower, asked = receive(sessions("A"), question.frame, UPTIME)
    assert isinstance(asked, Asked)
    tower, _ = answer(tower, asked, {31: 1, 32: 0, 33: 0}, bytes(16))
    tower, _ = receive(tower, question.frame, UPTIME + 200)
    assert code(tower, "A", UPTIME + IDLE_S + 1) == 205


def test_a_tower_without_any_session_says_so() -> None:
    assert code(Sessions(), "A") == 202
    assert code(sessions("B"), "A") == 205


def test_steps_for_a_session_that_is_not_the_towers_are_errors() -> None:
    with pytest.raises(NotTheSession):
        speak(sessions("A"), session("B"), UPTIME)
    with pytest.raises(NotTheSession):
        with_numbers(Sessions(), taken("A", "session_id"), Numbers())
    with pytest.raises(NotTheSession):
        without(with_grant(Sessions(), session("A")), taken("A", "session_id"))
