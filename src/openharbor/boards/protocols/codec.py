"""What a codec is (lock-boards.md 2.2, 2.3, 4.1): frames to one board, frames of its family. No I/O, no clock."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal, Protocol

Reason = Literal["head", "command", "length", "tail", "value", "checksum", "protocol"]
ForeignWhy = Literal["transaction", "board", "command", "lock", "count"]


@dataclass(frozen=True, slots=True)
class Family:
    """What is the same for every board of a driver (lock-boards.md 1, 4.8). Times in milliseconds."""

    name: str
    confidence: Literal["ship", "beta"]
    baud: int
    boards: range  # addresses on the bus
    locks: range  # how many locks a board may have
    default_locks: int | None  # None: must be given, or is learnt
    read_ms: int
    unlock_ms: int
    ack: Literal["required", "optional"]
    equal_reads: int  # how many in a row make a change
    pulse_ms: int | None  # None: the board's own time
    default_port: int | None
    address_name: Literal["board", "unit"] = "board"
    serial: bool = True
    pushes: bool = False
    items: bool = False


@dataclass(frozen=True, slots=True)
class Request:
    """One frame to a board, and what its answer must match. `command` is named as in the vectors."""

    command: str
    board: int
    data: bytes
    lock: int | None = None
    match: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    answer_ms: int | None = None  # how long the answer may take, where it is not the family's limit (native open-all)


@dataclass(frozen=True, slots=True)
class Found:
    """A whole valid frame at the front of the buffer."""

    length: int


@dataclass(frozen=True, slots=True)
class More:
    """Too few bytes to tell."""


@dataclass(frozen=True, slots=True)
class NoFrame:
    """The front of the buffer is no frame; drop exactly one byte and look again.

    `length` is more than one only where a header frames the stream and stays in step (lock-boards.md 3.7).
    """

    reason: Reason
    length: int = 1


@dataclass(frozen=True, slots=True)
class Broken:
    """A header-framed stream that cannot be trusted again: `length` bytes show it; close (lock-boards.md 2.2.5)."""

    why: Literal["protocol", "length"]
    length: int


Look = Found | More | NoFrame | Broken


@dataclass(frozen=True, slots=True)
class Reply:
    """The frame answers the pending request."""


@dataclass(frozen=True, slots=True)
class Foreign:
    """A valid frame that does not answer the pending request."""

    why: ForeignWhy


@dataclass(frozen=True, slots=True)
class Push:
    """A frame the board sent by itself; routed by its own board byte. `raw` None: no usable value."""

    board: int
    lock: int
    raw: bool | None


Sorted = Reply | Foreign | Push


@dataclass(frozen=True, slots=True)
class Answer:
    """What a reply says. `bits`: raw bit by lock (None: no usable value). `accepted`: of an unlock only."""

    bits: Mapping[int, bool | None] = field(default_factory=lambda: MappingProxyType({}))
    accepted: bool | None = None
    reason: str = ""  # of a refusal: failed | cooldown | busy | exception-NN
    items: Mapping[int, bool] = field(default_factory=lambda: MappingProxyType({}))
    values: tuple[int, ...] = ()  # registers


class EncodeError(ValueError):
    """Arguments that must never become a frame: `reason` is "range" or "forbidden"."""

    def __init__(self, reason: Literal["range", "forbidden"], message: str) -> None:
        super().__init__(message)
        self.reason = reason


class Codec(Protocol):
    """One board's grammar: the family's frames with this board's address and options."""

    @property
    def family(self) -> Family: ...

    @property
    def board(self) -> int: ...

    @property
    def locks(self) -> int | None:
        """How many the board has; None: not known yet (WKLY tells by its answer)."""

    def open(self, lock: int, pulse_ms: int) -> Request:
        """The one frame that fires one lock. `pulse_ms` matters only where the board takes the time from us."""

    def reads(self) -> tuple[Request, ...]:
        """What reads every door once; empty where the board has no inputs. Several only where a read has one lock."""

    def read(self, lock: int) -> Request | None:
        """The read that shows this lock soonest."""

    def liveness(self) -> Request:
        """A read whose request never equals its answer; the first exchange after every connect (2.4)."""

    def safe_state(self) -> tuple[Request, ...]:
        """Every coil off; empty: the family has no such command."""

    def checks(self) -> tuple[Request, ...]:
        """Family checks at start (3.6); their answers go to `fault`."""

    def fault(self, request: Request, answer: Answer) -> str | None:
        """Why the board must not go on line, by the answer to one of `checks`."""

    def firmware(self, request: Request, answer: Answer) -> str | None:
        """The version that the answer to one of `checks` reports."""

    def stamp(self, request: Request, number: int) -> Request:
        """The request with its transaction number (modbus-tcp); the same request elsewhere. `number` wraps at 65536."""

    def look(self, buffer: bytes, pending: Request | None, *, silent: bool) -> Look:
        """What stands at the front of the buffer. `silent`: the line was quiet, nothing more belongs to it."""

    def sort(self, frame: bytes, pending: Request | None) -> Sorted:
        """Whose frame it is. Without a pending request a frame that is no push is Foreign("command")."""

    def answer(self, frame: bytes, request: Request) -> Answer:
        """What a reply to `request` says."""

    def learn(self, answers: tuple[bytes, bytes]) -> "Codec":
        """The codec after two whole-board answers at connect: lengths and lock counts that only the board knows."""

    def followup(self, request: Request) -> Request | None:
        """What to send after `request` whether answered or not; its own answer may stay away (3.1 busy_reset)."""

    def open_all(self, locks: tuple[int, ...]) -> Request | None:
        """The frame that fires exactly these locks in turn inside the board; None unless native_open_all=1."""

    def hint(self, refused: bytes) -> str | None:
        """Which other driver or option would read these refused bytes as answers of this board (3.3, 3.6, 3.8)."""
