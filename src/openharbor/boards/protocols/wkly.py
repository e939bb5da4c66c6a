"""WKLY boards: frames that begin with 57 4B 4C 59 (lock-boards.md 3.5). The only family that pushes door changes."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar, Self

from openharbor.boards.protocols.arguments import (
    NO_OPTIONS,
    Arguments,
    Builder,
    Options,
    build,
    number,
    numbers,
)
from openharbor.boards.protocols.board_codec import BoardCodec
from openharbor.boards.protocols.checksums import xor8
from openharbor.boards.protocols.codec import Answer, Family, More, NoFrame, Request
from openharbor.boards.protocols.families import WKLY
from openharbor.boards.protocols.frames import PUSH, Frame, Lengths, Parsed, by_lock

START = b"WKLY"
SHORTEST, LONGEST = 8, 10 + WKLY.locks[-1]
DONE, FAILED = 0x00, 0xFF
DOORS = {0x00: False, 0x01: True}  # any other value is no usable one

# Code: kind of the answer, and its data: s status, l lock, d door, and "all" for status, count, doors.
SHAPES = {
    0x80: ("open_together_reply", "s"),
    0x81: ("light_reply", "sl"),
    0x82: ("open_reply", "sld"),
    0x83: ("lock_status", "sld"),
    0x84: ("status", "all"),
    0x85: (PUSH, "ld"),
    0x86: ("open_all_reply", "s"),
    0x87: ("open_sequence_reply", "s"),
    0x88: ("channel_on_reply", "sl"),
    0x89: ("channel_off_reply", "sl"),
}


def _frame(args: Arguments, code: int, data: bytes = b"") -> bytes:
    board = number(args, "board", WKLY.boards)
    body = START + bytes([SHORTEST + len(data), board, code]) + data
    return body + xor8(body)


def _plain(code: int) -> Builder:
    return lambda args, _: _frame(args, code)


def _on_lock(code: int) -> Builder:
    return lambda args, _: _frame(args, code, bytes([number(args, "lock", WKLY.locks)]))


def _open_sequence(args: Arguments, options: Options) -> bytes:
    locks = numbers(args, "locks", WKLY.locks)
    counted = options.get("sequence_count", True)
    return _frame(args, 0x87, bytes([len(locks), *locks] if counted else locks))


COMMANDS: Mapping[str, Builder] = {
    "open": _on_lock(0x82),
    "lock_status": _on_lock(0x83),
    "status": _plain(0x84),
    "open_all": _plain(0x86),
    "open_sequence": _open_sequence,
    "locate_light": _on_lock(0x81),
    "channel_off": _on_lock(0x89),
}


def encode(command: str, args: Arguments, options: Options = NO_OPTIONS) -> bytes:
    """The frame of a command. Raises EncodeError "range" or "forbidden"."""
    return build(WKLY.name, COMMANDS, command, args, options)


def parse(frame: bytes) -> Parsed:
    """What a whole frame says, or the first reason against it."""
    if frame[:4] != START:
        return NoFrame("head")
    if len(frame) > 6 and frame[6] not in SHAPES:
        return NoFrame("command")
    if len(frame) < SHORTEST or frame[4] != len(frame):
        return NoFrame("length")
    kind, shape = SHAPES[frame[6]]
    refusal = _refuse_data(shape, frame[7:-1])
    if refusal:
        return refusal
    if xor8(frame[:-1]) != frame[-1:]:
        return NoFrame("checksum")
    return _read(kind, shape, frame[5], frame[7:-1])


def _refuse_data(shape: str, data: bytes) -> NoFrame | None:
    if _is_short_failure(shape, data):
        return None
    if shape != "all":
        return None if len(data) == len(shape) else NoFrame("length")
    if len(data) < 2:
        return NoFrame("length")
    return None if data[1] == len(data) - 2 else NoFrame("value")


def _is_short_failure(shape: str, data: bytes) -> bool:
    """A failure may be the status byte alone; where that is the shape of a request too, only as FF (3.5)."""
    if shape == "all":
        return len(data) == 1 and data[0] != DONE
    return shape == "sld" and data == bytes([FAILED])


def _read(kind: str, shape: str, board: int, data: bytes) -> Frame:
    if _is_short_failure(shape, data):
        return Frame(kind, board, ok=False)
    if shape == "all":
        return Frame(kind, board, ok=data[0] == DONE, bits=tuple(DOORS.get(door) for door in data[2:]))
    fields = dict(zip(shape, data, strict=True))
    return Frame(
        kind,
        board,
        lock=fields.get("l"),
        ok=fields["s"] == DONE if "s" in fields else None,
        bits=(DOORS.get(fields["d"]),) if "d" in fields else (),
    )


@dataclass(frozen=True, slots=True)
class Wkly(BoardCodec):
    """`locks` is learnt from the answer when it is not given; until then the safe state reaches no channel."""

    family: ClassVar[Family] = WKLY
    kinds: ClassVar[dict[str, str]] = {
        "open": "open_reply",
        "open_all": "open_all_reply",
        "open_sequence": "open_sequence_reply",
        "locate_light": "light_reply",
        "channel_off": "channel_off_reply",
    }

    sequence_count: bool = True
    native_open_all: bool = False

    def encode(self, command: str, args: Arguments) -> bytes:
        return encode(command, args)

    def parse(self, frame: bytes) -> Parsed:
        return parse(frame)

    def lengths(self, buffer: bytes, pending: Request | None) -> Lengths:  # noqa: ARG002
        if not START.startswith(buffer[:4]):
            return NoFrame("head")
        if len(buffer) < 5:
            return More()
        return (buffer[4],) if SHORTEST <= buffer[4] <= LONGEST else NoFrame("length")

    def open(self, lock: int, pulse_ms: int) -> Request:  # noqa: ARG002 - the board times the pulse
        return self.request("open", lock)

    def reads(self) -> tuple[Request, ...]:
        return (self.request("status"),)

    def read(self, lock: int) -> Request:
        return self.request("lock_status", lock)

    def liveness(self) -> Request:
        return self.request("status")

    def safe_state(self) -> tuple[Request, ...]:
        return tuple(self.request("channel_off", lock) for lock in range(1, (self.locks or 0) + 1))

    def open_all(self, locks: tuple[int, ...]) -> Request | None:
        """87 with the very locks, never 86. Its answer comes after the last one: 1 s for each (3.5)."""
        if not self.native_open_all:
            return None
        args: Arguments = {"board": self.board, "locks": locks}
        data = encode("open_sequence", args, {"sequence_count": self.sequence_count})
        return Request("open_sequence", self.board, data, answer_ms=WKLY.unlock_ms + 1000 * len(locks))

    def learn(self, answers: tuple[bytes, bytes]) -> Self:
        """The lock count, when two answers agree on it."""
        counts = {len(parsed.bits) for parsed in map(parse, answers) if isinstance(parsed, Frame) and parsed.ok}
        if self.locks is not None or len(counts) != 1 or not all(counts):
            return self
        return replace(self, locks=counts.pop())

    def read_answer(self, frame: Frame, request: Request) -> Answer:
        opens = request.command in ("open", "open_sequence")
        reason = "" if frame.ok else "failed"
        return Answer(self._bits(frame, request), accepted=frame.ok if opens else None, reason=reason)

    def _bits(self, frame: Frame, request: Request) -> dict[int, bool | None]:
        """Doors of a failed read are not believed; a failed open still shows its door."""
        if frame.kind == "status":
            return by_lock(frame.bits, self.locks) if frame.ok else dict.fromkeys(range(1, (self.locks or 0) + 1))
        if request.lock is None or frame.kind not in ("lock_status", "open_reply"):
            return {}
        believed = frame.bits if frame.ok or frame.kind == "open_reply" else (None,)
        return {request.lock: believed[0]} if believed else {}
