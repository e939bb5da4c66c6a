"""One frame to a board and its answer: what is asked of a bus, and what comes of it (lock-boards.md 4.1, 4.6)."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from openharbor.boards.outcomes import EventKind
from openharbor.boards.protocols.codec import Codec, Push, Request
from openharbor.boards.traffic import TELLTALE, late_until
from openharbor.boards.turns import Priority

NEVER = float("-inf")  # monotonic seconds


class Withheld(Exception):
    """Raised by `before_send`: this is not the moment."""


@dataclass(frozen=True, slots=True)
class Order:
    """A request as a bus is asked for it.

    `limit_s`: how long its answer may take. `deadline` (monotonic seconds): until when the frame may leave; with one, a
    line that is down is tried at once. `before_send` is awaited immediately before the bytes leave; if it raises, none
    does. Without `answer_due` a missing answer is no fault.
    """

    request: Request
    limit_s: float
    priority: Priority
    deadline: float | None = None
    before_send: Callable[[], Awaitable[None]] | None = None
    answer_due: bool = True

    def over(self, now: float) -> bool:
        return self.deadline is not None and now >= self.deadline


@dataclass(frozen=True, slots=True)
class Answered:
    """Times in monotonic seconds; `sent_at`: when the operating system had taken the frame."""

    frame: bytes
    sent_at: float
    at: float


@dataclass(frozen=True, slots=True)
class Unanswered:
    """The frame may have arrived. `why`: time | echo | lost."""

    sent_at: float
    why: str


@dataclass(frozen=True, slots=True)
class NotSent:
    """No byte left. `why`: "" (the line is down) | expired | withheld | journal | offline (the board was stopped)."""

    why: str


Result = Answered | Unanswered | NotSent


@dataclass(slots=True, eq=False)
class Member:
    """A board on a bus: its grammar, and whom to tell what concerns it."""

    codec: Codec
    read_s: float
    on_push: Callable[[Push], None]
    on_event: Callable[[EventKind, str], None]
    silent: int = 0  # time-outs in a row
    silent_unlocks: int = 0  # in a row
    late_read_until: float = NEVER
    late_open_until: float = NEVER
    extras: deque[float] = field(default_factory=lambda: deque(maxlen=TELLTALE))
    told_of_extras_at: float = NEVER

    def late(self, priority: Priority) -> float:
        """Until when such a request must wait, so that a late answer to an earlier one is not taken for its own (2.3).

        A read may follow an unlock at once: where their answers are alike, both tell of the doors.
        """
        return max(self.late_read_until, self.late_open_until if priority == Priority.OPEN else NEVER)

    def missed(self, order: Order, sent_at: float) -> None:
        """Notes an answer that did not come in time. A board that may leave unlocks unanswered, and does, is believed
        from the second one on."""
        self.silent += 1
        if "tid" in order.request.match:  # an answer names its request
            return
        if order.priority == Priority.OPEN:
            self.silent_unlocks += 1
            if self.silent_unlocks == 1 or self.codec.family.ack == "required":
                self.late_open_until = late_until(sent_at, order.limit_s)
        else:
            self.late_read_until = late_until(sent_at, order.limit_s)

    def start_anew(self) -> None:
        """On a fresh line nothing is late."""
        self.silent = 0
        self.late_read_until = self.late_open_until = NEVER


@dataclass(slots=True, eq=False)
class Flight:
    """A frame that is on its way. `done`: its answer, or why there is none. `raw`: all that came meanwhile."""

    member: Member
    request: Request
    done: asyncio.Future[bytes | str]
    raw: bytearray = field(default_factory=bytearray)

    @property
    def answer(self) -> bytes | str:
        return self.done.result() if self.done.done() else "time"

    def finish(self, answer: bytes | str) -> None:
        if not self.done.done():
            self.done.set_result(answer)


def echoed(sent: bytes, raw: bytes, answer: bytes | str) -> bool:
    """Whether our own bytes came back in front of the answer, or without one (lock-boards.md 2.4)."""
    before = raw[: raw.find(answer)] if isinstance(answer, bytes) else raw
    return raw.startswith(sent) or sent in before
