"""The keypad code of a pick-up link: in force when the tower has set it, and never for the next parcel (A11)."""

import pytest
from msgspec.structs import replace

from openharbor.cloud.lockers import links, operators, settlement, states
from openharbor.cloud.lockers.change import Change, LinkChange, SetCode
from openharbor.cloud.lockers.ending import is_clear
from openharbor.cloud.lockers.facts import Executed
from openharbor.cloud.lockers.locker import Assignment, Locker, Report, Status, Tower
from openharbor.kit.errors import Refusal

P, LINK = 7, 61
TOWER = Tower(tower_id="0100000000000014", rotation=1, next_command=5)
OCCUPIED = Locker(
    locker_id=959,
    tower_id=TOWER.tower_id,
    number=14,
    type_id=1,
    status=Status.OCCUPIED,
    assignment=Assignment(assignment_id=1, organization_id=P, since=0, locker_token="aa", first_generation=3),
    generation=3,
    report=Report(taken=True, locker_token="bb", generation=3),
)


def given(locker: Locker = OCCUPIED, *, persists: bool = False) -> Change:
    change = links.give_code(locker, TOWER, LINK, code="482913", persists=persists, client_info="order-1057")
    assert isinstance(change, Change)
    return change


def executed(locker: Locker, result: int = 0) -> Change:
    change = settlement.executed(locker, Executed(event_id=1, at_s=10, first=5, count=1, failed={5: result}))
    assert change is not None
    return change


@pytest.mark.parametrize("persists", [False, True])
def test_a_code_is_queued_and_in_force_only_when_the_tower_has_set_it(persists: bool) -> None:
    change = given(persists=persists)
    assert change.commands == (SetCode(5, 14, "482913", persists, "bb"),)
    assert change.locker.tokens == ()
    done = executed(change.locker)
    assert done.links == (LinkChange(LINK, "pending", code_in_force=True),)
    (code,) = done.locker.tokens
    assert (code.kind, code.keypad_code, code.keypad_persists) == ("keypad", "482913", persists)
    assert (code.organization_id, code.link_id, code.client_info) == (P, LINK, "order-1057")
    assert done.locker.queued == ()


def test_a_code_that_the_tower_refused_is_never_in_force() -> None:
    done = executed(given().locker, result=106)
    assert (done.links, done.locker.tokens, done.locker.queued) == ((), (), ())


@pytest.mark.parametrize("taken", [True, False])
def test_a_code_whose_result_was_lost_may_be_in_force_while_the_locker_is_taken(taken: bool) -> None:
    waiting = given().locker
    later = Executed(event_id=1, at_s=10, first=6, count=1)
    done = settlement.executed(replace(waiting, report=replace(waiting.report, taken=taken)), later)
    assert done is not None
    assert (done.links, done.locker.queued) == ((), ())
    assert [one.keypad_code for one in done.locker.tokens] == (["482913"] if taken else [])


def test_a_code_replaces_the_one_before() -> None:
    first = executed(given().locker).locker
    assert len(executed(given(first).locker).locker.tokens) == 1


def test_a_locker_is_not_clear_while_a_code_waits_to_be_set() -> None:
    assert is_clear(OCCUPIED)
    assert not is_clear(given().locker)


def test_an_operator_frees_no_locker_while_a_code_waits_to_be_set() -> None:
    """It would be set with the next holder's parcel inside (E2, E4)."""
    declined = replace(given().locker, status=Status.DECLINED)
    stopped = replace(declined, status=Status.OUT_OF_SERVICE, assignment=None)
    for free in (operators.set_available, operators.return_to_service):
        locker = declined if free is operators.set_available else stopped
        refused = free(locker, TOWER, empty=True, now=1000)
        assert refused == operators.STILL_OPEN
        done = free(replace(locker, queued=()), TOWER, empty=True, now=1000)
        assert isinstance(done, Change)
        assert done.locker.status is Status.AVAILABLE


def test_a_waiting_code_is_never_forgotten_however_many_commands_follow() -> None:
    locker = given().locker
    for number in range(6, 80):
        tower = Tower(tower_id=TOWER.tower_id, rotation=1, next_command=number)
        released = states.release(locker, tower, P, 1000)
        assert isinstance(released, Change)
        locker = replace(released.locker, status=Status.OCCUPIED)
    assert [one.form for one in locker.queued].count("code") == 1
    assert len(locker.queued) == 48


def test_cancelling_the_link_erases_the_code_whether_or_not_it_was_set() -> None:
    for locker in (given().locker, executed(given().locker).locker):
        change = links.cancel_pickup_link(locker, TOWER, LINK)
        assert [type(command).__name__ for command in change.commands] == ["EraseCode"]


def test_so_many_codes_may_wait_for_a_tower() -> None:
    locker = OCCUPIED
    for _ in range(16):
        locker = given(locker).locker
    refused = links.give_code(locker, TOWER, LINK, code="482914", persists=False, client_info="")
    assert isinstance(refused, Refusal)
    assert refused.status == 409
