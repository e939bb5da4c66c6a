"""Boards with frames `90 06 …` (lock-boards.md 3.8). There is no check value: only the comparisons guard a door."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar, Literal

from openharbor.boards.protocols.arguments import NO_OPTIONS, Arguments, Builder, Options, build, number
from openharbor.boards.protocols.board_codec import BoardCodec, holds_frame
from openharbor.boards.protocols.codec import Answer, Family, More, NoFrame, Request
from openharbor.boards.protocols.families import WINNSEN
from openharbor.boards.protocols.frames import Frame, Lengths, Parsed

HEAD, END = 0x90, 0x03
REQUEST, ANSWER = 6, 7  # whole lengths, as the frames say themselves
OPENED, SHOWN = 0x85, 0x92
RESULTS = {0: "failed", 1: "ok", 2: "cooldown"}

StatusOrder = Literal["status_first", "lock_first"]


def _on_lock(code: int) -> Builder:
    def builder(args: Arguments, _: Options) -> bytes:
        board, lock = number(args, "board", WINNSEN.boards), number(args, "lock", WINNSEN.locks)
        return bytes([HEAD, REQUEST, code, board, lock, END])

    return builder


COMMANDS: Mapping[str, Builder] = {"open": _on_lock(0x05), "lock_status": _on_lock(0x12)}


def encode(command: str, args: Arguments, options: Options = NO_OPTIONS) -> bytes:
    """The frame of a command. Raises EncodeError "range" or "forbidden"."""
    return build(WINNSEN.name, COMMANDS, command, args, options)


def parse(frame: bytes, status_order: StatusOrder = "status_first") -> Parsed:
    """What a whole frame says, or the first reason against it."""
    if frame[:1] != bytes([HEAD]):
        return NoFrame("head")
    if len(frame) != ANSWER or frame[1] != ANSWER:
        return NoFrame("length")
    if frame[2] not in (OPENED, SHOWN):
        return NoFrame("command")
    if frame[6] != END:
        return NoFrame("tail")
    lock_first = frame[2] == OPENED or status_order == "lock_first"
    lock, value = (frame[4], frame[5]) if lock_first else (frame[5], frame[4])
    if lock not in WINNSEN.locks or value not in (RESULTS if frame[2] == OPENED else (0, 1)):
        return NoFrame("value")
    if frame[2] == OPENED:
        return Frame("open_reply", frame[3], lock, result=RESULTS[value])
    return Frame("lock_status", frame[3], lock, bits=(value == 1,))


@dataclass(frozen=True, slots=True)
class Winnsen(BoardCodec):
    """One read shows one lock. `wired`: the locks whose doors can be read; without any there is nothing to read."""

    family: ClassVar[Family] = WINNSEN
    kinds: ClassVar[dict[str, str]] = {"open": "open_reply"}

    locks: int
    wired: tuple[int, ...]
    status_order: StatusOrder = "status_first"

    def encode(self, command: str, args: Arguments) -> bytes:
        return encode(command, args)

    def parse(self, frame: bytes) -> Parsed:
        return parse(frame, self.status_order)

    def lengths(self, buffer: bytes, pending: Request | None) -> Lengths:  # noqa: ARG002
        if buffer[0] != HEAD:
            return NoFrame("head")
        if len(buffer) < 2:
            return More()
        return (ANSWER,) if buffer[1] == ANSWER else NoFrame("length")

    def open(self, lock: int, pulse_ms: int) -> Request:  # noqa: ARG002 - the board times the pulse
        return self.request("open", lock)

    def reads(self) -> tuple[Request, ...]:
        return tuple(self.request("lock_status", lock) for lock in self.wired)

    def read(self, lock: int) -> Request | None:
        return self.request("lock_status", lock) if lock in self.wired else None

    def liveness(self) -> Request:
        return self.request("lock_status", 1)

    def hint(self, refused: bytes) -> str | None:
        other: StatusOrder = "lock_first" if self.status_order == "status_first" else "status_first"
        return f"answers fit status_order={other}" if holds_frame(replace(self, status_order=other), refused) else None

    def read_answer(self, frame: Frame, request: Request) -> Answer:  # noqa: ARG002 - the frame says it all
        if frame.kind == "open_reply":
            accepted = frame.result == "ok"
            return Answer(accepted=accepted, reason="" if accepted else frame.result)
        return Answer(bits={frame.lock or 0: frame.bits[0]})
