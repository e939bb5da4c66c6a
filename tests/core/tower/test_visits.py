"""Sessions at the device: grants, proofs, ends, authentication failures, sealed times (5.5, 5.6, 6.4, 10)."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from core.blink.rig import draws_of, taken
from core.tower.desk import TOKENS, Desk, fixture_tower
from harness.blink_vectors import vectors
from openharbor.blink.events import ErrorSeen, KeyChanged, SpecialSession
from openharbor.blink.frames import read_message
from openharbor.blink.packets import Packet
from openharbor.blink.phone_session import Declined, Reply
from openharbor.tower import device, state
from openharbor.tower.rotations import Rotation, installed

SESSION = vectors()["session"]


def test_a_staff_session_that_ends_leaves_what_it_used() -> None:
    desk = Desk()
    desk.only_session("A")
    desk.say("A", Packet.GET_DEVICE_INFO)
    desk.say("A", Packet.FIRE_LOCK, {72: 2})
    desk.say("A", Packet.FIRE_LOCK, {72: 2})
    desk.advance(100)
    desk.say("A", Packet.TERMINATE_SESSION, {2: 0})
    event = desk.newest()
    assert isinstance(event, SpecialSession)
    assert (event.command_types, event.permissions) == ([60, 68], 63)
    assert event.at - event.started == 100


def test_a_users_session_leaves_none() -> None:
    desk = Desk()
    desk.only_session("F")
    desk.say("F", Packet.FIND_AVAILABLE_LOCKERS)
    desk.say("F", Packet.TERMINATE_SESSION, {2: 0})
    assert desk.since(12) == []


@pytest.mark.parametrize("end", ["idle", "another session"])
def test_a_staff_session_that_is_not_ended_by_its_phone_is_told_too(end: str) -> None:
    desk = Desk()
    desk.only_session("A")
    desk.say("A", Packet.GET_DEVICE_INFO)
    if end == "idle":
        desk.advance(301)
    else:
        desk.session("F")
        desk.say("F", Packet.FIND_AVAILABLE_LOCKERS)
    assert isinstance(desk.newest(), SpecialSession)


def test_a_phone_that_ends_with_an_error_is_quoted_up_to_a_hundred_bytes() -> None:
    desk = Desk()
    desk.only_session("F")
    desk.say("F", Packet.TERMINATE_SESSION, {2: 7, 3: "ü" * 80})
    event = desk.newest()
    assert isinstance(event, ErrorSeen)
    assert (event.code, event.source, event.message) == (7, 1, "ü" * 50)


def test_a_drop_off_is_confirmed_by_the_next_command_and_by_nothing_less() -> None:
    desk = Desk()
    desk.only_session("F")
    desk.use("F", "drop-off, locker 1")
    desk.session("G")
    desk.say("G", Packet.FIND_AVAILABLE_LOCKERS)
    assert not desk.tower.lockers[1].used[0].confirmed
    desk = Desk()
    desk.only_session("F")
    desk.use("F", "drop-off, locker 1")
    desk.say("F", Packet.FIND_AVAILABLE_LOCKERS)
    assert desk.tower.lockers[1].used[0].confirmed


def test_twenty_authentication_failures_lock_new_sessions_out_and_are_told_once() -> None:
    desk = Desk()
    wrong = bytes.fromhex(next(row["in"] for row in vectors()["negative"]["list"] if row["id"] == "N-23"))
    cuts = []
    for _ in range(20):
        desk.failures %= 5  # a new link after the cut
        cuts.append(desk.receive(wrong).cut)
    assert cuts == [False, False, False, False, True] * 4
    event = desk.newest()
    assert isinstance(event, ErrorSeen)
    assert (event.code, event.source, event.lockout_s, event.event_id) == (201, 5, 60, 13)
    request = bytes.fromhex(SESSION["request"]["in"])
    assert read_message(desk.receive(request).frame)[2] == 505
    desk.advance(61)
    assert read_message(desk.receive(request, grant=draws_of("A")).frame)[1] == Packet.GRANT_SESSION


@pytest.mark.parametrize("row", SESSION["clock"], ids=lambda row: row["name"])
def test_a_session_payload_moves_the_clock_as_far_as_it_may(row: dict[str, Any]) -> None:
    desk = Desk(fixture_tower(**row.get("given", {})))
    answer = desk.receive(bytes.fromhex(row["in"]), grant=draws_of("A"))
    assert read_message(answer.frame)[1] == Packet.GRANT_SESSION
    assert state.now(desk.tower, desk.at_ms) == row["clock_after"]
    warned = desk.since(12)
    assert [one.code for one in warned if isinstance(one, ErrorSeen)] == [307] * ("stays" in row["name"])


def test_two_payloads_too_old_in_a_row_give_a_session_for_sync_and_the_challenge() -> None:
    late = SESSION["late"]
    ahead = fixture_tower().clock.base_ms // 1000 + 400 * 86_400
    desk = Desk(fixture_tower(clock=ahead))
    first = desk.receive(bytes.fromhex(late["steps"][0]["in"]))
    assert read_message(first.frame)[2] == 107
    second = desk.receive(bytes.fromhex(late["steps"][1]["in"]), grant=draws_of("A"))
    assert read_message(second.frame)[1] == Packet.GRANT_SESSION
    event = desk.newest()
    assert isinstance(event, ErrorSeen)
    assert (event.code, event.source, event.time_challenge) == (307, 6, desk.tower.clock.challenge)
    assert desk.tower.sessions.granted[-1].permissions == 1


def test_a_key_whose_time_is_over_is_told() -> None:
    desk = Desk()
    expires = state.now(desk.tower, desk.at_ms) + 50
    rotation = Rotation(number=7, state="active", root=bytes(32), expires=expires)
    desk.tower = replace(desk.tower, keys=installed(desk.tower.keys, 1, rotation))
    desk.advance(49)
    assert desk.tower.keys.seal_with == 7
    desk.advance(1)
    event = desk.newest()
    assert isinstance(event, KeyChanged)
    assert (event.rotation, event.action, desk.tower.keys.seal_with) == (7, 4, 3)


def test_a_pull_stores_the_floor_before_the_sealed_time_leaves() -> None:
    desk = Desk()
    desk.only_session("F")
    desk.at_ms += 100_000
    desk.say("F", Packet.SYNC_PULL, {31: 13})
    assert desk.tower.clock.floor == state.now(desk.tower, desk.at_ms)


ACTS = st.one_of(
    st.tuples(st.just("use"), st.sampled_from(sorted(TOKENS))),
    st.tuples(st.sampled_from(["reopen", "revert", "code", "end", "close", "jam", "open door", "wait"]), st.just("")),
    st.tuples(st.just("enter"), st.just("482913")),
)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("FGHA"), ACTS), max_size=25))
def test_whatever_happens_generations_never_go_back_and_the_log_has_no_gap(acts: list[Any]) -> None:
    desk = Desk()
    for name, (act, what) in acts:
        before = desk.tower
        alive = name in desk.phones and not desk.phones[name].over
        if not alive and all(one.session_id != _id(name) for one in desk.tower.sessions.granted):
            desk.session(name)
        _act(desk, name, act, what)
        for number, locker in desk.tower.lockers.items():
            old = before.lockers[number]
            assert locker.generation >= old.generation
            assert locker.retired >= old.retired
            assert locker.generation >= locker.retired
            assert not (locker.available and (locker.locker_token or locker.code))
        assert desk.tower.intent is None
        assert desk.tower.log.last >= before.log.last
    ids = [one.event_id for one in desk.tower.log.events]
    assert ids == list(range(1, desk.tower.log.last + 1))


def _id(name: str) -> bytes:
    return taken(name, "session_id")


def _act(desk: Desk, name: str, act: str, what: str) -> None:
    match act:
        case "use":
            desk.use(name, what)
        case "reopen":
            desk.say(name, Packet.REOPEN_LOCKER)
        case "revert":
            desk.say(name, Packet.REVERT_LOCKER_STATE, {62: b""})
        case "code":
            desk.say(name, Packet.SET_KEYPAD_CODE, {80: "482913", 81: False, 82: b"", 83: True})
        case "end":
            if isinstance(desk.say(name, Packet.TERMINATE_SESSION, {2: 0}), Reply | Declined):
                desk.phones.pop(name)
        case "close":
            desk.open.clear()
            desk.read()
        case "jam":
            desk.jams ^= {1, 3}
        case "open door":
            desk.opens(1)
        case "wait":
            desk.advance(35)
        case "enter":
            desk.take(device.code_entered(desk.tower, what, desk.at_ms))
