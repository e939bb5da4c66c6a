"""How often things go wrong. Shares are of one thing that may: a message, a write, a pulse."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Luck:
    """`lost_before`, `lost_after`: the link is cut before a message arrives, after it was answered. `cut_…`: of power.

    `away`: a cloud that does not answer when asked. `walks_off`: who leaves without a sync or a farewell.
    """

    lost_before: float = 0.012
    lost_after: float = 0.012
    frame_replayed: float = 0.01
    write_fails: float = 0.0008
    cut_before_write: float = 0.0004
    cut_after_write: float = 0.0004
    cut_after_pulse: float = 0.02
    pulse_fails: float = 0.01
    pulse_in_doubt: float = 0.01
    jams: float = 0.05
    unreadable: float = 0.01
    clock_lost: float = 0.3
    clock_ahead: float = 0.08
    upload_lost: float = 0.08
    answer_lost: float = 0.08
    goes_offline: float = 0.35
    walks_off: float = 0.2
    stays_open: float = 0.05
    does_not_fit: float = 0.08
    clones: float = 0.15
    never_comes: float = 0.05
    released_early: float = 0.03


GOOD = Luck(*(0.0 for _ in Luck.__dataclass_fields__))
