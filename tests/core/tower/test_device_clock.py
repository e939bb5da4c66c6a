"""The clock of a tower: forward only, except for the answer to its challenge (blink-protocol.md 10)."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openharbor.blink.opening import DeviceTime
from openharbor.blink.refusals import Rejected
from openharbor.tower.device_clock import (
    DAY_MS,
    EARLIEST_S,
    Clock,
    adjusted,
    answered,
    device_time,
    floor_is_due,
    floored,
    moved,
    now,
    set_by_server,
    set_by_technician,
    warning_is_due,
)

T = 1_767_225_600
CLOCK = Clock(base_ms=T * 1000, since_ms=0, floor=T, challenge=b"12345678")
UNSURE = Clock(base_ms=T * 1000, since_ms=0, floor=T, sure=False, challenge=b"12345678")


def code_of(call: Callable[[], object]) -> int:
    with pytest.raises(Rejected) as refused:
        call()
    return refused.value.code


def test_it_runs_by_uptime() -> None:
    assert [now(CLOCK, ms) for ms in (0, 999, 1000, 60_000)] == [T, T, T + 1, T + 60]


def test_a_negative_adjustment_makes_it_run_at_half_speed_until_that_much_is_lost() -> None:
    slowed = adjusted(CLOCK, 0, -10)
    assert [now(slowed, ms) for ms in (0, 10_000, 20_000, 40_000)] == [T, T + 5, T + 10, T + 30]
    more = adjusted(slowed, 10_000, -10)
    assert [now(more, ms) for ms in (10_000, 40_000, 60_000)] == [T + 5, T + 20, T + 40]


def test_a_positive_adjustment_steps_it_forward() -> None:
    assert now(adjusted(CLOCK, 0, 3600), 0) == T + 3600


@given(st.lists(st.tuples(st.integers(0, 100_000), st.integers(-3600, 3600)), max_size=12))
def test_no_adjustment_lets_it_go_backwards(steps: list[tuple[int, int]]) -> None:
    clock, at_ms, before = CLOCK, 0, T
    for wait, seconds in steps:
        at_ms += wait
        assert now(clock, at_ms) >= before
        clock = adjusted(clock, at_ms, seconds)
        before = now(clock, at_ms)


def test_the_steps_of_a_day_are_summed_and_forgotten_after_it() -> None:
    stepped = moved(CLOCK, 0, DeviceTime(T + 1000))
    assert (now(stepped, 0), device_time(stepped, 0).stepped) == (T + 1000, 1000)
    assert device_time(stepped, DAY_MS - 1).stepped == 1000
    assert device_time(stepped, DAY_MS).stepped == 0
    assert moved(stepped, 0, DeviceTime(T)) == stepped


def test_the_floor_follows_when_a_time_leaves_and_every_quarter_of_an_hour() -> None:
    assert not floor_is_due(CLOCK, 899_000)
    assert floor_is_due(CLOCK, 900_000)
    assert floored(CLOCK, 900_000).floor == T + 900
    assert floored(CLOCK, 0) is CLOCK


def test_the_answer_to_the_challenge_sets_it_either_way_once() -> None:
    for clock, time in ((CLOCK, T - 86_400), (UNSURE, T + 1000)):
        after = answered(clock, 5, time, b"12345678", b"87654321")
        assert (now(after, 5), after.sure, after.floor, after.challenge) == (time, True, time, b"87654321")
        assert code_of(lambda after=after: answered(after, 5, T, b"12345678", b"xxxxxxxx")) == 106  # type: ignore[misc]  # mypy infers no type for a bound default
    assert code_of(lambda: answered(CLOCK, 0, EARLIEST_S - 1, b"12345678", b"87654321")) == 104
    assert code_of(lambda: answered(CLOCK, 0, T, b"", b"87654321")) == 106


def test_a_server_without_the_challenge_moves_a_sure_clock_forward_only() -> None:
    assert now(set_by_server(CLOCK, 0, T + 120), 0) == T + 120
    assert code_of(lambda: set_by_server(CLOCK, 0, T - 1)) == 104
    assert code_of(lambda: set_by_server(CLOCK, 0, T + 366 * 86_400 + 1)) == 104
    assert code_of(lambda: set_by_server(UNSURE, 0, T + 1)) == 102


def test_a_technician_moves_it_forward_by_a_day_at_most_and_makes_it_no_surer() -> None:
    after = set_by_technician(UNSURE, 0, T + 86_400)
    assert (now(after, 0), after.sure) == (T + 86_400, False)
    assert code_of(lambda: set_by_technician(CLOCK, 0, T + 86_401)) == 104
    assert code_of(lambda: set_by_technician(CLOCK, 0, T - 1)) == 104


def test_a_time_too_far_ahead_is_told_once_a_day() -> None:
    assert warning_is_due(CLOCK, 0)
    warned = Clock(base_ms=T * 1000, since_ms=0, floor=T, warned_ms=0)
    assert not warning_is_due(warned, DAY_MS - 1)
    assert warning_is_due(warned, DAY_MS)
