"""T-01, T-02, T-03, T-13: who listens, records, delays and forges between phone and tower (blink-protocol.md 16)."""

import pytest

from core.tower.desk import Desk
from openharbor.blink.frames import read_message, tower_frame
from openharbor.blink.handshake import shared_key
from openharbor.blink.packets import Packet
from openharbor.blink.phone_session import Declined, Reply
from openharbor.blink.refusals import Rejected
from openharbor.blink.wrapper import unwrap
from service.threats.visitors import ALL, Visitor, code_of, credentials, time_of, token, visitor

CLIENT = b"c0ffee-client"
PARCEL = b"parcel-of-miller"


def visit(desk: Desk) -> Visitor:
    """A drop-off from the first message to the last, with a code and a sync."""
    phone = Visitor(desk, credentials(time_of(desk), ALL, CLIENT))
    phone.begin()
    assert code_of(phone.open(token(time_of(desk), 1, locker_token=PARCEL))) == 0
    phone.say(Packet.CHECK_LOCKER_DOOR)
    phone.say(Packet.SET_KEYPAD_CODE, {80: "4829135577", 81: False, 82: b"", 83: True})
    phone.say(Packet.GET_LOCKER_INFO, {70: 1})
    phone.say(Packet.SYNC_PULL, {31: 13})
    phone.end()
    return phone


def test_t01_a_listener_finds_nothing_in_the_clear() -> None:
    phone = visit(Desk())
    air = b"".join(frame for _, frame in phone.heard)
    secrets = {
        "client": CLIENT,
        "locker token": PARCEL,
        "keypad code": b"4829135577",
        "seed": phone.given.seed,
        "session key": phone.session.key.encryption if phone.session else b"",
    }
    assert {name for name, secret in secrets.items() if not secret or secret in air} == set()


def test_t01_a_listener_derives_no_key_from_what_was_said() -> None:
    """He has both nonces; no 32 bytes of the transcript are the seed or the session key."""
    phone = visit(Desk())
    (_, request), (_, grant), *rest = phone.heard
    asked, granted = read_message(request), read_message(grant)
    wrapped = read_message(rest[0][1])
    air = b"".join(frame for _, frame in phone.heard)
    for start in range(len(air) - 31):
        key = shared_key(air[start : start + 32], asked[20], granted[21])
        with pytest.raises(Rejected):
            unwrap(key, wrapped)


def quiet(desk: Desk) -> tuple[object, ...]:
    tower = desk.tower
    return tower.lockers, tower.keys, tower.last_command, tower.log.last, list(desk.pulses)


def test_t02_every_message_of_a_recorded_visit_does_nothing_the_second_time() -> None:
    desk = Desk()
    phone = visitor(desk)
    phone.open(token(time_of(desk), 1))
    desk.closes(1)
    for frame in [frame for who, frame in phone.heard if who == "phone"]:
        before = quiet(desk)
        desk.failures = 0
        desk.receive(frame)
        assert quiet(desk) == before
    assert code_of(phone.say(Packet.CHECK_LOCKER_DOOR)) == 0, "and the session goes on"


def test_t02_nor_in_a_later_session_of_the_same_phone() -> None:
    desk = Desk()
    recorded = [frame for who, frame in visit(desk).heard if who == "phone"]
    desk.closes(1)
    later = visitor(desk)
    later.say(Packet.FIND_AVAILABLE_LOCKERS)
    before = quiet(desk)
    for frame in recorded * 2:
        desk.failures = 0
        assert code_in_the_clear(desk.receive(frame).frame) in (201, 205, 505)
    assert quiet(desk)[:3] == before[:3]
    assert quiet(desk)[4] == before[4]
    assert code_of(later.say(Packet.FIND_AVAILABLE_LOCKERS)) == 0


def code_in_the_clear(frame: bytes) -> int:
    fields = read_message(frame)
    assert fields[1] == 3, "an answer to a replay is a refusal"
    return int(fields[2])


def test_t02_answers_that_are_sent_back_to_the_tower_do_nothing() -> None:
    desk = Desk()
    phone = visitor(desk)
    phone.open(token(time_of(desk), 1))
    before = quiet(desk)
    for who, frame in phone.heard:
        if who == "tower":
            desk.failures = 0
            desk.receive(frame)
    assert quiet(desk)[:3] == before[:3]
    assert desk.pulses == [1]


@pytest.mark.parametrize("seconds", [0, 1, 5])
def test_t03_a_relay_with_delay_changes_nothing_in_the_results(seconds: int) -> None:
    class Relayed(Visitor):
        def carry(self, frame: bytes) -> bytes:
            self.desk.advance(seconds)
            answer = super().carry(frame)
            self.desk.advance(seconds)
            return answer

    desk = Desk()
    phone = Relayed(desk, credentials(time_of(desk)))
    phone.begin()
    results = [code_of(phone.open(token(time_of(desk), 1))), code_of(phone.say(Packet.CHECK_LOCKER_DOOR))]
    desk.closes(1)
    results += [code_of(phone.say(Packet.REOPEN_LOCKER)), code_of(phone.end())]
    assert results == [0, 0, 0, 0]
    assert desk.pulses == [1, 1]
    assert not desk.tower.lockers[1].available


@pytest.mark.parametrize("code", [101, 202, 205, 504, 505])
def test_t13_a_forged_refusal_changes_neither_end(code: int) -> None:
    desk = Desk()
    phone = visitor(desk)
    question = phone.question(Packet.OPEN_LOCKER_WITH_TOKEN, opening(desk))
    before, session = desk.tower, phone.session
    reply = phone.read(question, tower_frame({1: 3, 2: code, 5: 0}))
    assert isinstance(reply, Declined)
    assert not reply.authenticated
    assert (phone.session, desk.tower) == (session, before)
    assert isinstance(phone.read(question, phone.carry(question.frame)), Reply), "the same bytes again are the retry"
    assert desk.pulses == [1]


def opening(desk: Desk) -> dict[int, bytes]:
    sealed = token(time_of(desk), 1)
    return {9: sealed.payload, 10: sealed.auth}


def test_t13_after_a_forged_refusal_in_place_of_an_answer_the_door_is_not_fired_twice() -> None:
    desk = Desk()
    phone = visitor(desk)
    question = phone.question(Packet.OPEN_LOCKER_WITH_TOKEN, opening(desk))
    phone.carry(question.frame)  # the answer is swallowed
    phone.read(question, tower_frame({1: 3, 2: 505, 5: 0}))
    assert isinstance(phone.read(question, phone.carry(question.frame)), Reply)
    assert desk.pulses == [1]
