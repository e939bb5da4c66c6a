"""The check value of Modbus RTU (lock-boards.md 3.6)."""


def crc16(data: bytes) -> bytes:
    """Polynomial A001, start FFFF; low byte first."""
    value = 0xFFFF
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = (value >> 1) ^ 0xA001 if value & 1 else value >> 1
    return value.to_bytes(2, "little")
