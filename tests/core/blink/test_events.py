"""Events are read from the maps of a batch and written again (blink-protocol.md 9)."""

from typing import Any

import pytest

from harness.blink_vectors import unshown, vectors
from openharbor.blink import events
from openharbor.blink.cbor import encode
from openharbor.blink.event_maps import read_event, write_event
from openharbor.blink.events import Accessed, AccessRefused, CommandsDone, LockerUpdated
from openharbor.blink.refusals import Rejected

ROWS = vectors()["events"]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row['name']} {row['map']['30']}")
def test_every_event_of_the_vectors_is_read_and_written_byte_for_byte(row: dict[str, Any]) -> None:
    assert encode(write_event(read_event(unshown(row["map"])))).hex() == row["cbor"]


def test_every_kind_of_event_is_in_the_vectors() -> None:
    kinds = {type(read_event(unshown(row["map"]))) for row in ROWS}
    assert kinds == {*events.KINDS, AccessRefused}


def test_an_access_says_what_was_seen_and_the_state_after_it() -> None:
    access = read_event(unshown(ROWS[6]["map"]))
    assert isinstance(access, Accessed)
    assert (access.locker_number, access.reason, access.token_id, access.confirmed) == (3, 1, 290, True)
    assert (access.available, access.generation, access.retired, access.keypad_set) == (False, 5, 4, False)


def test_unknown_fields_are_ignored() -> None:
    fields = unshown(ROWS[3]["map"])
    done = read_event(fields | {9999: b"later"})
    assert isinstance(done, CommandsDone)
    assert done.failed == {6: 502}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row['name']} {row['map']['30']}")
def test_each_required_field_is_missed_and_each_wrong_kind_is_refused(row: dict[str, Any]) -> None:
    fields = unshown(row["map"])
    for item in events.layout_of(type(read_event(fields))):
        if item.number in fields:
            with pytest.raises(Rejected) as refused:
                read_event(fields | {item.number: None})
            assert refused.value.code == 103
        if not item.optional and item.number != 2:  # without #2 a refused access is an access
            with pytest.raises(Rejected) as refused:
                read_event({number: value for number, value in fields.items() if number != item.number})
            assert refused.value.code == 102


@pytest.mark.parametrize("packet_type", [0, 19, 32, 213, True, "20", None])
def test_what_is_no_event_is_refused(packet_type: object) -> None:
    with pytest.raises(Rejected) as refused:
        read_event({1: packet_type, 5: 1, 30: 1})
    assert refused.value.code == 101


@pytest.mark.parametrize(
    ("row", "number", "value"), [(3, 237, {6: b"x"}), (3, 237, {6: True}), (10, 244, [1, "x"]), (10, 244, [[]])]
)
def test_maps_and_arrays_hold_integers(row: int, number: int, value: object) -> None:
    with pytest.raises(Rejected) as refused:
        read_event(unshown(ROWS[row]["map"]) | {number: value})
    assert refused.value.code == 103


def test_a_keypad_code_is_not_shown() -> None:
    updated = read_event(unshown(ROWS[17]["map"]))
    assert isinstance(updated, LockerUpdated)
    assert updated.keypad_code == "730164"
    assert "730164" not in repr(updated)
