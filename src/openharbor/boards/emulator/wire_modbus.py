"""Modbus framings of one device: RTU on a line or in a TCP stream, and the header of Modbus-TCP (3.6, 3.7)."""

from openharbor.boards.emulator.board import Board
from openharbor.boards.emulator.modbus_device import (
    ADDRESS,
    READ_COILS,
    READ_REGISTERS,
    TIMED,
    WRITE_COIL,
    WRITE_COILS,
    WRITE_REGISTER,
    WRITE_REGISTERS,
    Device,
    forbidden,
    name_of,
    word,
)
from openharbor.boards.emulator.model import Model
from openharbor.boards.emulator.wire import Plain, Reply, Request, crc16, replaced

EVERY_UNIT = 0
FIXED = range(READ_COILS, WRITE_REGISTER + 1)  # functions whose requests have eight bytes


def _request(unit: int, pdu: bytes, frame: bytes, tid: int = 0) -> Request:
    pulses = pdu[0] == WRITE_COIL and word(pdu, 1) >= TIMED
    lock = word(pdu, 1) - TIMED + 1 if pulses else None
    board = None if unit == EVERY_UNIT else unit
    return Request(name_of(pdu), board, frame, lock, never=forbidden(pdu, unit), unlocks=pulses, tid=tid)


def _whole(pdu: bytes) -> bool:
    """Whether a PDU has all its fields."""
    if pdu[0] in (WRITE_COILS, WRITE_REGISTERS):
        return len(pdu) >= 6 and len(pdu) == 6 + pdu[5]
    return len(pdu) == 5 if pdu[0] in FIXED else len(pdu) >= 5


class Rtu(Plain):
    """`U PDU CRC`."""

    def __init__(self, model: Model, device: Device) -> None:
        self._model = model
        self._device = device

    def cut(self, buffer: bytes) -> tuple[int, Request | None]:
        if len(buffer) < 2:
            return 0, None
        function = buffer[1]
        if function in (WRITE_COILS, WRITE_REGISTERS):
            if len(buffer) < 7:
                return 0, None
            length = 9 + buffer[6]
        elif function in FIXED:
            length = 8
        else:
            return 1, None
        if len(buffer) < length:
            return 0, None
        frame = buffer[:length]
        if crc16(frame[:-2]) != frame[-2:]:
            return 1, None
        return length, _request(frame[0], frame[1:-2], frame)

    def answer(self, request: Request, board: Board) -> Reply | None:
        pdu = self._device.answer(request.frame[1:-2], board)
        if request.board is None and word(request.frame, 2) != ADDRESS:
            return None  # what every board hears nobody answers, but for the address of a single one
        unit = board.address if pdu[0] == READ_REGISTERS or request.board is not None else EVERY_UNIT
        body = bytes([unit]) + pdu
        return Reply(self._model.answer_delay_ms, lambda: body + crc16(body))

    def damaged(self, reply: bytes) -> bytes:
        return replaced(reply, len(reply) - 1, reply[-1] ^ 0x55)

    def from_board(self, reply: bytes, board: int) -> bytes:
        body = replaced(reply[:-2], 0, board)
        return body + crc16(body)

    def about_lock(self, reply: bytes, lock: int) -> bytes:
        if reply[1] != WRITE_COIL:
            return reply
        body = replaced(reply[:-2], 3, lock - 1)
        return body + crc16(body)

    def in_other_framing(self, reply: bytes) -> bytes:
        body = reply[:-2]
        return bytes([0, 0, 0, 0]) + len(body).to_bytes(2) + body


class Mbap(Plain):
    """`tid 0000 len U PDU`; a header that cannot be right spoils the whole stream."""

    def __init__(self, model: Model, device: Device) -> None:
        self._model = model
        self._device = device

    def cut(self, buffer: bytes) -> tuple[int, Request | None]:
        if len(buffer) < 6:
            return 0, None
        length = word(buffer, 4)
        if word(buffer, 2) != 0 or not 3 <= length <= 254:
            return len(buffer), None
        if len(buffer) < 6 + length:
            return 0, None
        frame = buffer[: 6 + length]
        pdu = frame[7:]
        if not _whole(pdu):
            return len(frame), None
        return len(frame), _request(frame[6], pdu, frame, tid=word(frame, 0))

    def answer(self, request: Request, board: Board) -> Reply | None:
        pdu = self._device.answer(request.frame[7:], board)
        if request.board is None:
            return None
        body = bytes([board.address]) + pdu
        frame = request.tid.to_bytes(2) + bytes([0, 0]) + len(body).to_bytes(2) + body
        return Reply(self._model.answer_delay_ms, lambda: frame)

    def damaged(self, reply: bytes) -> bytes:
        return replaced(reply, 3, 1)

    def from_board(self, reply: bytes, board: int) -> bytes:
        return replaced(reply, 6, board)

    def about_lock(self, reply: bytes, lock: int) -> bytes:
        return replaced(reply, 9, lock - 1) if reply[7] == WRITE_COIL else reply

    def in_other_framing(self, reply: bytes) -> bytes:
        body = reply[6:]
        return body + crc16(body)
