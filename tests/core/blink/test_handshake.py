"""Phone and tower agree on keys that a listener without the seed cannot derive (blink-protocol.md 5.1)."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from core.blink.rig import CLOCK, TOWER, UPTIME, draws_of, iv_in, key_of, taken, wrapped
from harness.blink_vectors import tower_id, tower_keys, unshown, vectors
from openharbor.blink.frames import read_message, tower_frame
from openharbor.blink.handshake import SessionRequest, read_grant, shared_key, write_grant
from openharbor.blink.packets import Packet
from openharbor.blink.payloads import SessionPayload, encode_session
from openharbor.blink.phone_session import Credentials, PhoneSession, Unreadable, ask, request_session
from openharbor.blink.phone_session import read_grant as phone_reads
from openharbor.blink.phone_session import read_reply as phone_hears
from openharbor.blink.refusals import Rejected
from openharbor.blink.sealing import seal
from openharbor.blink.session_requests import Allowed, Requests, judge_request
from openharbor.blink.sessions import Sessions
from openharbor.blink.tower_session import Asked, answer, grant, receive, session_error

VISIT = vectors()["session"]
REQUEST = unshown(VISIT["request"]["map"])
CREDENTIALS = Credentials(REQUEST[9], REQUEST[10], taken("A", "seed"))
SESSIONS = vectors()["sessions"]


def granted() -> tuple[Sessions, bytes]:
    sessions, request = receive(Sessions(), bytes.fromhex(VISIT["request"]["in"]), UPTIME)
    assert isinstance(request, SessionRequest)
    judged = judge_request(Requests(), request, TOWER)
    assert isinstance(judged.outcome, Allowed)
    return grant(sessions, request, judged.outcome, draws_of("A"), clock=CLOCK, uptime=UPTIME)


def carried_out(sessions: Sessions, row: dict[str, Any]) -> tuple[Sessions, str]:
    sessions, asked = receive(sessions, bytes.fromhex(row["in"]), UPTIME)
    assert isinstance(asked, Asked)
    assert asked.refusal is None
    assert asked.fields == unshown(row["request"])
    fields = {number: value for number, value in unshown(row["reply"]).items() if number not in (1, 22, 25)}
    sessions, frame = answer(sessions, asked, fields, iv_in(row["out"]))
    return sessions, frame.hex()


@pytest.mark.parametrize("name", list(SESSIONS))
def test_grant_and_session_keys_come_from_both_nonces(name: str) -> None:
    nonces = taken(name, "request_nonce"), taken(name, "grant_nonce")
    key = shared_key(taken(name, "seed"), *nonces)
    assert (key.authentication, key.encryption) == (
        taken(name, "grant_authenticate"),
        taken(name, "grant_encrypt"),
    )
    key = key_of(name)
    assert (key.authentication, key.encryption) == (taken(name, "authenticate"), taken(name, "encrypt"))


def test_the_phone_asks_with_the_bytes_of_the_vector() -> None:
    question = request_session(CREDENTIALS, taken("A", "request_nonce"), VISIT["phone_time"])
    assert question.frame.hex() == VISIT["request"]["in"]


def test_the_tower_grants_with_the_bytes_of_the_vector() -> None:
    sessions, frame = granted()
    assert frame.hex() == VISIT["grant"]["out"]
    assert sessions.speaking is None
    assert [one.session_id for one in sessions.granted] == [taken("A", "session_id")]
    assert sessions.granted[0].permissions == VISIT["permissions"]
    assert sessions.granted[0].client_id == taken("A", "client_id")


def test_the_phone_reads_the_grant_of_the_vector() -> None:
    question = request_session(CREDENTIALS, taken("A", "request_nonce"), VISIT["phone_time"])
    session = phone_reads(CREDENTIALS, question, bytes.fromhex(VISIT["grant"]["out"]))
    assert session == PhoneSession(taken("A", "session_id"), key_of("A"), 1)


def test_a_visit_at_the_tower_has_the_bytes_of_the_vector() -> None:
    sessions, _ = granted()
    for step in ("first_command", "terminate"):
        sessions, frame = carried_out(sessions, VISIT[step])
        assert frame == VISIT[step]["out"]
    with pytest.raises(Rejected) as refused:
        receive(sessions, bytes.fromhex(VISIT["after_terminate"]["in"]), UPTIME)
    assert session_error(refused.value.code, CLOCK).hex() == VISIT["after_terminate"]["out"]


def test_a_visit_at_the_phone_has_the_bytes_of_the_vector() -> None:
    session = PhoneSession(taken("A", "session_id"), key_of("A"))
    for step in ("first_command", "terminate"):
        row = VISIT[step]
        request = unshown(row["request"])
        question = ask(session, Packet(request[1]), request, iv_in(row["in"]))
        assert question.frame.hex() == row["in"]
        session, reply = phone_hears(session, question, bytes.fromhex(row["out"]))
        assert getattr(reply, "fields", None) == unshown(row["reply"])
    assert session.over
    assert not wrapped(VISIT["after_terminate"]["out"])


@pytest.mark.parametrize("name", list(SESSIONS))
def test_every_session_of_the_vectors_is_reached_by_a_handshake(name: str) -> None:
    payload = SessionPayload(
        issued=CLOCK - 1,
        expires=CLOCK + 1,
        tower_id=tower_id(),
        permissions=SESSIONS[name]["permissions"],
        client_id=taken(name, "client_id"),
        seed=taken(name, "seed"),
    )
    made = seal(tower_keys()[3], encode_session(payload), bytes(16))
    credentials = Credentials(made.payload, made.auth, payload.seed)
    question = request_session(credentials, taken(name, "request_nonce"), 0)
    sessions, request = receive(Sessions(), question.frame, UPTIME)
    assert isinstance(request, SessionRequest)
    judged = judge_request(Requests(), request, TOWER)
    assert isinstance(judged.outcome, Allowed)
    sessions, frame = grant(sessions, request, judged.outcome, draws_of(name), clock=CLOCK, uptime=UPTIME)
    assert phone_reads(credentials, question, frame) == PhoneSession(taken(name, "session_id"), key_of(name))
    assert sessions.granted[0].key == key_of(name)


@given(st.data())
def test_no_flipped_bit_of_a_grant_is_accepted(data: st.DataObject) -> None:
    frame = bytearray.fromhex(VISIT["grant"]["out"])
    bit = data.draw(st.integers(0, 8 * len(frame) - 1))
    frame[bit // 8] ^= 1 << bit % 8
    question = request_session(CREDENTIALS, taken("A", "request_nonce"), VISIT["phone_time"])
    with pytest.raises(Unreadable):
        phone_reads(CREDENTIALS, question, bytes(frame))


def test_a_grant_for_another_request_is_not_accepted() -> None:
    question = request_session(CREDENTIALS, bytes(16), VISIT["phone_time"])
    with pytest.raises(Unreadable):
        phone_reads(CREDENTIALS, question, bytes.fromhex(VISIT["grant"]["out"]))


def test_what_is_neither_a_grant_nor_a_refusal_is_no_answer() -> None:
    question = request_session(CREDENTIALS, bytes(16), VISIT["phone_time"])
    with pytest.raises(Unreadable):
        phone_reads(CREDENTIALS, question, tower_frame({1: 46, 70: 1}))


def test_draws_and_nonces_of_a_wrong_length_are_never_sent() -> None:
    with pytest.raises(ValueError, match="session id of 8"):
        write_grant(bytes(32), bytes(16), replace(draws_of("A"), session_id=bytes(7)), CLOCK)
    with pytest.raises(ValueError, match="must have 16"):
        request_session(CREDENTIALS, bytes(15), 0)


def test_both_times_of_a_grant_are_the_towers() -> None:
    fields = read_message(tower_frame(write_grant(taken("A", "seed"), bytes(16), draws_of("A"), CLOCK + 7)))
    assert read_grant(fields, taken("A", "seed"), bytes(16)).at == CLOCK + 7


def test_seeds_and_session_keys_are_not_shown() -> None:
    for shown in (
        CREDENTIALS,
        draws_of("A"),
        granted()[0],
        SessionPayload(
            issued=1, expires=2, tower_id=tower_id(), permissions=1, client_id=b"c", seed=taken("A", "seed")
        ),
    ):
        for secret in (taken("A", "seed"), taken("A", "session_key"), key_of("A").encryption):
            assert str(secret)[2:-1] not in repr(shown)
            assert secret.hex() not in repr(shown)
