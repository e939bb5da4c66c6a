"""Debouncing of one door (lock-boards.md 2.5, 4.5)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openharbor.boards.debounce import Change, Door, door_state, lose, read
from openharbor.boards.outcomes import DoorState, Feedback

SHUT = Door("closed", True, 10.0, 1.0, "closed", 10.0)


def after(door: Door, *states: DoorState, equal: int = 2, at: float = 11.0) -> tuple[Door, list[Change]]:
    changes = []
    for number, state in enumerate(states):
        door, change = read(door, state, state == "closed", at + number, equal)
        changes += [change] if change else []
    return door, changes


@pytest.mark.parametrize(
    ("raw", "feedback", "state"),
    [
        (True, "closed_is_1", "closed"),
        (False, "closed_is_1", "open"),
        (None, "closed_is_1", "unknown"),
        (True, "open_is_1", "open"),
        (False, "open_is_1", "closed"),
        (None, "open_is_1", "unknown"),
        (True, "none", "unknown"),
        (False, "none", "unknown"),
        (True, None, "unknown"),
        (False, None, "unknown"),
    ],
)
def test_a_raw_bit_means_what_the_polarity_says(raw: bool | None, feedback: Feedback | None, state: DoorState) -> None:
    assert door_state(raw, feedback) == state


def test_a_change_is_accepted_after_two_equal_reads_in_a_row() -> None:
    door, changes = after(SHUT, "open")
    assert (door.state, door.unsettled, changes) == ("closed", True, [])
    door, changes = after(door, "open", at=11.1)
    assert (door.state, door.unsettled, door.since) == ("open", False, 11.1)
    assert changes == [Change("closed", "open", "closed", 10.0)]


def test_equal_reads_within_the_time_a_contact_bounces_make_no_change() -> None:
    door, _ = after(SHUT, "open", at=11.0)
    for at in (11.01, 11.02, 11.049):
        door, change = read(door, "open", False, at, 2)
        assert change is None
    door, change = read(door, "open", False, 11.06, 2)
    assert change is not None


def test_a_family_without_a_check_value_needs_three() -> None:
    assert after(SHUT, "open", "open", equal=3)[0].state == "closed"
    assert after(SHUT, "open", "open", "open", equal=3)[0].state == "open"


def test_a_bouncing_contact_makes_no_change() -> None:
    door, changes = after(SHUT, "open", "closed", "open", "closed")
    assert (door.state, door.unsettled, changes) == ("closed", False, [])


def test_a_reading_without_a_usable_value_makes_the_door_unknown_at_once() -> None:
    door, changes = after(SHUT, "unknown")
    assert (door.state, door.read_at) == ("unknown", 10.0)
    assert changes == [Change("closed", "unknown", "closed", 10.0)]


def test_the_last_known_state_outlives_unknown() -> None:
    door, _ = lose(SHUT, 20.0)
    _, changes = after(door, "open", "open", at=30.0)
    assert changes == [Change("unknown", "open", "closed", 10.0)]


def test_the_first_state_of_a_door_needs_equal_reads_too() -> None:
    assert after(Door(), "open")[0].state == "unknown"
    assert after(Door(), "open", "open")[0].state == "open"


def test_losing_an_unknown_door_is_no_change() -> None:
    assert lose(Door(), 5.0) == (Door(), None)


def test_more_than_six_changes_in_ten_seconds_are_a_flutter() -> None:
    flutter: list[DoorState] = ["open", "closed"] * 3
    assert not after(SHUT, "closed", *flutter, at=11.0)[0].flutters
    assert after(SHUT, "closed", *flutter, "open", at=11.0)[0].flutters
    slow = SHUT
    for at in range(0, 60, 4):
        slow, _ = after(slow, "open", at=20.0 + at)
        slow, _ = after(slow, "closed", at=22.0 + at)
    assert not slow.flutters


STATES: st.SearchStrategy[DoorState] = st.sampled_from(["open", "closed", "unknown"])


@given(st.lists(STATES, max_size=40), st.integers(2, 3))
def test_an_accepted_state_was_read_that_often_in_a_row(states: list[DoorState], equal: int) -> None:
    door = Door()
    for number, state in enumerate(states):
        door, change = read(door, state, state == "closed", float(number), equal)
        if change is not None and change.after != "unknown":
            assert states[number + 1 - equal : number + 1] == [change.after] * equal
            assert door.state == change.after
