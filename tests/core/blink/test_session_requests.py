"""A tower grants what its server sealed, once for each request, and never during a lock-out (5.2, 10.5)."""

from typing import Any

import pytest
from msgspec.structs import replace

from core.blink.rig import CLOCK, TOWER, UPTIME
from harness.blink_vectors import tower_id, tower_keys, vectors
from openharbor.blink.handshake import SessionRequest
from openharbor.blink.opening import DeviceTime
from openharbor.blink.payloads import SessionPayload, encode_session
from openharbor.blink.refusals import Rejected
from openharbor.blink.sealing import seal
from openharbor.blink.session_requests import (
    LATE_WINDOW_S,
    MOST_NONCES,
    Allowed,
    Judged,
    Requests,
    Tower,
    judge_request,
)
from openharbor.blink.sessions import Sessions
from openharbor.blink.tower_session import receive, session_error

NEGATIVE = {row["id"]: row for row in vectors()["negative"]["list"]}
REQUESTS = [NEGATIVE[f"N-{number}"] for number in range(16, 40)]


def request_in(frame: str) -> SessionRequest:
    _, request = receive(Sessions(), bytes.fromhex(frame), UPTIME)
    assert isinstance(request, SessionRequest)
    return request


def made(nonce: int = 0, issued: int = CLOCK - 10, expires: int = CLOCK + 100, permissions: int = 63) -> SessionRequest:
    payload = SessionPayload(
        issued=issued, expires=expires, tower_id=tower_id(), permissions=permissions, client_id=b"c", seed=bytes(32)
    )
    sealed = seal(tower_keys()[3], encode_session(payload), bytes(16))
    return SessionRequest(0, nonce.to_bytes(16), sealed.payload, sealed.auth)


def refused(judged: Judged) -> int:
    assert isinstance(judged.outcome, Rejected)
    return judged.outcome.code


def allowed(judged: Judged) -> Allowed:
    assert isinstance(judged.outcome, Allowed)
    return judged.outcome


@pytest.mark.parametrize("row", REQUESTS, ids=lambda row: f"{row['id']} {row['name']}")
def test_the_session_requests_of_the_negative_list_get_their_codes(row: dict[str, Any]) -> None:
    tower = replace(TOWER, locked_out=bool(row.get("given")))
    requests = Requests()
    for frame in row.get("before", ()):
        requests = judge_request(requests, request_in(frame), tower).requests
    try:
        outcome = judge_request(requests, request_in(row["in"]), tower).outcome
    except Rejected as rejected:
        outcome = rejected
    assert isinstance(outcome, Rejected)
    assert (outcome.code, outcome.counts) == (row["code"], row["auth_failure"])
    assert session_error(outcome.code, CLOCK).hex() == row["out"]


@pytest.mark.parametrize("row", vectors()["session"]["clock"], ids=lambda row: str(row["name"]))
def test_a_session_payload_moves_the_clock_as_in_the_vectors(row: dict[str, Any]) -> None:
    judged = judge_request(Requests(), request_in(row["in"]), TOWER)
    allowed(judged)
    assert judged.clock.now == row["clock_after"]


def test_a_second_expired_payload_gets_a_session_for_sync_as_in_the_vectors() -> None:
    first, second = vectors()["session"]["late"]["steps"]
    judged = judge_request(Requests(), request_in(first["in"]), TOWER)
    assert refused(judged) == first["code"]
    outcome = allowed(judge_request(judged.requests, request_in(second["in"]), TOWER))
    assert (outcome.permissions, outcome.clock_ahead) == (second["permissions"], True)


def late(issued: int, second: int, after_s: int) -> Judged:
    judged = judge_request(Requests(), made(1, issued, issued + 1), TOWER)
    assert refused(judged) == 107
    later = replace(TOWER, uptime=UPTIME + after_s)
    return judge_request(judged.requests, made(2, second, second + 1), later)


def test_the_second_expired_payload_has_to_be_newer_and_to_come_in_time() -> None:
    past = CLOCK - 5000
    assert allowed(late(past, past + 1, LATE_WINDOW_S)).permissions == 1
    assert refused(late(past, past, 0)) == 107
    assert refused(late(past, past - 1, 0)) == 107
    assert refused(late(past, past + 1, LATE_WINDOW_S + 1)) == 107


def test_a_good_payload_is_no_sign_of_a_clock_that_runs_ahead() -> None:
    judged = judge_request(Requests(), made(1, CLOCK - 5000, CLOCK - 1), TOWER)
    outcome = allowed(judge_request(judged.requests, made(2), TOWER))
    assert (outcome.permissions, outcome.clock_ahead) == (63, False)


def test_an_expired_payload_without_the_sync_claim_gets_nothing() -> None:
    judged = judge_request(Requests(), made(1, CLOCK - 5000, CLOCK - 1), TOWER)
    assert refused(judge_request(judged.requests, made(2, CLOCK - 4000, CLOCK - 1, permissions=62), TOWER)) == 204


def test_unknown_permission_bits_are_left_out_and_alone_give_nothing() -> None:
    assert allowed(judge_request(Requests(), made(permissions=64 + 2), TOWER)).permissions == 2
    assert refused(judge_request(Requests(), made(permissions=64), TOWER)) == 204


def test_a_nonce_is_known_for_the_next_64_grants() -> None:
    requests = Requests()
    for nonce in range(MOST_NONCES):
        requests = judge_request(requests, made(nonce), TOWER).requests
    assert refused(judge_request(requests, made(0), TOWER)) == 201
    requests = judge_request(requests, made(MOST_NONCES), TOWER).requests
    assert len(requests.nonces) == MOST_NONCES
    allowed(judge_request(requests, made(0), TOWER))


def test_a_refused_request_does_not_use_up_its_nonce() -> None:
    judged = judge_request(Requests(), made(7), replace(TOWER, locked_out=True))
    assert refused(judged) == 505
    allowed(judge_request(judged.requests, made(7), TOWER))


def test_an_authentic_payload_moves_the_clock_even_where_no_session_comes_of_it() -> None:
    judged = judge_request(Requests(), made(1, CLOCK + 60, CLOCK + 90, permissions=0), TOWER)
    assert refused(judged) == 204
    assert judged.clock == DeviceTime(CLOCK + 60, stepped=60)


def test_a_lock_out_comes_before_everything_that_takes_work() -> None:
    locked: Tower = replace(TOWER, locked_out=True)
    assert refused(judge_request(Requests(), replace(made(), auth=bytes(33)), locked)) == 505
    assert refused(judge_request(Requests(), replace(made(), auth=bytes(33)), TOWER)) == 203
