"""Whether a locker works and may be given out: gateway-local.yaml, Locker, updateLocker and UpdateLockerRequest."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from openharbor.gateway.service_state import (
    ServiceChange,
    available,
    door_open,
    open_failed,
    opened,
    operational,
    shown_reason,
    update_locker,
)
from openharbor.gateway.site import Controller, Live, Locker, LockerType, ReasonCode
from openharbor.kit.errors import Refusal

SHIP = Controller(1, "A", "wkly", "virtual://a", 1, commissioned=False, created_at=0)
BETA = replace(SHIP, driver="winnsen")
WELL = Live(board_online=True, has_sensor=True, door_open=False, changed_at=0)
OFFLINE = replace(WELL, board_online=False, door_open=None)
BLIND = replace(WELL, door_open=None)
BARE = replace(WELL, has_sensor=False, door_open=None)
KIND = LockerType("small", "Small", "", 1, 1, 1, always_oos=False, created_at=0)
LOCKER = Locker(2, 1, 2, "small", is_low_locker=False, updated_at=5)


def cause(locker: Locker, controller: Controller, live: Live | None) -> ReasonCode | None:
    works, code, words = operational(locker, controller, live)
    assert works == (code is None) == (words is None)
    return code


@pytest.mark.parametrize(
    ("locker", "controller", "live", "code"),
    [
        (LOCKER, SHIP, WELL, None),
        (LOCKER, SHIP, None, "CONTROLLER_OFFLINE"),
        (LOCKER, SHIP, OFFLINE, "CONTROLLER_OFFLINE"),
        (LOCKER, BETA, WELL, "MAINTENANCE"),
        (LOCKER, replace(BETA, commissioned=True), WELL, None),
        (LOCKER, SHIP, BLIND, "SENSOR_MALFUNCTION"),
        (replace(LOCKER, broken_lock=True), SHIP, BLIND, None),
        (LOCKER, SHIP, BARE, None),
        (replace(LOCKER, failures_in_row=2), SHIP, WELL, None),
        (replace(LOCKER, failures_in_row=3), SHIP, WELL, "LOCK_MALFUNCTION"),
        (replace(LOCKER, out_of_service=True), SHIP, WELL, None),
        # of several causes the first is shown
        (replace(LOCKER, failures_in_row=3), BETA, OFFLINE, "CONTROLLER_OFFLINE"),
        (replace(LOCKER, failures_in_row=3), BETA, BLIND, "MAINTENANCE"),
        (replace(LOCKER, failures_in_row=3), SHIP, BLIND, "SENSOR_MALFUNCTION"),
    ],
)
def test_a_locker_works_unless_there_is_a_cause(
    locker: Locker, controller: Controller, live: Live | None, code: ReasonCode | None
) -> None:
    assert cause(locker, controller, live) == code


@pytest.mark.parametrize(
    ("locker", "works", "free"),
    [
        (LOCKER, True, True),
        (LOCKER, False, False),
        (replace(LOCKER, out_of_service=True), True, False),
        (replace(LOCKER, transaction_id="parcel-1"), True, False),
    ],
)
def test_available_is_in_service_and_working_and_held_by_none(locker: Locker, works: bool, free: bool) -> None:
    assert available(locker, works=works) is free


def test_an_operators_reason_hides_the_automatic_one() -> None:
    verdict = operational(LOCKER, SHIP, OFFLINE)
    assert shown_reason(LOCKER, verdict) == ("CONTROLLER_OFFLINE", "The controller does not answer")
    cleaned = replace(LOCKER, reason_code="CLEANING")
    assert shown_reason(cleaned, verdict) == ("CLEANING", None)


def test_the_door_is_not_told_with_broken_lock() -> None:
    assert door_open(LOCKER, replace(WELL, door_open=True)) is True
    assert door_open(replace(LOCKER, broken_lock=True), replace(WELL, door_open=True)) is None
    assert door_open(LOCKER, None) is None


def updated(locker: Locker, change: ServiceChange) -> Locker:
    after = update_locker(locker, KIND, change, 9)
    assert isinstance(after, Locker)
    return after


def test_taking_a_locker_out_of_service_stores_the_reason() -> None:
    after = updated(LOCKER, ServiceChange(out_of_service=True, reason_code="CLEANING", reason="Spilt milk"))
    assert (after.out_of_service, after.reason_code, after.reason) == (True, "CLEANING", "Spilt milk")
    assert after.updated_at == 9


def test_returning_a_locker_clears_the_reason_unless_one_is_given() -> None:
    out = replace(LOCKER, out_of_service=True, reason_code="CLEANING", reason="Spilt milk")
    assert updated(out, ServiceChange(out_of_service=False)) == replace(LOCKER, updated_at=9)
    noted = updated(out, ServiceChange(out_of_service=False, reason_code="OTHER", reason="As new"))
    assert (noted.out_of_service, noted.reason_code, noted.reason) == (False, "OTHER", "As new")


def test_a_new_reason_without_words_clears_the_old_words() -> None:
    out = replace(LOCKER, out_of_service=True, reason_code="CLEANING", reason="Spilt milk")
    after = updated(out, ServiceChange(out_of_service=True, reason_code="VANDALISM"))
    assert (after.reason_code, after.reason) == ("VANDALISM", None)


def test_words_without_a_code_are_not_stored() -> None:
    assert updated(LOCKER, ServiceChange(out_of_service=False, reason="Hm")).reason is None


def test_reasons_are_ignored_without_out_of_service() -> None:
    after = updated(LOCKER, ServiceChange(broken_lock=True, reason_code="OTHER", reason="Wire"))
    assert (after.reason_code, after.reason) == (None, None)


def test_the_transaction_that_holds_the_locker_stays() -> None:
    held = replace(LOCKER, transaction_id="parcel-1")
    assert updated(held, ServiceChange(out_of_service=True, reason_code="OTHER")).transaction_id == "parcel-1"


def test_broken_lock_ends_a_lock_malfunction() -> None:
    stuck = replace(LOCKER, failures_in_row=3)
    assert updated(stuck, ServiceChange(broken_lock=True)).failures_in_row == 0
    assert updated(replace(stuck, broken_lock=True), ServiceChange(broken_lock=False)).failures_in_row == 3


@pytest.mark.parametrize("broken", [None, True])
def test_a_type_that_is_always_out_of_service_cannot_be_returned(broken: bool | None) -> None:
    screen = replace(LOCKER, locker_type="screen", out_of_service=True)
    kind = replace(KIND, slug="screen", always_oos=True)
    refused = update_locker(screen, kind, ServiceChange(out_of_service=False, broken_lock=broken), 9)
    assert isinstance(refused, Refusal)
    assert (refused.code, refused.status) == ("CONFLICT", 409)
    assert refused.details == {"lockerId": "2", "lockerType": "screen"}


def test_other_changes_of_such_a_locker_are_allowed() -> None:
    screen = replace(LOCKER, locker_type="screen", out_of_service=True)
    after = update_locker(screen, replace(KIND, always_oos=True), ServiceChange(broken_lock=True), 9)
    assert isinstance(after, Locker)
    assert after.broken_lock


CHANGES = st.builds(
    ServiceChange,
    st.none() | st.booleans(),
    st.none() | st.booleans(),
    st.none() | st.sampled_from(["CLEANING", "OTHER"]),
    st.none() | st.sampled_from(["a", "b"]),
)


@given(CHANGES)
def test_repeating_a_change_is_harmless_and_moves_nothing(change: ServiceChange) -> None:
    once = updated(LOCKER, change)
    assert update_locker(once, KIND, change, 99) is once


def test_an_open_that_succeeds_counts_and_ends_a_row_of_failures() -> None:
    after = opened(replace(LOCKER, failures_in_row=3, open_count=7), 9)
    assert (after.failures_in_row, after.open_count, after.last_opened_at, after.updated_at) == (0, 8, 9, 9)


def test_only_hardware_malfunctions_speak_against_a_lock() -> None:
    for code in ("CONTROLLER_UNREACHABLE", "RATE_LIMITED", "INTERNAL_ERROR"):
        assert open_failed(LOCKER, code, 9) is LOCKER
    assert open_failed(LOCKER, "HARDWARE_MALFUNCTION", 9).failures_in_row == 1


def test_a_failure_shows_when_it_is_the_third_in_a_row() -> None:
    second = open_failed(replace(LOCKER, failures_in_row=1), "HARDWARE_MALFUNCTION", 9)
    third = open_failed(second, "HARDWARE_MALFUNCTION", 10)
    assert (second.updated_at, third.updated_at) == (LOCKER.updated_at, 10)
    assert cause(third, SHIP, WELL) == "LOCK_MALFUNCTION"
