"""Waveshare relay boards with Modbus RTU frames, on serial lines and inside TCP streams (lock-boards.md 3.6)."""

from dataclasses import dataclass
from typing import ClassVar

from openharbor.boards.protocols.arguments import NO_OPTIONS, Arguments, Options, build
from openharbor.boards.protocols.checksums import crc16
from openharbor.boards.protocols.codec import Family, More, NoFrame, Request
from openharbor.boards.protocols.families import WAVESHARE
from openharbor.boards.protocols.frames import Lengths, Parsed
from openharbor.boards.protocols.modbus import holds_header_frame
from openharbor.boards.protocols.relays import PDUS, RelayBoard, pdu_length, read_pdu, unit_of


def encode(command: str, args: Arguments, options: Options = NO_OPTIONS) -> bytes:
    """The frame of a command. Raises EncodeError "range" or "forbidden"."""
    pdu = build(WAVESHARE.name, PDUS, command, args, options)
    body = bytes([unit_of(command, args)]) + pdu
    return body + crc16(body)


@dataclass(frozen=True, slots=True)
class Waveshare(RelayBoard):
    """`unit function data CRC`; the end follows from the function code."""

    family: ClassVar[Family] = WAVESHARE

    def encode(self, command: str, args: Arguments) -> bytes:
        return encode(command, args, {"locks": self.locks})

    def command(self, name: str, lock: int | None = None, **match: int) -> Request:
        return self.request(name, lock, **match)

    def parse(self, frame: bytes) -> Parsed:
        if frame and frame[0] not in WAVESHARE.boards:
            return NoFrame("head")
        length = pdu_length(frame[1:]) if len(frame) > 1 else More()
        if isinstance(length, NoFrame):
            return length
        if isinstance(length, More) or len(frame) != length + 3:
            return NoFrame("length")
        if crc16(frame[:-2]) != frame[-2:]:
            return NoFrame("checksum")
        return read_pdu(frame[0], frame[1:-2])

    def lengths(self, buffer: bytes, pending: Request | None) -> Lengths:  # noqa: ARG002
        if buffer[0] not in WAVESHARE.boards:
            return NoFrame("head")
        length = pdu_length(buffer[1:]) if len(buffer) > 1 else More()
        return (length + 3,) if isinstance(length, int) else length

    def hint(self, refused: bytes) -> str | None:
        if not holds_header_frame(refused, self.board):
            return None
        return "the adapter sends Modbus-TCP frames: use the driver modbus-tcp"
