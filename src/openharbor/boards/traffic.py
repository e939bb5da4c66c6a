"""What passes on one line: when the next frame may leave, whose answers are late, who answers twice, and the counts."""

from collections.abc import Iterable
from dataclasses import dataclass

from openharbor.boards.timing import LineTimes

SETTLE_S = 0.05  # silence after a connect and after an exchange without an answer
TELLTALE = 3  # extra answers of one board within TELLTALE_S are a diagnosis
TELLTALE_S = 3600.0
SILENT_BOARDS = 3  # time-outs in a row of every board mean that the line itself is dead


@dataclass(slots=True)
class Counters:
    """Since the start of the bus."""

    frames: int = 0
    timeouts: int = 0
    foreign: int = 0
    extra: int = 0
    discarded_bytes: int = 0
    reconnects: int = 0


@dataclass(slots=True)
class Traffic:
    """Monotonic seconds; minus infinity: not yet. `unanswered_at`: when the last exchange ended without an answer."""

    received_at: float = float("-inf")
    sent_until: float = float("-inf")
    answered_at: float = float("-inf")
    unanswered_at: float = float("-inf")

    def ended(self, now: float, *, answered: bool) -> None:
        """An exchange is over."""
        if answered:
            self.answered_at = now
        else:
            self.unanswered_at = now

    def may_send_at(self, times: LineTimes) -> float:
        """From when the next frame may leave (lock-boards.md 2.1, 2.3)."""
        silent = max(self.received_at, self.sent_until) + times.silence_s
        if self.unanswered_at > self.answered_at:
            return max(silent, max(self.received_at, self.unanswered_at) + SETTLE_S)
        return max(silent, self.answered_at + times.gap_s)


def late_until(sent_at: float, limit_s: float) -> float:
    """Until when an answer that missed its time limit may still come, and be taken for that of a like request."""
    return sent_at + 2 * limit_s + SETTLE_S


def tells_of_two_boards(extras: Iterable[float], now: float) -> bool:
    """Whether extra answers are frequent enough for the diagnosis of 2.3."""
    return sum(at > now - TELLTALE_S for at in extras) >= TELLTALE
