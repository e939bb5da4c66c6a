"""What faults do to the bytes of an answer and to their timing (lock-boards.md 6.3)."""

from dataclasses import dataclass
from random import Random

from openharbor.boards.emulator.board import Board
from openharbor.boards.emulator.faults import Fault, Faults
from openharbor.boards.emulator.wire import Request, Wire

Chunk = tuple[float, bytes]  # milliseconds of silence, then bytes


@dataclass(frozen=True, slots=True)
class Damage:
    """The faults of one line, applied to one answer after another."""

    faults: Faults
    wire: Wire
    chance: Random

    def bytes_of(self, data: bytes, board: Board, about: Request) -> bytes:
        """The answer as it leaves the board: first its fields, then its check value, then its bits, then its length."""
        data = self._fields(data, board, about)
        if self._take("checksum_wrong", board, about):
            data = self.wire.damaged(data)
        if self._take("header_mode_wrong", board, about):
            data = self.wire.in_other_framing(data)
        data = self._bits(data, board, about)
        half = self._take("half_frame", board, about)
        if half:
            data = data[: int(half.number("n", len(data) // 2))]
        return self._company(data, board, about)

    def chunks(self, data: bytes, board: Board, about: Request) -> list[Chunk]:
        """The answer in time."""
        split = self._take("split", board, about)
        chunks: list[Chunk] = [(0, data)]
        if split:
            n = int(split.number("n"))
            chunks = [(0, data[:n]), (split.number("gap_ms"), data[n:])]
        slow = self._take("slow", board, about)
        if slow:
            pace = slow.number("ms_per_byte")
            chunks = [(gap + pace if first else pace, bytes([byte])) for gap, first, byte in _each_byte(chunks)]
        again = self._take("duplicate_reply", board, about)
        if again:
            chunks.append((again.number("gap_ms"), data))
        return [chunk for chunk in chunks if chunk[1]]

    def mixed(self, data: bytes, other: bytes) -> bytes:
        """Two answers on the wire at once: neither wins everywhere."""
        length = max(len(data), len(other))
        pairs = zip(data.ljust(length, b"\xff"), other.ljust(length, b"\xff"), strict=True)
        return bytes(self.chance.choice((a & b, a | b, self.chance.getrandbits(8))) for a, b in pairs)

    def _fields(self, data: bytes, board: Board, about: Request) -> bytes:
        other = self._take("wrong_board", board, about)
        if other:
            data = self.wire.from_board(data, int(other.number("shows", board.address + 1)))
        lock = about.lock
        wrong = None if lock is None else self._take("wrong_lock", board, about)
        if wrong and lock is not None:
            data = self.wire.about_lock(data, int(wrong.number("shows", lock % len(board.locks) + 1)))
        return data

    def _bits(self, data: bytes, board: Board, about: Request) -> bytes:
        flip = self._take("bit_flip", board, about)
        if flip and data:
            data = self._flipped(data, flip)
        if self._take("garbage", board, about):
            data = self.chance.randbytes(len(data))
        if self._take("collision", board, about):
            data = self.mixed(data, data[1:])
        return data

    def _flipped(self, data: bytes, fault: Fault) -> bytes:
        size = len(data) * 8
        if fault.options["p"] is None:
            mask = 1 << self.chance.randrange(size)
        else:
            mask = sum(1 << bit for bit in range(size) if self.chance.random() < fault.number("p"))
        return (int.from_bytes(data) ^ mask).to_bytes(len(data))

    def _company(self, data: bytes, board: Board, about: Request) -> bytes:
        """What comes in front of the answer, into it, and behind it."""
        inside = self._take("push_inside_reply", board, about)
        if inside:
            lock = inside.lock or 1
            push = self.wire.push(board.address, lock, board.bit(lock)) or b""
            data = data[: len(data) // 2] + push + data[len(data) // 2 :]
        before = self._take("noise_before", board, about)
        after = self._take("noise_after", board, about)
        return self._noise(before) + data + self._noise(after)

    def _noise(self, fault: Fault | None) -> bytes:
        return b"" if fault is None else self.chance.randbytes(int(fault.number("n", self.chance.randint(3, 8))))

    def _take(self, type_: str, board: Board, about: Request) -> Fault | None:
        return self.faults.take(type_, board.address, about.lock, about.unlocks)


def _each_byte(chunks: list[Chunk]) -> list[tuple[float, bool, int]]:
    return [(gap, position == 0, byte) for gap, data in chunks for position, byte in enumerate(data)]
