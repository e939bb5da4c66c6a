"""Boards with heads 8A and 80 (lock-boards.md 3.4). Frames end by silence; single and all answers share a head."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar, Self

from openharbor.boards.protocols.arguments import NO_OPTIONS, Arguments, Builder, Options, build, number
from openharbor.boards.protocols.board_codec import BoardCodec
from openharbor.boards.protocols.checksums import xor8
from openharbor.boards.protocols.codec import Answer, Family, Look, More, NoFrame, Request
from openharbor.boards.protocols.families import XOR8A80
from openharbor.boards.protocols.frames import Frame, Lengths, Parsed, by_lock, first_fit, low_bits_first

ACT, ASK = 0x8A, 0x80
ON, OFF, ALL = 0x11, 0x00, 0x33
AROUND = 4  # bytes of an all-answer beside its status bytes
STATUS_BYTES = range(2, 8)  # one status byte only by setting: an echoed query has its shape (2.4)
OPEN_ALL_MS = 12_000


def _boards(options: Options) -> range:
    return range(1, int(options.get("board_max") or XOR8A80.boards[-1]) + 1)


def _on_board(head: int, code: int) -> Builder:
    def builder(args: Arguments, options: Options) -> bytes:
        return _sealed(head, number(args, "board", _boards(options)), 0, code)

    return builder


def _on_lock(head: int, code: int) -> Builder:
    """Lock 0 means every lock: refused here like any other number out of range."""

    def builder(args: Arguments, options: Options) -> bytes:
        lock = number(args, "lock", XOR8A80.locks)
        return _sealed(head, number(args, "board", _boards(options)), lock, code)

    return builder


def _sealed(*body: int) -> bytes:
    return bytes(body) + xor8(bytes(body))


COMMANDS: Mapping[str, Builder] = {
    "open": _on_lock(ACT, ON),
    "open_all": _on_board(ACT, ON),
    "lock_status": _on_lock(ASK, ALL),
    "status": _on_board(ASK, ALL),
    "query_board_address": lambda _args, _options: _sealed(ASK, 1, 0, 0x99),
}


def encode(command: str, args: Arguments, options: Options = NO_OPTIONS) -> bytes:
    """The frame of a command. Raises EncodeError "range" or "forbidden"."""
    return build(XOR8A80.name, COMMANDS, command, args, options)


def parse(frame: bytes, status_bytes: int | None = None) -> Parsed:
    """What a whole frame says, or the first reason against it. `status_bytes`: the one length of all-answers."""
    if frame[:1] not in (bytes([ACT]), bytes([ASK])):
        return NoFrame("head")
    one_byte = status_bytes == 1 and len(frame) == 5 and frame[0] == ASK and frame[3] == ALL
    if len(frame) == 5 and not one_byte:
        return _parse_single(frame)
    count = len(frame) - AROUND
    if frame[0] != ASK or not (one_byte or count in STATUS_BYTES) or status_bytes not in (None, count):
        return NoFrame("length")
    if frame[-2] != ALL:
        return NoFrame("tail")
    if xor8(frame[:-1]) != frame[-1:]:
        return NoFrame("checksum")
    return Frame("status", frame[1], bits=low_bits_first(frame[-3:1:-1]))


def _parse_single(frame: bytes) -> Parsed:
    head, board, lock, value = frame[:4]
    if value not in (ON, OFF):
        return NoFrame("value")
    if xor8(frame[:-1]) != frame[-1:]:
        return NoFrame("checksum")
    if head == ACT and lock == 0:
        return Frame("open_all_reply", board)
    return Frame("open_reply" if head == ACT else "lock_status", board, lock, bits=(value == ON,))


@dataclass(frozen=True, slots=True)
class Xor8A80(BoardCodec):
    """`status_bytes` None: not learnt yet. The value in an unlock answer is the door, neither success nor failure."""

    family: ClassVar[Family] = XOR8A80
    kinds: ClassVar[dict[str, str]] = {"open": "open_reply", "open_all": "open_all_reply"}

    locks: int
    status_bytes: int | None = None
    board_max: int | None = None
    native_open_all: bool = False

    def encode(self, command: str, args: Arguments) -> bytes:
        return encode(command, args, {"board_max": self.board_max})

    def parse(self, frame: bytes) -> Parsed:
        return parse(frame, self.status_bytes)

    def lengths(self, buffer: bytes, pending: Request | None) -> Lengths:
        """Judged at silence only: what silence closed comes first, for the answer that is waited for."""
        if buffer[0] == ACT:
            return (5,)
        if buffer[0] != ASK:
            return NoFrame("head")
        counts = [self.status_bytes] if self.status_bytes else list(STATUS_BYTES)
        alls = sorted((AROUND + count for count in counts), key=lambda length: (length != len(buffer), length))
        asked_all = pending is not None and pending.command == "status"
        return (*alls, 5) if asked_all else (5, *alls)

    def look(self, buffer: bytes, pending: Request | None, *, silent: bool) -> Look:
        if not silent:
            return More()
        return first_fit(buffer, self.lengths(buffer, pending), self.parse, silent=True)

    def open(self, lock: int, pulse_ms: int) -> Request:  # noqa: ARG002 - the board times the pulse
        return self.request("open", lock)

    def reads(self) -> tuple[Request, ...]:
        return (self.request("status"),)

    def read(self, lock: int) -> Request:
        return self.request("lock_status", lock)

    def liveness(self) -> Request:
        return self.request("status")

    def open_all(self, locks: tuple[int, ...]) -> Request | None:
        """The frame fires every lock of the board, so every lock must be asked for. Answered after the last one."""
        if not self.native_open_all or set(locks) != set(range(1, self.locks + 1)):
            return None
        return replace(self.request("open_all"), answer_ms=OPEN_ALL_MS)

    def learn(self, answers: tuple[bytes, bytes]) -> Self:
        """The number of status bytes, from two equal answers; from then on no other is accepted."""
        first, second = answers
        parsed = self.parse(first)
        if self.status_bytes or first != second or not isinstance(parsed, Frame) or parsed.kind != "status":
            return self
        return replace(self, status_bytes=len(first) - AROUND)

    def read_answer(self, frame: Frame, request: Request) -> Answer:
        bits = by_lock(frame.bits, self.locks) if frame.lock is None else {frame.lock: frame.bits[0]}
        return Answer(bits=bits, accepted=True if request.command in ("open", "open_all") else None)
