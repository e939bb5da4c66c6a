"""Kerong boards: KR-CU12 and CU16, CU24, CU48 (lock-boards.md 3.1 to 3.3). Locks on the wire start at 0."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar, Literal

from openharbor.boards.protocols.arguments import NO_OPTIONS, Arguments, Builder, Options, build, number
from openharbor.boards.protocols.board_codec import BoardCodec, holds_frame
from openharbor.boards.protocols.checksums import sum8
from openharbor.boards.protocols.codec import Answer, Family, More, NoFrame, Request
from openharbor.boards.protocols.families import CU16, CU24, CU48
from openharbor.boards.protocols.frames import Frame, Lengths, Parsed, by_lock, low_bits_first

HEAD, END = 0x02, 0x03
CU16_ANSWERS = {0x35: "status", 0x36: "status_all_boards"}
EVERY_BOARD = 0xF0

ReplyLayout = Literal["count", "etx"]


def _sealed(*body: int) -> bytes:
    return bytes(body) + sum8(bytes(body))


def _sound(frame: bytes) -> bool:
    return sum8(frame[:-1]) == frame[-1:]


def _short(code: int, *, fires: bool = False) -> Builder:
    """A CU16 command: the board stands in the high nibble, the lock in the low."""

    def builder(args: Arguments, _: Options) -> bytes:
        lock = number(args, "lock", CU16.locks) - 1 if fires else 0
        return _sealed(HEAD, number(args, "board", CU16.boards) << 4 | lock, code, END)

    return builder


def _long(family: Family, code: int, *, fires: bool = False) -> Builder:
    def builder(args: Arguments, _: Options) -> bytes:
        lock = number(args, "lock", family.locks) - 1 if fires else 0
        return _sealed(HEAD, number(args, "board", family.boards), lock, code, END)

    return builder


CU16_COMMANDS: Mapping[str, Builder] = {
    "status": _short(0x30),
    "open": _short(0x31, fires=True),
    "open_all": _short(0x33),
    "status_every_board": lambda _args, _options: _sealed(HEAD, EVERY_BOARD, 0x32, END),
    "busy_reset": _short(0x38),
}
CU24_COMMANDS: Mapping[str, Builder] = {
    "status": _long(CU24, 0x50),
    "open": _long(CU24, 0x51, fires=True),
}
CU48_COMMANDS: Mapping[str, Builder] = {
    "status": _long(CU48, 0x60),
    "open": _long(CU48, 0x61, fires=True),
}
COMMANDS = {CU16.name: CU16_COMMANDS, CU24.name: CU24_COMMANDS, CU48.name: CU48_COMMANDS}


def encode(family: Family, command: str, args: Arguments, options: Options = NO_OPTIONS) -> bytes:
    """The frame of a command of CU16, CU24 or CU48. Raises EncodeError "range" or "forbidden"."""
    return build(family.name, COMMANDS[family.name], command, args, options)


@dataclass(frozen=True, slots=True)
class _Kerong(BoardCodec):
    """Every read is the status of the whole board."""

    locks: int

    def encode(self, command: str, args: Arguments) -> bytes:
        return encode(self.family, command, args)

    def open(self, lock: int, pulse_ms: int) -> Request:  # noqa: ARG002 - the board times the pulse
        return self.request("open", lock)

    def reads(self) -> tuple[Request, ...]:
        return (self.request("status"),)

    def read(self, lock: int) -> Request:  # noqa: ARG002 - one read shows every lock
        return self.request("status")

    def liveness(self) -> Request:
        return self.request("status")

    def read_answer(self, frame: Frame, request: Request) -> Answer:
        return Answer(
            bits=by_lock(frame.bits, self.locks),
            accepted=True if request.command == "open" else None,
            items=dict(enumerate(frame.items[: self.locks], start=1)),
        )


@dataclass(frozen=True, slots=True)
class Cu16(_Kerong):
    """CU12 and CU16. The answer to an open is a status frame, late or missing; it may carry the lock nibble."""

    family: ClassVar[Family] = CU16
    kinds: ClassVar[dict[str, str]] = {"open": "status"}

    busy_reset: bool = False

    def parse(self, frame: bytes) -> Parsed:
        if frame[:1] != bytes([HEAD]):
            return NoFrame("head")
        if len(frame) > 2 and frame[2] not in CU16_ANSWERS:
            return NoFrame("command")
        if len(frame) != 9:
            return NoFrame("length")
        if frame[7] != END:
            return NoFrame("tail")
        if not _sound(frame):
            return NoFrame("checksum")
        bits, items = low_bits_first(frame[3:5]), low_bits_first(frame[5:7])
        return Frame(CU16_ANSWERS[frame[2]], frame[1] >> 4, bits=bits, items=items)

    def lengths(self, buffer: bytes, pending: Request | None) -> Lengths:  # noqa: ARG002
        if buffer[0] != HEAD:
            return NoFrame("head")
        if len(buffer) < 3:
            return More()
        return (9,) if buffer[2] in CU16_ANSWERS else NoFrame("command")

    def followup(self, request: Request) -> Request | None:
        """One field program frees the board after each unlock this way (3.1)."""
        return self.request("busy_reset") if self.busy_reset and request.command == "open" else None


@dataclass(frozen=True, slots=True)
class Cu24(_Kerong):
    """Bytes 7 to 10 of the answer are not explained by any source and are ignored (3.2)."""

    family: ClassVar[Family] = CU24
    kinds: ClassVar[dict[str, str]] = {"open": "status"}

    def parse(self, frame: bytes) -> Parsed:
        refusal = _refuse_long(frame, 0x65, (12,))
        if refusal:
            return refusal
        if not _sound(frame):
            return NoFrame("checksum")
        return Frame("status", frame[1], bits=low_bits_first(frame[4:7]))

    def lengths(self, buffer: bytes, pending: Request | None) -> Lengths:  # noqa: ARG002
        if buffer[0] != HEAD:
            return NoFrame("head")
        if len(buffer) < 4:
            return More()
        return (12,) if buffer[3] == 0x65 else NoFrame("command")


@dataclass(frozen=True, slots=True)
class Cu48(_Kerong):
    """Two lengths under one answer code; two readings of the status answer, chosen by `reply_layout` alone (3.3)."""

    family: ClassVar[Family] = CU48
    kinds: ClassVar[dict[str, str]] = {"open": "open_ack"}

    reply_layout: ReplyLayout = "count"

    def parse(self, frame: bytes) -> Parsed:
        refusal = _refuse_long(frame, 0x75, (6, 12)) or self._refuse_layout(frame)
        if refusal:
            return refusal
        if not _sound(frame):
            return NoFrame("checksum")
        if len(frame) == 6:
            return Frame("open_ack", frame[1], frame[2] + 1)
        data = frame[4:10] if self.reply_layout == "etx" else frame[5:11]
        return Frame("status", frame[1], bits=low_bits_first(data))

    def _refuse_layout(self, frame: bytes) -> NoFrame | None:
        if len(frame) == 6:
            return None if frame[4] == 0x00 else NoFrame("value")
        if self.reply_layout == "etx":
            return None if frame[10] == END else NoFrame("tail")
        return None if frame[4] == 0x06 else NoFrame("value")

    def hint(self, refused: bytes) -> str | None:
        other: ReplyLayout = "etx" if self.reply_layout == "count" else "count"
        return f"answers fit reply_layout={other}" if holds_frame(replace(self, reply_layout=other), refused) else None

    def lengths(self, buffer: bytes, pending: Request | None) -> Lengths:
        if buffer[0] != HEAD:
            return NoFrame("head")
        if len(buffer) > 3 and buffer[3] != 0x75:
            return NoFrame("command")
        if len(buffer) < 5:
            return More()
        if self.reply_layout == "count":
            length = {0x06: 12, 0x00: 6}.get(buffer[4])
            return (length,) if length else NoFrame("value")
        return (6, 12) if pending and pending.command == "open" else (12, 6)


def _refuse_long(frame: bytes, code: int, lengths: tuple[int, ...]) -> NoFrame | None:
    if frame[:1] != bytes([HEAD]):
        return NoFrame("head")
    if len(frame) > 3 and frame[3] != code:
        return NoFrame("command")
    return None if len(frame) in lengths else NoFrame("length")
