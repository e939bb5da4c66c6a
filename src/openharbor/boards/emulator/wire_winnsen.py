"""Boards with frames `90 06 …` (lock-boards.md 3.8)."""

from openharbor.boards.emulator.board import Board
from openharbor.boards.emulator.faults import Faults
from openharbor.boards.emulator.model import Model
from openharbor.boards.emulator.wire import Plain, Reply, Request, replaced

HEAD, END = 0x90, 0x03
OPEN, ASK, ANSWER = 0x05, 0x12, 0x80
FAILED, DONE, COOLDOWN = 0x00, 0x01, 0x02


class Winnsen(Plain):
    """Six bytes to the board, seven back, and no check value: station and lock are the only guard."""

    def __init__(self, model: Model, faults: Faults) -> None:
        self._model = model
        self._faults = faults

    def cut(self, buffer: bytes) -> tuple[int, Request | None]:
        if buffer[0] != HEAD or (len(buffer) > 1 and buffer[1] != 6):
            return 1, None
        if len(buffer) < 6:
            return 0, None
        frame = buffer[:6]
        if frame[5] != END or frame[2] not in (OPEN, ASK):
            return 1, None
        opens = frame[2] == OPEN
        return 6, Request("open" if opens else "lock_status", frame[3], frame, lock=frame[4], unlocks=opens)

    def answer(self, request: Request, board: Board) -> Reply | None:
        lock = request.lock
        if lock not in board.locks:
            return None
        if request.command == "open":
            return self._open(lock, board)
        return Reply(self._model.answer_delay_ms, lambda: self._one(lock, board))

    def damaged(self, reply: bytes) -> bytes:
        return replaced(reply, len(reply) - 1, 0)

    def from_board(self, reply: bytes, board: int) -> bytes:
        return replaced(reply, 3, board)

    def about_lock(self, reply: bytes, lock: int) -> bytes:
        second = reply[2] == ANSWER | ASK and self._model.status_order == "status_first"
        return replaced(reply, 5 if second else 4, lock)

    def _open(self, lock: int, board: Board) -> Reply:
        told = self._faults.take("status_code", board.address, lock, unlocks=True)
        result = int(told.number("v", FAILED)) if told else DONE
        if result == DONE:
            result = DONE if board.unlock(lock) == "done" else COOLDOWN
        frame = _frame(OPEN, board.address, lock, result)
        late = self._model.unlock_answer_ms
        return Reply(self._model.answer_delay_ms if late is None else late, lambda: frame)

    def _one(self, lock: int, board: Board) -> bytes:
        value = int(bool(board.reading((lock,))[0]))
        first = self._model.status_order == "status_first"
        return _frame(ASK, board.address, *((value, lock) if first else (lock, value)))


def _frame(command: int, board: int, fourth: int, fifth: int) -> bytes:
    return bytes([HEAD, 7, ANSWER | command, board, fourth, fifth, END])
