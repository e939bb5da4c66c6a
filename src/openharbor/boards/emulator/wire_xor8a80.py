"""Boards with the heads 8A and 80 (lock-boards.md 3.4)."""

from openharbor.boards.emulator.board import Board
from openharbor.boards.emulator.model import Model
from openharbor.boards.emulator.timeline import chance
from openharbor.boards.emulator.wire import Plain, Reply, Request, packed, replaced, xored

FIRE, ASK = 0x8A, 0x80
FIRES, ASKS, ASKS_ADDRESS = 0x11, 0x33, 0x99
BIT = {False: 0x00, True: 0x11, None: 0x00}
AFTER_PULSE_MS = 500  # the answer to an unlock comes about 1 s after the command
LEAST_STATUS_BYTES = 3  # a verified 8-lock board answers 24 bits


class Xor8a80(Plain):
    """Five-byte requests; an unlock is answered after its pulse, with the door bit of that moment."""

    def __init__(self, model: Model, seed: int) -> None:
        self._model = model
        self._seed = seed

    def cut(self, buffer: bytes) -> tuple[int, Request | None]:
        if buffer[0] not in (FIRE, ASK):
            return 1, None
        if len(buffer) < 5:
            return 0, None
        frame = buffer[:5]
        request = _request(frame)
        if xored(frame[:4]) != frame or request is None:
            return 1, None
        return 5, request

    def answer(self, request: Request, board: Board) -> Reply | None:
        match request.command:
            case "status":
                return Reply(self._model.answer_delay_ms, lambda: self._status(board))
            case "lock_status" if request.lock in board.locks:
                return Reply(self._model.answer_delay_ms, lambda: _one(ASK, board, request.lock or 0))
            case "open" if request.lock in board.locks:
                board.unlock(request.lock)
                return Reply(self._unlock_delay, lambda: _one(FIRE, board, request.lock or 0))
            case "open_all":
                lasts = board.sequence(board.locks)
                return Reply(lasts + self._model.answer_delay_ms, lambda: request.frame)
        return None  # the answer to the question for the address is not known

    @property
    def _unlock_delay(self) -> float:
        late = self._model.unlock_answer_ms
        return self._model.pulse_ms + AFTER_PULSE_MS if late is None else late

    def damaged(self, reply: bytes) -> bytes:
        return replaced(reply, len(reply) - 1, reply[-1] ^ 0x55)

    def from_board(self, reply: bytes, board: int) -> bytes:
        return xored(replaced(reply[:-1], 1, board))

    def about_lock(self, reply: bytes, lock: int) -> bytes:
        return xored(replaced(reply[:-1], 2, lock)) if len(reply) == 5 else reply

    def _status(self, board: Board) -> bytes:
        """Lowest locks last; bits above the last lock float, each where it happens to."""
        locks = len(board.locks)
        size = self._model.status_bytes or max(LEAST_STATUS_BYTES, -(-locks // 8))
        floating = chance(self._seed, "floating", board.address).getrandbits(56) >> locks << locks
        bits = int.from_bytes(packed(board.reading(), size), "little") | floating
        status = (bits & (1 << size * 8) - 1).to_bytes(size, "big")
        return xored(bytes([ASK, board.address]) + status + bytes([ASKS]))


def _request(frame: bytes) -> Request | None:
    head, board, lock, what = frame[:4]
    match head, what, lock:
        case 0x8A, 0x11, 0:
            return Request("open_all", board, frame)
        case 0x8A, 0x11, _:
            return Request("open", board, frame, lock=lock, unlocks=True)
        case 0x80, 0x33, 0:
            return Request("status", board, frame)
        case 0x80, 0x33, _:
            return Request("lock_status", board, frame, lock=lock)
        case 0x80, 0x99, 0:
            return Request("query_board_address", board, frame)
    return None


def _one(head: int, board: Board, lock: int) -> bytes:
    bit = board.reading((lock,))[0]
    return xored(bytes([head, board.address, lock, BIT[bit]]))
