"""What follows from an attempt to open: lock-boards.md 4.6 and gateway-local.yaml, "Opening a door"."""

from typing import Any

import pytest

from openharbor.boards.outcomes import OpenOutcome
from openharbor.gateway.opening_rules import Place, after_look, found_open, judge, next_step

PLACE = Place(locker_id=7, controller_id=2, lock=3)


def outcome(**changes: Any) -> OpenOutcome:
    opened: dict[str, Any] = {
        "outcome": "opened",
        "pulse": "sent",
        "ack": "positive",
        "door_before": "closed",
        "door_after": "open",
        "confirmed": True,
        "retry": False,
        "reason": "",
        "duration_ms": 700,
    }
    return OpenOutcome(**(opened | changes))


UNREACHABLE = {"outcome": "unreachable", "confirmed": False, "ack": "none", "door_after": "unknown"}

MAPPING: list[tuple[str, dict[str, Any], tuple[int, str | None, bool | None, bool]]] = [
    ("seen to open", {}, (200, None, True, True)),
    ("sensor ignored", {"outcome": "unconfirmed", "confirmed": False, "reason": "ignored"}, (200, None, None, False)),
    ("no sensor", {"outcome": "unconfirmed", "confirmed": False, "reason": "no_sensor"}, (200, None, None, False)),
    (
        "open already",
        {"outcome": "unconfirmed", "confirmed": False, "reason": "already_open"},
        (200, None, True, False),
    ),
    (
        "sensor cannot be read",
        {"outcome": "unconfirmed", "confirmed": False, "reason": "unreadable"},
        (500, "HARDWARE_MALFUNCTION", None, False),
    ),
    (
        "jammed",
        {"outcome": "jammed", "confirmed": False, "door_after": "closed"},
        (500, "HARDWARE_MALFUNCTION", False, False),
    ),
    (
        "refused by the board",
        {"outcome": "refused", "confirmed": False, "door_after": "closed", "reason": "cooldown"},
        (500, "HARDWARE_MALFUNCTION", False, False),
    ),
    ("unreachable", UNREACHABLE | {"pulse": "unknown"}, (503, "CONTROLLER_UNREACHABLE", None, False)),
    ("waited too long", UNREACHABLE | {"reason": "expired"}, (503, "CONTROLLER_UNREACHABLE", None, False)),
    ("too many pulses", UNREACHABLE | {"reason": "rate", "pulse": "not_sent"}, (429, "RATE_LIMITED", None, False)),
    ("not journaled", UNREACHABLE | {"reason": "journal"}, (503, "STORAGE_UNAVAILABLE", None, False)),
]


@pytest.mark.parametrize(("changes", "expected"), [row[1:] for row in MAPPING], ids=[row[0] for row in MAPPING])
def test_each_outcome_has_its_answer(
    changes: dict[str, Any], expected: tuple[int, str | None, bool | None, bool]
) -> None:
    result = judge(PLACE, outcome(**changes), attempts=1, duration_ms=700)
    assert (result.status, result.code, result.door_open, result.confirmed) == expected
    assert result.success == (result.status == 200)


@pytest.mark.parametrize("reason", ["rate", "journal"])
def test_an_open_that_did_nothing_is_not_kept_under_its_key(reason: str) -> None:
    assert not judge(PLACE, outcome(**UNREACHABLE, pulse="not_sent", reason=reason), attempts=1, duration_ms=1).stored


def test_an_answer_of_the_hardware_is_kept_under_its_key() -> None:
    assert judge(PLACE, outcome(), attempts=1, duration_ms=1).stored
    assert judge(PLACE, outcome(**UNREACHABLE, pulse="unknown"), attempts=3, duration_ms=1).stored


def test_only_communication_failures_are_tried_again_and_three_times_at_most() -> None:
    lost = outcome(**(UNREACHABLE | {"retry": True, "pulse": "unknown"}))
    assert next_step(outcome(), 1, may_have_fired=True) == "done"
    assert next_step(lost, 2, may_have_fired=True) == "look"
    assert next_step(lost, 3, may_have_fired=True) == "done"


def test_the_door_is_looked_at_unless_it_is_sure_that_nothing_was_sent() -> None:
    unsent = outcome(**(UNREACHABLE | {"retry": True, "pulse": "not_sent"}))
    assert next_step(unsent, 1, may_have_fired=False) == "fire"
    assert next_step(unsent, 2, may_have_fired=True) == "look"


def test_a_look_decides_what_a_repeat_may_do() -> None:
    assert (after_look("open"), after_look("closed"), after_look("unknown")) == ("found_open", "fire", "done")


@pytest.mark.parametrize("was_closed", [True, False])
def test_a_door_found_open_is_confirmed_only_if_it_was_closed_before(was_closed: bool) -> None:
    result = found_open(PLACE, was_closed=was_closed, attempts=2, duration_ms=3790)
    assert (result.success, result.door_open, result.confirmed, result.attempts) == (True, True, was_closed, 2)


def test_an_error_names_locker_controller_door_and_attempts() -> None:
    jam = judge(PLACE, outcome(outcome="jammed", confirmed=False), attempts=1, duration_ms=10_000).refusal()
    assert jam.details == {
        "lockerId": "7",
        "controllerId": "2",
        "doorOpen": "false",
        "attempts": "1",
        "reason": "jammed",
    }
