"""Kerong CU24 and CU48 (lock-boards.md 3.2, 3.3)."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

from openharbor.boards.emulator.board import Board
from openharbor.boards.emulator.model import Model
from openharbor.boards.emulator.wire import Plain, Reply, Request, packed, replaced, summed

HEAD, END = 0x02, 0x03
CU24_TAIL = bytes([0, 0, 0, END])  # bytes 7 to 10 are not explained; by analogy item sensors and an end mark
CU48_COUNT = 6


@dataclass(frozen=True, slots=True)
class Codes:
    """The command and answer codes of one of the two boards; `forbidden` was seen in code, meaning unknown."""

    status: int
    open: int
    reply: int
    forbidden: int | None


CU24 = Codes(0x50, 0x51, 0x65, 0x67)
CU48 = Codes(0x60, 0x61, 0x75, None)


class _SixBytes(Plain, ABC):
    """Requests `02 B L CMD 03 XX`, which both boards share."""

    def __init__(self, codes: Codes, model: Model) -> None:
        self._codes = codes
        self._model = model

    def cut(self, buffer: bytes) -> tuple[int, Request | None]:
        if buffer[0] != HEAD:
            return 1, None
        if len(buffer) < 6:
            return 0, None
        frame, codes = buffer[:6], self._codes
        known = frame[3] in (codes.status, codes.open, codes.forbidden)
        if frame[4] != END or summed(frame[:5]) != frame or not known:
            return 1, None
        if frame[3] == codes.forbidden:
            return 6, Request("config_seen_in_code", frame[1], frame, never="a configuration frame of unknown meaning")
        if frame[3] == codes.open:
            return 6, Request("open", frame[1], frame, lock=frame[2] + 1, unlocks=True)
        return 6, Request("status", frame[1], frame)

    def answer(self, request: Request, board: Board) -> Reply | None:
        if request.command == "status":
            return Reply(self._model.answer_delay_ms, lambda: self.status(board))
        if request.command == "open" and request.lock in board.locks:
            return self.opened(request.lock, board)
        return None

    @abstractmethod
    def status(self, board: Board) -> bytes:
        """The answer that tells every door."""

    @abstractmethod
    def opened(self, lock: int, board: Board) -> Reply | None:
        """Fires, and says so if this board does."""

    @property
    def unlock_delay(self) -> float:
        late = self._model.unlock_answer_ms
        return self._model.answer_delay_ms if late is None else late

    def damaged(self, reply: bytes) -> bytes:
        return replaced(reply, len(reply) - 1, reply[-1] ^ 0x55)

    def from_board(self, reply: bytes, board: int) -> bytes:
        return summed(replaced(reply[:-1], 1, board))

    def about_lock(self, reply: bytes, lock: int) -> bytes:
        return summed(replaced(reply[:-1], 2, lock - 1))


class Kerong24(_SixBytes):
    """Answers of twelve bytes; whether an unlock is answered at all is not known (`acknowledges`)."""

    def __init__(self, model: Model, tail: bytes = CU24_TAIL) -> None:
        super().__init__(CU24, model)
        self._tail = tail

    def status(self, board: Board) -> bytes:
        head = bytes([HEAD, board.address, 0, self._codes.reply])
        return summed(head + packed(board.reading(), 3) + self._tail)

    def opened(self, lock: int, board: Board) -> Reply | None:
        board.unlock(lock)
        return Reply(self.unlock_delay, lambda: self.status(board)) if self._model.acknowledges else None


class Kerong48(_SixBytes):
    """Status in one of two layouts of the same length; an unlock is answered with six bytes."""

    def __init__(self, model: Model) -> None:
        super().__init__(CU48, model)

    def status(self, board: Board) -> bytes:
        head = bytes([HEAD, board.address, 0, self._codes.reply])
        bits = packed(board.reading(), 6)
        counted = self._model.reply_layout == "count"
        return summed(head + bytes([CU48_COUNT]) + bits if counted else head + bits + bytes([END]))

    def opened(self, lock: int, board: Board) -> Reply | None:
        board.unlock(lock)
        if self._model.acknowledges is False:
            return None
        return Reply(self.unlock_delay, lambda: summed(bytes([HEAD, board.address, lock - 1, self._codes.reply, 0])))
