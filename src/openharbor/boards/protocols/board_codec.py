"""What all codecs share: look and sort by a parser, and defaults for what most families do not have."""

# The defaults ignore their arguments; the names belong to the Codec protocol.
# ruff: noqa: ARG002

from abc import ABC, abstractmethod
from dataclasses import dataclass
from types import MappingProxyType
from typing import ClassVar, Self

from openharbor.boards.protocols.arguments import Arguments, within
from openharbor.boards.protocols.codec import Answer, Family, Foreign, Found, Look, NoFrame, Push, Request, Sorted
from openharbor.boards.protocols.frames import PUSH, Frame, Lengths, Parsed, compare, first_fit


@dataclass(frozen=True, slots=True)
class BoardCodec(ABC):
    """One board's grammar. `locks` None: not known yet (WKLY tells by its answer)."""

    family: ClassVar[Family]
    kinds: ClassVar[dict[str, str]] = {}  # command -> kind of its answer, where the names differ

    board: int
    locks: int | None

    @abstractmethod
    def encode(self, command: str, args: Arguments) -> bytes:
        """The frame of a command named as in the vectors. Raises EncodeError."""

    @abstractmethod
    def parse(self, frame: bytes) -> Parsed:
        """What a whole frame says, or the first reason against it: head, command, length, tail or value, checksum."""

    @abstractmethod
    def lengths(self, buffer: bytes, pending: Request | None) -> Lengths:
        """How long a frame at the front of a buffer of one byte or more would be."""

    @abstractmethod
    def open(self, lock: int, pulse_ms: int) -> Request:
        """The one frame that fires one lock."""

    @abstractmethod
    def reads(self) -> tuple[Request, ...]:
        """What reads every door once."""

    @abstractmethod
    def read(self, lock: int) -> Request | None:
        """The read that shows this lock soonest."""

    @abstractmethod
    def liveness(self) -> Request:
        """A read whose request never equals its answer (2.4)."""

    def request(self, command: str, lock: int | None = None, **match: int) -> Request:
        args = {self.family.address_name: self.board, **match}
        if lock is not None:
            highest = self.locks or self.family.locks[-1]
            args["lock"] = within("lock", lock, range(self.family.locks.start, highest + 1))
        return Request(command, self.board, self.encode(command, args), lock, MappingProxyType(match))

    def look(self, buffer: bytes, pending: Request | None, *, silent: bool) -> Look:
        return first_fit(buffer, self.lengths(buffer, pending), self.parse, silent=silent)

    def sort(self, frame: bytes, pending: Request | None) -> Sorted:
        parsed = self.parse(frame)
        if isinstance(parsed, NoFrame):
            return Foreign("command")
        if parsed.kind == PUSH and parsed.lock is not None:
            return Push(parsed.board, parsed.lock, parsed.bits[0])
        return Foreign("command") if pending is None else self.compare(parsed, pending)

    def compare(self, frame: Frame, pending: Request) -> Sorted:
        return compare(frame, pending, self.kinds.get(pending.command, pending.command))

    def safe_state(self) -> tuple[Request, ...]:
        return ()

    def checks(self) -> tuple[Request, ...]:
        return ()

    def fault(self, request: Request, answer: Answer) -> str | None:
        return None

    def firmware(self, request: Request, answer: Answer) -> str | None:
        return None

    def stamp(self, request: Request, number: int) -> Request:
        return request

    def learn(self, answers: tuple[bytes, bytes]) -> Self:
        return self

    def followup(self, request: Request) -> Request | None:
        return None

    def open_all(self, locks: tuple[int, ...]) -> Request | None:
        return None

    def hint(self, refused: bytes) -> str | None:
        return None

    def answer(self, frame: bytes, request: Request) -> Answer:
        parsed = self.parse(frame)
        return Answer() if isinstance(parsed, NoFrame) else self.read_answer(parsed, request)

    @abstractmethod
    def read_answer(self, frame: Frame, request: Request) -> Answer:
        """What a frame that answers `request` says."""


def holds_frame(codec: BoardCodec, data: bytes) -> bool:
    """Whether a whole frame of this very board stands anywhere in `data`."""
    return any(_is_frame(codec, data[at:]) for at in range(len(data)))


def _is_frame(codec: BoardCodec, data: bytes) -> bool:
    found = codec.look(data, None, silent=True)
    if not isinstance(found, Found):
        return False
    parsed = codec.parse(data[: found.length])
    return isinstance(parsed, Frame) and parsed.board == codec.board
