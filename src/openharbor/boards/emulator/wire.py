"""What a family's grammar gives: requests out of bytes, answers out of the model."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from openharbor.boards.emulator.board import Board


@dataclass(frozen=True, slots=True)
class Request:
    """A whole valid frame from the driver, its command named as in the vectors.

    `board` None: every board on the line. `lock` counts from 1. `never`: why a driver must not send this frame, or
    empty. `shared`: boards answer a broadcast one after another.
    """

    command: str
    board: int | None
    frame: bytes
    lock: int | None = None
    locks: tuple[int, ...] = ()
    value: int = 0
    first: int = 0  # Modbus: register or input address
    never: str = ""
    unlocks: bool = False
    tid: int = 0


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer that will be made when it is sent, so that it tells the state of that moment."""

    after_ms: float
    make: Callable[[], bytes]


class Wire(Protocol):
    """One family's frames, as lock-boards.md section 3 gives them."""

    def cut(self, buffer: bytes) -> tuple[int, Request | None]:
        """How many bytes at the front are settled, and the request they are (None: noise). (0, None): wait for more."""

    def answer(self, request: Request, board: Board) -> Reply | None:
        """Lets the board act on a request; None: it says nothing."""

    def damaged(self, reply: bytes) -> bytes:
        """The reply with a wrong check value."""

    def from_board(self, reply: bytes, board: int) -> bytes:
        """The reply as another board would have sent it."""

    def about_lock(self, reply: bytes, lock: int) -> bytes:
        """The reply with another lock number; unchanged where it has none."""

    def in_other_framing(self, reply: bytes) -> bytes:
        """The reply as the other mode of the adapter would frame it; unchanged where there is none."""

    def push(self, board: int, lock: int, bit: bool | None) -> bytes | None:
        """What a board sends by itself when an input changed; None: nothing."""


class Plain:
    """The parts that most families do not have."""

    def in_other_framing(self, reply: bytes) -> bytes:
        return reply

    def push(self, board: int, lock: int, bit: bool | None) -> bytes | None:  # noqa: ARG002
        return None


def packed(bits: list[bool | None], size: int) -> bytes:
    """Bits as bytes, the first in bit 0 of the first byte; what has no usable value reads 0."""
    data = bytearray(size)
    for position, bit in enumerate(bits[: size * 8]):
        if bit:
            data[position // 8] |= 1 << position % 8
    return bytes(data)


def summed(body: bytes) -> bytes:
    """The body with the low byte of its sum behind it."""
    return body + bytes([sum(body) & 0xFF])


def xored(body: bytes) -> bytes:
    """The body with the XOR of its bytes behind it."""
    check = 0
    for byte in body:
        check ^= byte
    return body + bytes([check])


def crc16(body: bytes) -> bytes:
    """CRC-16 of Modbus: polynomial A001 reflected, start FFFF, low byte first."""
    register = 0xFFFF
    for byte in body:
        register ^= byte
        for _ in range(8):
            register = register >> 1 ^ 0xA001 if register & 1 else register >> 1
    return register.to_bytes(2, "little")


def replaced(frame: bytes, position: int, value: int) -> bytes:
    """The frame with one byte exchanged."""
    return frame[:position] + bytes([value & 0xFF]) + frame[position + 1 :]
