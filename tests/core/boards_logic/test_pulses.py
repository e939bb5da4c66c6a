"""Repeats, the rate limit, and whose doing an opening was (lock-boards.md 4.2, 4.5)."""

from hypothesis import given
from hypothesis import strategies as st

from openharbor.boards import pulses


def history(*at: float, lock: int = 1) -> pulses.History:
    made: pulses.History = {}
    for one in at:
        made = pulses.pulsed(made, lock, one)
    return made


def test_fifteen_pulses_in_a_minute_are_allowed_and_one_more_is_not() -> None:
    fourteen = history(*range(14))
    assert not pulses.over_rate(fourteen, 1, 20.0)
    fifteen = pulses.pulsed(fourteen, 1, 14.0)
    assert pulses.over_rate(fifteen, 1, 20.0)
    assert not pulses.over_rate(fifteen, 2, 20.0)


def test_the_minute_moves_on() -> None:
    fifteen = history(*range(15))
    assert pulses.over_rate(fifteen, 1, 59.9)
    assert not pulses.over_rate(fifteen, 1, 60.0)


def test_the_same_lock_is_not_pulsed_again_within_its_repeat_time() -> None:
    assert pulses.earliest(history(10.0), 1, 1.5) == 11.5
    assert pulses.earliest(history(10.0), 2, 1.5) == 0.0


def test_a_pulse_that_did_not_leave_is_taken_back() -> None:
    assert pulses.last(pulses.not_pulsed(history(10.0, 20.0), 1, 20.0), 1) == 10.0


def test_a_pulse_may_be_running_until_the_last_one_is_over() -> None:
    assert pulses.running_until(history(10.0), 1.0) == 11.0
    assert pulses.running_until({}, 1.0) <= 0.0


def test_an_opening_within_the_window_of_our_pulse_is_ours() -> None:
    assert pulses.pulsed_within(history(10.0), 1, 22.5, 12.5)
    assert not pulses.pulsed_within(history(10.0), 1, 22.6, 12.5)
    assert not pulses.pulsed_within({}, 1, 22.6, 12.5)


def test_another_lock_pulsed_meanwhile_hints_at_crossed_wires() -> None:
    two = pulses.pulsed(history(10.0), 2, 10.2)
    assert pulses.another_at(two, 3, 10.5, 1.0) == 2
    assert pulses.another_at(two, 2, 10.5, 1.0) == 1
    assert pulses.another_at(two, 3, 11.5, 1.0) is None


@given(st.lists(st.floats(0, 10_000), min_size=1, max_size=200))
def test_the_history_stays_bounded_by_the_rate_window(times: list[float]) -> None:
    kept = history(*sorted(times))[1]
    assert all(at > max(times) - pulses.RATE_S for at in kept)
    assert kept[-1] == max(times)
