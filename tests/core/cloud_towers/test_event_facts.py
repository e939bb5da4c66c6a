"""Every event of a tower is a fact (blink-protocol.md 9; locker-states.md 4 C)."""

from typing import Any

import pytest

from harness.blink_vectors import unshown, vectors
from openharbor.blink import events
from openharbor.blink.event_maps import EVERY_KIND, read_event
from openharbor.cloud.lockers import facts
from openharbor.cloud.lockers.facts import After, Passed, Reason, UpdateReason
from openharbor.cloud.towers.event_facts import fact_of

COMMON: dict[str, Any] = {"event_id": 7, "at": 100}
FACT: dict[str, Any] = {"event_id": 7, "at_s": 100}
STATE: dict[str, Any] = {
    "locker_number": 3,
    "available": False,
    "locker_token": b"\xab\xcd",
    "generation": 5,
    "retired": 4,
    "keypad_set": True,
}
AFTER = After(taken=True, locker_token="abcd", generation=5, retired=4, keypad=True)
PASSED = Passed(event_id=7, at_s=100)


def updated(**given: Any) -> events.LockerUpdated:
    return events.LockerUpdated(
        **{**COMMON, **STATE, "type_id": 1, "port": 2, "disabled": True, "door_sensor": 0, "reason": 1, **given}
    )


def booted(**given: Any) -> events.Booted:
    return events.Booted(**{**COMMON, "firmware": "1", "boot_count": 1, "reset_cause": 0, "clock_state": 1, **given})


@pytest.mark.parametrize("kind", [1, 2, 3, None, 9])
@pytest.mark.parametrize("reason", Reason)
def test_an_access_tells_locker_reason_token_and_record(reason: Reason, kind: int | None) -> None:
    event = events.Accessed(**COMMON, **STATE, reason=int(reason), token_id=291, access_kind=kind, confirmed=False)
    names: dict[int | None, Any] = {1: "dropoff", 2: "pickup", 3: "release"}
    assert fact_of(event) == facts.Accessed(
        **FACT, number=3, reason=reason, after=AFTER, token_id=291, kind=names.get(kind), confirmed=False
    )


@pytest.mark.parametrize("confirmed", [True, False, None])
def test_whether_the_door_was_seen_open_is_kept_as_it_is(confirmed: bool | None) -> None:
    fact = fact_of(events.Accessed(**COMMON, **STATE, reason=7, confirmed=confirmed))
    assert isinstance(fact, facts.Accessed)
    assert (fact.confirmed, fact.token_id, fact.kind) == (confirmed, None, None)


def test_a_free_locker_is_not_taken() -> None:
    event = events.Accessed(**COMMON, **{**STATE, "available": True, "locker_token": b""}, reason=10)
    fact = fact_of(event)
    assert isinstance(fact, facts.Accessed)
    assert (fact.after.taken, fact.after.locker_token) == (False, "")


@pytest.mark.parametrize("number", [3, None])
def test_a_refusal_tells_why(number: int | None) -> None:
    event = events.AccessRefused(**COMMON, code=107, locker_number=number)
    assert fact_of(event) == facts.RefusedAccess(**FACT, code=107, number=number)


@pytest.mark.parametrize("reason", UpdateReason)
def test_an_update_tells_the_record_and_what_did_it(reason: UpdateReason) -> None:
    assert fact_of(updated(reason=int(reason), command_id=41)) == facts.Updated(
        **FACT, number=3, reason=reason, after=AFTER, disabled=True, command_id=41
    )


def test_a_code_that_the_tower_made_up_is_told_and_not_shown() -> None:
    fact = fact_of(updated(reason=3, keypad_code="482913"))
    assert isinstance(fact, facts.Updated)
    assert fact.keypad_code == "482913"
    assert "482913" not in repr(fact)


def test_results_of_commands_are_told() -> None:
    event = events.CommandsDone(**COMMON, first=41, count=3, failed={42: 502})
    assert fact_of(event) == facts.Executed(**FACT, first=41, count=3, failed={42: 502})


def test_a_wrong_door_is_that_of_the_door_that_opened() -> None:
    assert fact_of(events.WrongDoor(**COMMON, locker_number=3, other_number=4)) == facts.WrongDoor(**FACT, number=4)


def test_a_forced_door_is_told() -> None:
    event = events.DoorForced(**COMMON, locker_number=3, port=2, available=True)
    assert fact_of(event) == facts.Forced(**FACT, number=3)


@pytest.mark.parametrize("action", range(6))
def test_only_a_revoked_key_settles_tokens(action: int) -> None:
    event = events.KeyChanged(**COMMON, key_id=1, rotation=2, action=action, expires=0, valid=True)
    revoked = facts.KeyRevoked(**FACT, rotation=2)
    assert fact_of(event) == (revoked if action == 3 else PASSED)


def test_an_unsure_clock_asks_for_its_challenge_after_a_start_and_after_an_error() -> None:
    unsure = facts.ClockUnsure(**FACT, challenge="6368616c6c656e67")
    assert fact_of(booted(time_challenge=b"challeng")) == unsure
    assert fact_of(events.ErrorSeen(**COMMON, code=307, source=6, time_challenge=b"challeng")) == unsure


@pytest.mark.parametrize(
    "event",
    [
        booted(clock_state=0, time_challenge=b"challeng"),
        booted(time_challenge=None),
        events.ErrorSeen(**COMMON, code=307, source=6),
        events.ErrorSeen(**COMMON, code=300, source=2, locker_number=3, time_challenge=b"challeng"),
        events.ErrorOver(**COMMON, code=300, source=2),
        events.ClientNoted(**COMMON, client_info=b""),
        events.SpecialSession(**COMMON, permissions=32, started=0, command_types=[]),
        events.Accessed(**COMMON, **STATE, reason=99),
        updated(reason=99),
    ],
)
def test_everything_else_is_passed_over_with_its_time(event: events.Event) -> None:
    assert fact_of(event) == PASSED


def test_every_event_of_the_vectors_is_a_fact_with_its_number_and_time() -> None:
    seen = set()
    for row in vectors()["events"]:
        event = read_event(unshown(row["map"]))
        fact = fact_of(event)
        seen.add(type(event))
        assert (fact.event_id, fact.at_s) == (event.event_id, event.at)
    assert seen == set(EVERY_KIND)
