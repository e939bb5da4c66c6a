"""One rotation follows another as the tower reports it (blink-protocol.md 4.1, 11.1)."""

import pytest

from openharbor.cloud.towers.rotations import (
    EXPIRED,
    INSTALLED,
    LONGEST_LIFE_MS,
    REVOKED,
    SUNSET,
    KeyState,
    KeyStep,
    Rotation,
    begin_rollover,
    confirmed_state,
    due_steps,
    newest_confirmed,
    next_rotation,
)
from openharbor.kit.errors import Refusal


def rotations(*states: KeyState, changed_at: int = 0) -> list[Rotation]:
    return [Rotation(number, state, 0, changed_at) for number, state in enumerate(states, 1)]


def test_the_first_rotation_is_1_and_no_number_comes_again() -> None:
    assert next_rotation([]) == 1
    assert next_rotation(rotations("revoked", "revoked")) == 3


def test_after_255_rotations_there_is_none_left() -> None:
    refused = next_rotation([Rotation(255, "active", 0, 0)])
    assert isinstance(refused, Refusal)
    assert refused.code == "ROTATIONS_USED_UP"


@pytest.mark.parametrize(
    ("states", "expected"),
    [
        ((), "TOWER_NOT_PROVISIONED"),
        (("revoked",), "TOWER_NOT_PROVISIONED"),
        (("active", "installing"), "ROLLOVER_UNDER_WAY"),
        (("sunset", "sunset", "sunset", "active"), "NO_ROOM_FOR_KEY"),
        (("active",), 2),
        (("revoked", "sunset", "sunset", "active"), 5),
    ],
)
def test_one_rollover_at_a_time_while_there_is_room(states: tuple[KeyState, ...], expected: object) -> None:
    begun = begin_rollover(rotations(*states))
    assert (begun.code if isinstance(begun, Refusal) else begun) == expected


def test_the_newest_rotation_that_the_tower_confirmed_seals() -> None:
    assert newest_confirmed(rotations("sunset", "active", "installing")) == 2
    assert newest_confirmed(rotations("active", "active")) == 2
    assert newest_confirmed([]) is None


@pytest.mark.parametrize(
    ("state", "action", "expected"),
    [
        ("installing", INSTALLED, "active"),
        ("active", SUNSET, "sunset"),
        ("active", EXPIRED, "sunset"),
        ("sunset", REVOKED, "revoked"),
        ("active", REVOKED, "revoked"),
        ("active", INSTALLED, None),
        ("sunset", INSTALLED, None),
        ("sunset", SUNSET, None),
        ("revoked", INSTALLED, None),
        ("revoked", REVOKED, None),
        ("active", 9, None),
    ],
)
def test_a_report_only_ever_leads_forward(state: KeyState, action: int, expected: KeyState | None) -> None:
    assert confirmed_state(Rotation(1, state, 0, 0), action) == expected


def test_older_active_rotations_are_sunset_once_a_newer_one_is_confirmed() -> None:
    assert due_steps(rotations("active", "installing"), 0) == ()
    assert due_steps(rotations("active", "active"), 0) == (KeyStep("sunset", 1),)


def test_a_sunset_rotation_is_revoked_after_31_days_and_not_before() -> None:
    assert due_steps(rotations("sunset", "active"), LONGEST_LIFE_MS - 1) == ()
    assert due_steps(rotations("sunset", "active"), LONGEST_LIFE_MS) == (KeyStep("revoke", 1),)


def test_nothing_is_due_without_an_active_rotation() -> None:
    assert due_steps(rotations("sunset", "installing"), LONGEST_LIFE_MS) == ()
