"""Boards with the start code "WKLY" (lock-boards.md 3.5)."""

from collections.abc import Callable

from openharbor.boards.emulator.board import Board
from openharbor.boards.emulator.faults import Faults
from openharbor.boards.emulator.model import Model
from openharbor.boards.emulator.wire import Plain, Reply, Request, replaced, xored

HEAD = b"WKLY"
DONE, FAILED = 0x00, 0xFF
DOOR = {False: 0x00, True: 0x01, None: 0xFF}
LIGHT, OPEN, ONE, ALL, CHANGED, OPEN_ALL, OPEN_SOME, OFF = 0x81, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87, 0x89
TOGETHER, HOLD = 0x80, 0x88
NAMES = {
    TOGETHER: "open_together",
    LIGHT: "locate_light",
    OPEN: "open",
    ONE: "lock_status",
    ALL: "status",
    OPEN_ALL: "open_all",
    OPEN_SOME: "open_sequence",
    HOLD: "channel_on_hold",
    OFF: "channel_off",
}
NEVER = {TOGETHER: "fires several coils at once", HOLD: "keeps a coil on"}


class Wkly(Plain):
    """Frames `57 4B 4C 59 LEN B CMD data XX`, their whole length in LEN."""

    def __init__(self, model: Model, faults: Faults) -> None:
        self._model = model
        self._faults = faults
        self._acts: dict[int, Callable[[Request, Board], Reply | None]] = {
            LIGHT: lambda request, board: self._channel(request, board, lambda _lock: None),
            OFF: lambda request, board: self._channel(request, board, board.release),
            HOLD: lambda request, board: self._channel(request, board, board.hold),
            OPEN: self._open,
            ONE: self._one,
            ALL: self._all,
            OPEN_ALL: lambda request, board: self._in_turn(request, board, tuple(board.locks)),
            OPEN_SOME: lambda request, board: self._in_turn(request, board, request.locks),
            TOGETHER: self._together,
        }

    def cut(self, buffer: bytes) -> tuple[int, Request | None]:
        start = min(len(buffer), 4)
        if buffer[:start] != HEAD[:start]:
            return 1, None
        if len(buffer) < 5:
            return 0, None
        length = buffer[4]
        if not 8 <= length <= 0x4A:
            return 1, None
        if len(buffer) < length:
            return 0, None
        frame = buffer[:length]
        if xored(frame[:-1]) != frame or frame[6] not in NAMES or not _fits(frame[6], length):
            return 1, None
        return length, self._request(frame)

    def answer(self, request: Request, board: Board) -> Reply | None:
        return self._acts[request.frame[6]](request, board)

    def damaged(self, reply: bytes) -> bytes:
        return replaced(reply, len(reply) - 1, reply[-1] ^ 0x55)

    def from_board(self, reply: bytes, board: int) -> bytes:
        return xored(replaced(reply[:-1], 5, board))

    def about_lock(self, reply: bytes, lock: int) -> bytes:
        """Status, then the lock, in all answers about one lock; a push has the lock first."""
        if reply[6] == CHANGED:
            return xored(replaced(reply[:-1], 7, lock))
        one = reply[6] in (LIGHT, OPEN, ONE, HOLD, OFF) and len(reply) >= 10
        return xored(replaced(reply[:-1], 8, lock)) if one else reply

    def push(self, board: int, lock: int, bit: bool | None) -> bytes | None:
        return _frame(board, CHANGED, bytes([lock, DOOR[bit]])) if self._model.pushes else None

    def _request(self, frame: bytes) -> Request:
        code, data = frame[6], frame[7:-1]
        lock = data[0] if code in (LIGHT, OPEN, ONE, HOLD, OFF) and data else None
        counted = code in (TOGETHER, OPEN_SOME)
        locks = tuple(data[1:] if self._model.sequence_count else data) if counted else ()
        never = NEVER.get(code, "")
        return Request(NAMES[code], frame[5], frame, lock, locks, never=never, unlocks=code == OPEN)

    def _open(self, request: Request, board: Board) -> Reply | None:
        lock = request.lock
        if lock not in board.locks:
            return self._reply(board, OPEN, bytes([FAILED, lock or 0, DOOR[None]]))
        told = self._faults.take("status_code", board.address, lock, unlocks=True)
        status = int(told.number("v", FAILED)) if told else DONE
        if status == DONE and board.unlock(lock) != "done":
            status = FAILED
        if told and told.options["short"]:
            return self._reply(board, OPEN, bytes([status]))
        late = self._model.unlock_answer_ms
        delay = self._model.answer_delay_ms if late is None else late
        return Reply(delay, lambda: _frame(board.address, OPEN, bytes([status, lock]) + _doors(board, (lock,))))

    def _one(self, request: Request, board: Board) -> Reply | None:
        lock = request.lock
        if lock not in board.locks:
            return self._reply(board, ONE, bytes([FAILED, lock or 0, DOOR[None]]))
        told = self._faults.take("status_code", board.address, lock, unlocks=False)
        status = int(told.number("v", FAILED)) if told else DONE
        if told and told.options["short"]:
            return self._reply(board, ONE, bytes([status]))
        return self._later(lambda: _frame(board.address, ONE, bytes([status, lock]) + _doors(board, (lock,))))

    def _all(self, _request: Request, board: Board) -> Reply | None:
        told = self._faults.take("status_code", board.address, unlocks=False)
        if told and told.number("v", FAILED):
            return self._reply(board, ALL, bytes([int(told.number("v", FAILED))]))
        count = len(board.locks)
        return self._later(lambda: _frame(board.address, ALL, bytes([DONE, count]) + _doors(board, tuple(board.locks))))

    def _in_turn(self, request: Request, board: Board, locks: tuple[int, ...]) -> Reply | None:
        code = request.frame[6]
        if not locks or any(lock not in board.locks for lock in locks):
            return self._reply(board, code, bytes([FAILED]))
        lasts = board.sequence(locks)
        return Reply(lasts + self._model.answer_delay_ms, lambda: _frame(board.address, code, bytes([DONE])))

    def _together(self, request: Request, board: Board) -> Reply | None:
        told = self._faults.take("status_code", board.address, unlocks=False)
        known = bool(request.locks) and all(lock in board.locks for lock in request.locks)
        if told or not known:
            return self._reply(board, TOGETHER, bytes([int(told.number("v", FAILED)) if told else FAILED]))
        board.together(request.locks)
        return self._reply(board, TOGETHER, bytes([DONE]))

    def _channel(self, request: Request, board: Board, act: Callable[[int], None]) -> Reply | None:
        lock = request.lock
        known = lock in board.locks
        if lock is not None and known:
            act(lock)
        return self._reply(board, request.frame[6], bytes([DONE if known else FAILED, lock or 0]))

    def _reply(self, board: Board, code: int, data: bytes) -> Reply:
        return self._later(lambda: _frame(board.address, code, data))

    def _later(self, make: Callable[[], bytes]) -> Reply:
        return Reply(self._model.answer_delay_ms, make)


def _fits(code: int, length: int) -> bool:
    """Whether a request of that command has that length."""
    if code in (ALL, OPEN_ALL):
        return length == 8
    return length > 8 if code in (TOGETHER, OPEN_SOME) else length == 9


def _doors(board: Board, locks: tuple[int, ...]) -> bytes:
    return bytes(DOOR[bit] for bit in board.reading(locks))


def _frame(board: int, code: int, data: bytes) -> bytes:
    return xored(HEAD + bytes([8 + len(data), board, code]) + data)
