"""One frame to a board and its answer: what is asked of a bus, and what comes of it (lock-boards.md 4.1, 4.6)."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from openharbor.boards.outcomes import EventKind
from openharbor.boards.protocols.codec import Codec, Push, Request
from openharbor.boards.traffic import TELLTALE
from openharbor.boards.turns import Priority

NEVER = float("-inf")  # monotonic seconds

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
    """No byte left. `why`: "" (the line is down) | expired | journal."""

    why: str


Result = Answered | Unanswered | NotSent
BeforeSend = Callable[[], Awaitable[None]]


@dataclass(slots=True, eq=False)
class Member:
    """A board on the bus: its grammar, and whom to tell what concerns it."""

    codec: Codec
    read_s: float
    on_push: Callable[[Push], None]
    on_event: Callable[[EventKind, str], None]
    silent: int = 0  # time-outs in a row
    late_read_until: float = NEVER
    late_open_until: float = NEVER
    extras: deque[float] = field(default_factory=lambda: deque(maxlen=TELLTALE))
    told_of_extras_at: float = NEVER

    def late(self, priority: Priority) -> float:
        """Until when a like request must wait, so that a late answer is not taken for its own."""
        return max(self.late_read_until, self.late_open_until if priority == Priority.OPEN else NEVER)


@dataclass(slots=True, eq=False)
class InFlight:
    member: Member
    request: Request
    done: asyncio.Future[bytes | str]  # the frame, or why there is none
    raw: bytearray = field(default_factory=bytearray)
