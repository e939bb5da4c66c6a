"""Kerong KR-CU12 and KR-CU16 (lock-boards.md 3.1)."""

from openharbor.boards.emulator.board import Board
from openharbor.boards.emulator.model import Model
from openharbor.boards.emulator.wire import Plain, Reply, Request, packed, replaced, summed

HEAD, END = 0x02, 0x03
COMMANDS = {0x30: "status", 0x31: "open", 0x32: "status_every_board", 0x33: "open_all", 0x38: "busy_reset"}
SETTINGS = {0x37: "unlock time", 0x39: "delayed unlock", 0x40: "baud rate"}  # payloads known from one source: never
EVERY_BOARD = 0xF


class Kerong16(Plain):
    """Requests of five bytes, answers of nine; the lock is the low nibble of the address byte."""

    def __init__(self, model: Model) -> None:
        self._model = model

    def cut(self, buffer: bytes) -> tuple[int, Request | None]:
        if buffer[0] != HEAD:
            return 1, None
        if len(buffer) >= 3 and buffer[2] in SETTINGS:
            return len(buffer), self._setting(buffer)
        if len(buffer) < 5:
            return 0, None
        frame = buffer[:5]
        if frame[3] != END or summed(frame[:4]) != frame or frame[2] not in COMMANDS:
            return 1, None
        return 5, _request(frame)

    def answer(self, request: Request, board: Board) -> Reply | None:
        if board.busy and request.command != "busy_reset":
            return None
        delay = self._model.answer_delay_ms
        address = board.address << 4
        match request.command:
            case "status":
                return Reply(delay, lambda: _status(board, 0x35, address))
            case "status_every_board":
                return Reply(delay * (board.address + 1), lambda: _status(board, 0x36, address))
            case "open" if request.lock in board.locks:
                return self._open(request.lock, board)
            case "open_all":
                board.sequence(board.locks)
            case "busy_reset":
                board.busy = False
        return None

    def _open(self, lock: int, board: Board) -> Reply | None:
        board.unlock(lock)
        if self._model.acknowledges is False:
            return None
        delay = self._model.answer_delay_ms if self._model.unlock_answer_ms is None else self._model.unlock_answer_ms
        return Reply(delay, lambda: _status(board, 0x35, board.address << 4 | lock - 1))

    def damaged(self, reply: bytes) -> bytes:
        return replaced(reply, len(reply) - 1, reply[-1] ^ 0x55)

    def from_board(self, reply: bytes, board: int) -> bytes:
        return summed(replaced(reply[:-1], 1, board << 4 | reply[1] & 0x0F))

    def about_lock(self, reply: bytes, lock: int) -> bytes:
        return summed(replaced(reply[:-1], 1, reply[1] & 0xF0 | (lock - 1) & 0x0F))

    def _setting(self, buffer: bytes) -> Request:
        return Request("setting", buffer[1] >> 4, buffer, never=f"sets the {SETTINGS[buffer[2]]}")


def _request(frame: bytes) -> Request:
    command = COMMANDS[frame[2]]
    board = None if frame[1] >> 4 == EVERY_BOARD else frame[1] >> 4
    if command != "open":
        return Request(command, board, frame)
    never = "unlocks on every board at once" if board is None else ""
    return Request(command, board, frame, lock=(frame[1] & 0x0F) + 1, unlocks=True, never=never)


def _status(board: Board, code: int, address: int) -> bytes:
    hooks = packed(board.reading(), 2)
    items = packed(list(board.items.values()), 2)
    return summed(bytes([HEAD, address, code]) + hooks + items + bytes([END]))
