"""A Waveshare relay board behind its framing: the PDUs it understands (lock-boards.md 3.6)."""

from collections.abc import Callable, Iterable

from openharbor.boards.emulator.board import Board
from openharbor.boards.emulator.faults import Faults
from openharbor.boards.emulator.model import Model
from openharbor.boards.emulator.wire import packed

READ_COILS, READ_INPUTS, READ_REGISTERS = 0x01, 0x02, 0x03
WRITE_COIL, WRITE_REGISTER, WRITE_COILS, WRITE_REGISTERS = 0x05, 0x06, 0x0F, 0x10
ILLEGAL_FUNCTION, ILLEGAL_ADDRESS, ILLEGAL_VALUE, BUSY = 1, 2, 3, 6
ALL_RELAYS, TIMED = 0x00FF, 0x0200
MODES, SERIAL, ADDRESS, VERSION = 0x1000, 0x2000, 0x4000, 0x8000
OFF, ON, TOGGLE = 0x0000, 0xFF00, 0x5500
OLD_VERSION = 150
INPUTS = 8  # no board has more, however many relays
BAUD_CODES = {4800: 0, 9600: 1, 19200: 2, 38400: 3, 57600: 4, 115200: 5, 128000: 6, 256000: 7}


def word(data: bytes, at: int) -> int:
    """Two bytes, high first."""
    return int.from_bytes(data[at : at + 2])


def forbidden(pdu: bytes, unit: int) -> str:
    """Why a driver must not send this PDU; empty when it may."""
    function, address = pdu[0], word(pdu, 1)
    value = word(pdu, 3)
    if function == WRITE_COIL and address < TIMED and value != OFF:
        return {ON: "switches a relay on for ever", TOGGLE: "toggles a relay"}.get(value, "no known relay command")
    if function == WRITE_COIL and unit == 0:
        return "reaches every board"
    if function == WRITE_COILS:
        return "switches several relays"
    if function == WRITE_REGISTER and MODES <= address < SERIAL and value:
        return "lets an input drive a relay"
    if function == WRITE_REGISTERS and MODES <= address < SERIAL and any(pdu[6:]):
        return "lets inputs drive relays"
    return ""


def name_of(pdu: bytes) -> str:
    """What the PDU is called in the vectors."""
    function, address, value = pdu[0], word(pdu, 1), word(pdu, 3)
    if function == WRITE_COIL:
        return _coil_command(address, value)
    if function in (READ_REGISTERS, WRITE_REGISTER):
        names = {MODES: "channel_mode", SERIAL: "serial_setting", ADDRESS: "address", VERSION: "version"}
        return f"{'read' if function == READ_REGISTERS else 'set'}_{names.get(address & 0xF000, 'register')}"
    names = {READ_COILS: "coils", READ_INPUTS: "inputs", WRITE_COILS: "write_coils"}
    return names.get(function, "set_channel_modes")


def _coil_command(address: int, value: int) -> str:
    if address >= TIMED:
        return "pulse"
    if address == ALL_RELAYS:
        return "all_off" if value == OFF else "all_on"
    return {OFF: "hold_off", ON: "hold_on"}.get(value, "toggle")


