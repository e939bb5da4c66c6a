"""How often a board is read, when it counts as lost, and how long to wait for one that is (lock-boards.md 4.4, 4.7)."""

from random import Random

FAILED_READS = 3  # in a row
LOST_AFTER_S = 2.0
STALE_AFTER_S = 2.0
DEAD_BOARD_S = (1.0, 2.0, 4.0, 8.0, 15.0, 30.0)
FAST_FOR_S = 10.0  # after a pulse
AGAIN_S = 0.1  # after a reading that differs
LIVENESS_S = 5.0  # where there are no doors to read, as long as the board answers
RECONNECT_S = 0.5
RECONNECT_MOST_S = 30.0
SPREAD = 0.2
GOOD_TRAFFIC_S = 10.0


def is_lost(failures: int, since_answer_s: float) -> bool:
    """After three failed reads in a row and two seconds without an answer a board is off line."""
    return failures >= FAILED_READS and since_answer_s >= LOST_AFTER_S


def until_next_try(tries: int) -> float:
    """Seconds until an absent board is tried again, after so many tries in vain; for ever."""
    return DEAD_BOARD_S[min(tries, len(DEAD_BOARD_S) - 1)]


def period(poll_s: float, fast_poll_s: float, since_pulse_s: float | None, *, unsettled: bool, doors: bool) -> float:
    """Seconds from the start of one reading of a board to the next."""
    if not doors:
        return LIVENESS_S
    if unsettled:
        return AGAIN_S
    fast = since_pulse_s is not None and since_pulse_s < FAST_FOR_S
    return min(fast_poll_s, poll_s) if fast else poll_s


def stale_after(period_s: float) -> float:
    """How old a reading may become, in seconds; beyond that the door is unknown."""
    return max(STALE_AFTER_S, 4 * period_s)


def until_reconnect(failures: int, random: Random) -> float:
    """Seconds until a line is tried again, after so many failures in a row: 0.5 s, doubling to 30 s, spread by 20 %."""
    wait = min(RECONNECT_S * 2.0 ** min(failures, 16), RECONNECT_MOST_S)
    return wait * random.uniform(1 - SPREAD, 1 + SPREAD)
