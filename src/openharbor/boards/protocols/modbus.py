"""The same relay boards behind the Modbus-TCP header (lock-boards.md 3.7): `tid 00 00 len unit PDU`, no check value."""

from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import ClassVar

from openharbor.boards.protocols.arguments import NO_OPTIONS, Arguments, Options, build, number
from openharbor.boards.protocols.codec import Broken, Family, Look, More, NoFrame, Request
from openharbor.boards.protocols.families import MODBUS_TCP
from openharbor.boards.protocols.frames import Frame, Lengths, Parsed
from openharbor.boards.protocols.relays import PDUS, RelayBoard, pdu_length, read_pdu, unit_of

HEADER = 6  # bytes before those that the length counts
LENGTHS = range(3, 255)
TRANSACTIONS = range(0x10000)


def encode(command: str, args: Arguments, options: Options = NO_OPTIONS) -> bytes:
    """The frame of a command. Raises EncodeError "range" or "forbidden"."""
    pdu = build(MODBUS_TCP.name, PDUS, command, args, options)
    body = bytes([unit_of(command, args)]) + pdu
    return number(args, "tid", TRANSACTIONS).to_bytes(2, "big") + b"\0\0" + len(body).to_bytes(2, "big") + body


def parse(frame: bytes) -> Parsed:
    """What a whole frame says, or the first reason against it."""
    whole = _whole(frame)
    if isinstance(whole, Broken):
        return NoFrame(whole.why)
    if isinstance(whole, More) or whole != len(frame):
        return NoFrame("length")
    length = pdu_length(frame[7:])
    if isinstance(length, NoFrame):
        return length
    if length != len(frame) - 7:
        return NoFrame("value")
    return read_pdu(frame[6], frame[7:], tid=frame[0] << 8 | frame[1])


def holds_header_frame(data: bytes, unit: int) -> bool:
    """Whether an answer of this unit stands anywhere in `data`: what an adapter in the wrong mode shows."""
    for at in range(len(data)):
        whole = _whole(data[at:])
        parsed = parse(data[at : at + whole]) if isinstance(whole, int) else None
        if isinstance(parsed, Frame) and parsed.board == unit:
            return True
    return False


def _whole(buffer: bytes) -> int | More | Broken:
    if len(buffer) >= 4 and buffer[2:4] != b"\0\0":
        return Broken("protocol", 4)
    if len(buffer) < HEADER:
        return More()
    length = buffer[4] << 8 | buffer[5]
    return HEADER + length if length in LENGTHS else Broken("length", HEADER)


@dataclass(frozen=True, slots=True)
class ModbusTcp(RelayBoard):
    """The transaction number makes late answers harmless; a header that makes no sense ends the connection."""

    family: ClassVar[Family] = MODBUS_TCP

    def encode(self, command: str, args: Arguments) -> bytes:
        return encode(command, args, {"locks": self.locks})

    def command(self, name: str, lock: int | None = None, **match: int) -> Request:
        return self.request(name, lock, tid=0, **match)

    def stamp(self, request: Request, number: int) -> Request:
        tid = number % len(TRANSACTIONS)
        match = MappingProxyType({**request.match, "tid": tid})
        return replace(request, data=tid.to_bytes(2, "big") + request.data[2:], match=match)

    def parse(self, frame: bytes) -> Parsed:
        return parse(frame)

    def lengths(self, buffer: bytes, pending: Request | None) -> Lengths:  # noqa: ARG002
        whole = _whole(buffer)
        if isinstance(whole, Broken):
            return NoFrame(whole.why)
        return (whole,) if isinstance(whole, int) else whole

    def look(self, buffer: bytes, pending: Request | None, *, silent: bool) -> Look:
        """The header frames the stream, so what is refused goes as a whole and never byte by byte."""
        whole = _whole(buffer)
        if isinstance(whole, Broken):
            return whole
        if isinstance(whole, More) or len(buffer) < whole:
            return NoFrame("length", len(buffer)) if silent else More()
        found = RelayBoard.look(self, buffer, pending, silent=silent)
        return replace(found, length=whole) if isinstance(found, NoFrame) else found

    def hint(self, refused: bytes) -> str | None:
        """A serial frame begins with unit and function where this one has its transaction number."""
        begins = len(refused) > 2 and refused[0] == self.board and isinstance(pdu_length(refused[1:]), int)
        return "the adapter sends serial frames: use the driver waveshare+tcp" if begins else None
