"""Who goes on failing is cut off, and new sessions wait; honest phones never notice (blink-protocol.md 6.4)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openharbor.blink.lockout import LONGEST_LOCKOUT_S, MOST_FAILURES, Failures, count, cuts_link, locked_out


def failing(failures: Failures, now: int, times: int = MOST_FAILURES) -> tuple[Failures, list[int]]:
    begun = []
    for _ in range(times):
        failures, length = count(failures, now)
        begun.append(length)
    return failures, [one for one in begun if one]


def test_the_fifth_failure_on_a_link_cuts_it() -> None:
    assert [one for one in range(1, 8) if cuts_link(one)] == [5, 6, 7]


def test_twenty_failures_within_300_s_start_a_lock_out_of_60_s() -> None:
    failures, begun = failing(Failures(), 1000, 19)
    assert (begun, locked_out(failures, 1000)) == ([], False)
    failures, length = count(failures, 1299)
    assert length == 60
    assert locked_out(failures, 1299)
    assert locked_out(failures, 1358)
    assert not locked_out(failures, 1359)


def test_failures_that_are_300_s_old_do_not_count() -> None:
    failures, _ = failing(Failures(), 1000, 19)
    failures, length = count(failures, 1300)
    assert (length, len(failures.times)) == (0, 1)


def test_each_lock_out_within_an_hour_of_the_last_is_twice_as_long_up_to_900_s() -> None:
    failures, lengths, now = Failures(), [], 0
    for _ in range(7):
        failures, begun = failing(failures, now)
        lengths += begun
        now = failures.until + 3600
    assert lengths == [60, 120, 240, 480, 900, 900, 900]


def test_after_an_hour_of_peace_it_is_60_s_again() -> None:
    failures, _ = failing(Failures(), 0)
    failures, begun = failing(failures, failures.until + 3601)
    assert begun == [60]


def test_what_fails_during_a_lock_out_is_not_counted() -> None:
    failures, _ = failing(Failures(), 0)
    assert failing(failures, 30, 100) == (failures, [])
    failures, length = count(failures, 60)
    assert (length, len(failures.times)) == (0, 1)


def test_a_tower_without_a_failure_is_not_locked() -> None:
    assert not locked_out(Failures(), 0)


@pytest.mark.parametrize("pause", [0, 14, 16])
def test_the_memory_of_failures_is_bounded(pause: int) -> None:
    failures = Failures()
    for step in range(200):
        failures, _ = count(failures, step * pause)
        assert len(failures.times) < MOST_FAILURES


@given(st.lists(st.integers(0, 2000), max_size=200))
def test_no_lock_out_lasts_longer_than_900_s_and_none_begins_inside_another(pauses: list[int]) -> None:
    failures, now = Failures(), 0
    for pause in pauses:
        now += pause
        locked = locked_out(failures, now)
        failures, length = count(failures, now)
        assert length <= LONGEST_LOCKOUT_S
        assert not (locked and length)
        assert failures.until - now <= LONGEST_LOCKOUT_S
