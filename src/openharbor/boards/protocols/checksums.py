"""Check values of lock-board frames: one for a family, and no alternative is ever tried (lock-boards.md 2.2.7)."""

from functools import reduce
from operator import xor


def sum8(data: bytes) -> bytes:
    """Low byte of the sum (Kerong)."""
    return bytes([sum(data) & 0xFF])


def xor8(data: bytes) -> bytes:
    """Exclusive or of all bytes (8A/80 and WKLY)."""
    return bytes([reduce(xor, data, 0)])


def crc16(data: bytes) -> bytes:
    """Modbus CRC: reflected polynomial A001, start FFFF, low byte first (lock-boards.md 3.6)."""
    register = 0xFFFF
    for byte in data:
        register = (register >> 8) ^ _CRC[(register ^ byte) & 0xFF]
    return register.to_bytes(2, "little")


def _crc_step(register: int) -> int:
    for _ in range(8):
        register = (register >> 1) ^ (0xA001 if register & 1 else 0)
    return register


_CRC = tuple(_crc_step(byte) for byte in range(256))
