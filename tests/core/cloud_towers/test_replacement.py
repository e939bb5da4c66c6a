"""What becomes of the lockers when a tower gets its first key, or another board (locker-states.md E7, E8)."""

import pytest

from openharbor.cloud.lockers.locker import Assignment, Hold, Locker, Report, Reservation, Status, Token, Tower
from openharbor.cloud.towers.replacement import after_first_key, after_new_board, in_file
from openharbor.cloud.towers.store import WiredLocker

NOW = 1_800_000_000_000
TOWER = Tower(tower_id="0100000000000014", rotation=1)
HELD = Assignment(assignment_id=5, organization_id=3, since=NOW, locker_token="00" * 16)
TOKEN = Token(token_id=8, organization_id=3, kind="dropoff", generation=4, expires_s=1_800_000_900)
SETTLED = Token(token_id=8, organization_id=3, kind="dropoff", generation=4, expires_s=1, settled="expired")


def locker(status: Status, *tokens: Token, assignment: Assignment | None = None, hold: Hold | None = None) -> Locker:
    reservation = Reservation(reservation_id=1, duration_s=60, expires_at=NOW + 60_000, created_at=NOW)
    return Locker(
        locker_id=959,
        tower_id=TOWER.tower_id,
        number=14,
        type_id=3,
        status=status,
        tokens=tokens,
        assignment=assignment,
        hold=hold,
        reservation=reservation if status is Status.RESERVED else None,
        generation=4,
        report=Report(taken=True, generation=4),
    )


def test_a_new_locker_comes_into_service_with_the_first_key() -> None:
    change = after_first_key(locker(Status.OUT_OF_SERVICE), NOW)
    assert (change.row, change.locker.status) == ("E8", Status.AVAILABLE)
    assert not change.notices
    assert not change.commands


@pytest.mark.parametrize("status", [Status.RENTED, Status.OCCUPIED, Status.DECLINED])
def test_a_held_locker_with_unsettled_tokens_goes_out_of_service_with_the_old_board(status: Status) -> None:
    change = after_new_board(locker(status, TOKEN, assignment=HELD), TOWER, NOW)
    after = change.locker
    assert (change.row, after.status, after.check_contents) == ("E7", Status.OUT_OF_SERVICE, True)
    assert (after.assignment, after.tokens, after.generation) == (None, (), 4)
    assert change.settled == ((8, "inspected"),)
    assert change.ended == 5
    assert [(one.event, one.source, one.organization_id) for one in change.notices] == [
        ("LOCKER_RELEASED", "LOCKER_RELEASED", 3)
    ]
    assert not change.commands


def test_a_locker_out_of_service_with_an_unsettled_token_is_rid_of_it() -> None:
    change = after_new_board(locker(Status.OUT_OF_SERVICE, TOKEN), TOWER, NOW)
    assert change.locker.status is Status.OUT_OF_SERVICE
    assert change.locker.check_contents
    assert change.settled == ((8, "inspected"),)


@pytest.mark.parametrize("status", [Status.AVAILABLE, Status.RESERVED, Status.OUT_OF_SERVICE])
def test_a_locker_of_which_no_token_is_out_stays_as_it_is(status: Status) -> None:
    held = HELD if status is Status.RESERVED else None
    before = locker(status, assignment=held)
    change = after_new_board(before, TOWER, NOW)
    assert (change.locker.status, change.locker.assignment) == (status, held)
    assert not change.notices
    assert not change.settled


def test_a_parcel_whose_tokens_are_all_settled_stays_its_holders() -> None:
    """The new board takes it for free and refuses generation 4, so the next token has another one."""
    change = after_new_board(locker(Status.OCCUPIED, SETTLED, assignment=HELD), TOWER, NOW)
    assert change.locker.status is Status.OCCUPIED
    assert change.locker.renew
    assert change.locker.report == Report(taken=False, generation=4, retired=4)


def test_the_file_tells_the_wiring_the_service_and_the_newest_dead_generation() -> None:
    wired = WiredLocker(locker(Status.OCCUPIED), port=13, door_sensor="inverted")
    told = in_file(wired, wired.locker)
    assert (told.number, told.port, told.type, told.door_sensor) == (14, 13, 3, "inverted")
    assert (told.disabled, told.retired_generation) == (False, 4)
    assert in_file(wired, locker(Status.OUT_OF_SERVICE)).disabled
