"""How often a board is read and how long an absent one is waited for (lock-boards.md 4.4, 4.7)."""

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from openharbor.boards import cadence


def test_a_board_is_lost_after_three_failed_reads_and_two_seconds() -> None:
    assert not cadence.is_lost(2, 60.0)
    assert not cadence.is_lost(3, 1.9)
    assert cadence.is_lost(3, 2.0)


def test_an_absent_board_is_tried_after_1_2_4_8_15_and_then_every_30_seconds() -> None:
    assert [cadence.until_next_try(tries) for tries in (0, 1, 2, 3, 4, 5, 6, 1000)] == [1, 2, 4, 8, 15, 30, 30, 30]


def test_polls_are_fast_for_ten_seconds_after_a_pulse() -> None:
    def period(since_pulse_s: float | None) -> float:
        return cadence.period(0.5, 0.15, since_pulse_s, unsettled=False, doors=True)

    assert [period(None), period(0.0), period(9.9), period(10.0)] == [0.5, 0.15, 0.15, 0.5]


def test_a_differing_reading_is_repeated_after_100_ms() -> None:
    assert cadence.period(0.5, 0.15, 1.0, unsettled=True, doors=True) == 0.1


def test_a_board_without_doors_to_read_is_asked_every_five_seconds_whether_it_lives() -> None:
    assert cadence.period(0.5, 0.15, 1.0, unsettled=False, doors=False) == 5.0


def test_a_reading_is_too_old_after_two_seconds_or_four_periods() -> None:
    assert [cadence.stale_after(period) for period in (0.1, 0.5, 0.7)] == [2.0, 2.0, 2.8]


@given(st.integers(0, 100), st.integers())
def test_reconnects_wait_half_a_second_doubling_to_thirty_with_a_fifth_of_spread(failures: int, seed: int) -> None:
    wait = cadence.until_reconnect(failures, Random(seed))
    middle = min(0.5 * 2**failures, 30.0)
    assert 0.8 * middle <= wait <= 1.2 * middle