class Device:
    """Gives the answer PDU to a request PDU, and lets the board act. None: it says nothing."""

    def __init__(self, model: Model, faults: Faults, baud: int) -> None:
        self._model = model
        self._faults = faults
        self._serial = BAUD_CODES.get(baud, 1)
        self._acts: dict[int, Callable[[bytes, Board], bytes | int]] = {
            READ_COILS: self._coils,
            READ_INPUTS: self._inputs,
            READ_REGISTERS: self._registers,
            WRITE_COIL: self._write_coil,
            WRITE_REGISTER: self._write_register,
            WRITE_COILS: self._write_coils,
            WRITE_REGISTERS: self._write_registers,
        }

    def answer(self, pdu: bytes, board: Board) -> bytes:
        """An exception number becomes an exception answer; a fault may replace any answer by one."""
        lock = word(pdu, 1) - TIMED + 1 if pdu[0] == WRITE_COIL and word(pdu, 1) >= TIMED else None
        told = self._faults.take("exception", board.address, lock, unlocks=lock is not None)
        if told:
            return bytes([pdu[0] | 0x80, int(told.number("code"))])
        act = self._acts.get(pdu[0])
        answer = ILLEGAL_FUNCTION if act is None else act(pdu, board)
        return bytes([pdu[0] | 0x80, answer]) if isinstance(answer, int) else answer

    def _coils(self, pdu: bytes, board: Board) -> bytes | int:
        relays: list[bool | None] = [coil.on for coil in board.coils.values()]
        return _bits(pdu, relays, max(8, -(-len(relays) // 8) * 8))

    def _inputs(self, pdu: bytes, board: Board) -> bytes | int:
        if self._model.feedback == "none":
            return ILLEGAL_FUNCTION  # plain relay boards have no inputs
        return _bits(pdu, board.reading(list(board.locks)[:INPUTS]), INPUTS)

    def _registers(self, pdu: bytes, board: Board) -> bytes | int:
        values = [self._register(word(pdu, 1) + offset, board) for offset in range(min(word(pdu, 3), 32))]
        if not values or None in values:
            return ILLEGAL_ADDRESS
        data = b"".join((value or 0).to_bytes(2) for value in values)
        return bytes([pdu[0], len(data)]) + data

    def _register(self, address: int, board: Board) -> int | None:
        if address == VERSION:
            return OLD_VERSION if self._faults.active("old_firmware", board.address) else self._model.version
        if address == ADDRESS:
            return board.address
        if address == SERIAL:
            return self._serial
        return board.modes.get(address - MODES + 1)

    def _write_coil(self, pdu: bytes, board: Board) -> bytes | int:
        address, value = word(pdu, 1), word(pdu, 3)
        if address == ALL_RELAYS:
            return self._all_relays(pdu, value, board)
        lock = address - TIMED + 1 if address >= TIMED else address + 1
        if lock not in board.locks:
            return ILLEGAL_ADDRESS
        if address >= TIMED:
            return self._pulse(pdu, lock, value, board)
        if value == ON or (value == TOGGLE and not board.coils[lock].on):
            board.hold(lock)
        elif value in (OFF, TOGGLE):
            board.release(lock)
        else:
            return ILLEGAL_VALUE
        return pdu

    def _pulse(self, pdu: bytes, lock: int, units: int, board: Board) -> bytes | int:
        if not 1 <= units <= 0x7FFF:
            return ILLEGAL_VALUE
        return pdu if board.unlock(lock, units * 100) == "done" else BUSY

    def _all_relays(self, pdu: bytes, value: int, board: Board) -> bytes | int:
        if value == OFF:
            board.all_off()
        elif value == ON:
            _hold(board, board.locks)
        else:
            return ILLEGAL_VALUE
        return pdu

    def _write_coils(self, pdu: bytes, board: Board) -> bytes | int:
        first, count = word(pdu, 1), word(pdu, 3)
        if first + count > len(board.locks):
            return ILLEGAL_ADDRESS
        mask = int.from_bytes(pdu[6:], "little")
        _hold(board, [first + bit + 1 for bit in range(count) if mask >> bit & 1])
        return pdu[:5]

    def _write_register(self, pdu: bytes, board: Board) -> bytes | int:
        address, value = word(pdu, 1), word(pdu, 3)
        channel = address - MODES + 1
        if channel in board.modes:
            board.set_mode(channel, value)
        elif address not in (ADDRESS, SERIAL):  # a new address or speed counts from the next start
            return ILLEGAL_ADDRESS
        return pdu

    def _write_registers(self, pdu: bytes, board: Board) -> bytes | int:
        first, count = word(pdu, 1), word(pdu, 3)
        channels = [first - MODES + 1 + offset for offset in range(min(count, 32))]
        if not channels or any(channel not in board.modes for channel in channels):
            return ILLEGAL_ADDRESS
        for offset, channel in enumerate(channels):
            board.set_mode(channel, word(pdu, 6 + 2 * offset))
        return pdu[:5]


def _bits(pdu: bytes, bits: list[bool | None], channels: int) -> bytes | int:
    first, count = word(pdu, 1), word(pdu, 3)
    if not 1 <= count <= channels or first + count > channels:
        return ILLEGAL_ADDRESS
    data = packed(bits[first : first + count], -(-count // 8))
    return bytes([pdu[0], len(data)]) + data


def _hold(board: Board, locks: Iterable[int]) -> None:
    for lock in list(locks):
        if board.listens:
            board.hold(lock)
