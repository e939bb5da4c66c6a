"""How doors were last seen: what was forced while the gateway stood still is told from what it opened itself."""

import pytest

from core.gateway_alarms.journals import NOW
from openharbor.gateway.door_marks import Mark, Sighting, all_marks, fired_since, put_marks, unexplained
from openharbor.gateway.opening_journal import Order, write_pulse
from openharbor.gateway.opening_rules import Place
from openharbor.gateway.trail import SYSTEM, State
from openharbor.kit.database.face import Transaction as Tx


def fired(tx: Tx, state: State, locker_id: int, at: int, opening_id: int | None = None, attempt: int = 1) -> int:
    return write_pulse(tx, state, Order(Place(locker_id, 1, locker_id), SYSTEM), opening_id, attempt, at)[1]


def mark(tx: Tx, locker_id: int, is_open: bool = False, at: int = NOW) -> Mark:
    put_marks(tx, [Sighting(locker_id, is_open, at)])
    return all_marks(tx)[locker_id]


def test_the_last_sighting_of_each_door_counts(tx: Tx, state: State) -> None:
    mark(tx, 1)
    opening_id = fired(tx, state, 1, NOW + 5)
    put_marks(tx, [Sighting(1, True, NOW + 10), Sighting(2, False, NOW + 10)])
    assert all_marks(tx) == {1: Mark(1, True, NOW + 10, opening_id), 2: Mark(2, False, NOW + 10, opening_id)}


def test_a_shut_door_that_stands_open_now_is_unexplained_unless_its_lock_was_fired_since(tx: Tx, state: State) -> None:
    fired(tx, state, 1, NOW - 100)
    marks = [mark(tx, one) for one in (1, 2)]
    fired(tx, state, 2, NOW + 100)
    assert unexplained(tx, marks) == [1]


def test_a_door_that_stood_open_already_needs_no_explanation(tx: Tx, state: State) -> None:
    assert unexplained(tx, [mark(tx, 1, is_open=True)]) == []


def test_an_opening_under_way_when_the_door_was_seen_shut_explains_it_by_its_next_pulse(tx: Tx, state: State) -> None:
    opening_id = fired(tx, state, 1, NOW - 100)
    seen = mark(tx, 1)
    assert not fired_since(tx, seen)
    fired(tx, state, 1, NOW + 100, opening_id, attempt=2)
    assert fired_since(tx, seen)


@pytest.mark.parametrize("set_by", [-3_600_000, 3_600_000])
def test_a_clock_that_was_set_meanwhile_does_not_hide_a_pulse(tx: Tx, state: State, set_by: int) -> None:
    seen = mark(tx, 1)
    fired(tx, state, 1, NOW + set_by)
    assert fired_since(tx, seen)
