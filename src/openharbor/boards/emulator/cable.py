"""One line with boards on it: requests in, answers out."""

from dataclasses import dataclass

from openharbor.boards.emulator.board import Board
from openharbor.boards.emulator.cabinet import Cabinet
from openharbor.boards.emulator.conduct import Conduct
from openharbor.boards.emulator.damage import Chunk, Damage
from openharbor.boards.emulator.faults import Fault
from openharbor.boards.emulator.outlet import Link, Outlet
from openharbor.boards.emulator.timeline import chance
from openharbor.boards.emulator.wire import Reply, Request, Wire

STALE_MS = 100  # a frame that stopped for so long is not continued
BUFFERED = 1024
HELD = 10
FOLLOWS_MS = 5  # the second board of an address, after the first


@dataclass(slots=True, eq=False)
class _Stream:
    """What came in on one link and is not yet a frame."""

    link: Link
    buffer: bytes = b""
    last_us: int = 0
    gap_ms: float = 0  # silence before the frame that is being received


@dataclass(frozen=True, slots=True)
class _Asked:
    """A request at one board."""

    request: Request
    board: Board
    link: Link
    epoch: int


@dataclass(frozen=True, slots=True)
class _Twin:
    """What the second board of an address says; reply None: the very same bytes."""

    reply: Reply | None
    collides: bool


class Cable:
    """The line. Faces attach links, hand in what arrives, and are handed what leaves."""

    def __init__(self, cabinet: Cabinet, wire: Wire, *, serial: bool) -> None:
        self.cabinet = cabinet
        self.wire = wire
        self._tl = cabinet.timeline
        self._faults = cabinet.faults
        self._damage = Damage(cabinet.faults, wire, chance(cabinet.parts.seed, "wire"))
        self._conduct = Conduct(cabinet, serial=serial)
        self._outlet = Outlet(cabinet.timeline, cabinet.trace, cabinet.faults, lambda: self.links)
        self._streams: dict[int, _Stream] = {}
        self._held: list[tuple[_Asked, Reply]] = []  # late_into_next
        self._merged = b""
        self._last_us: int | None = None  # when the line last spoke as a driver may expect
        self._faults.on(["push_flood"], begins=self._flood)
        for board in cabinet.boards.values():
            self.connect(board)

    def connect(self, board: Board) -> None:
        """Lets a board push."""
        board.on_input = lambda lock, bit: self._push(board, lock, bit)

    def attach(self, link: Link) -> None:
        self._streams[id(link)] = _Stream(link)

    def detach(self, link: Link) -> None:
        self._streams.pop(id(link), None)
        self._conduct.gone(link)

    @property
    def links(self) -> list[Link]:
        return [stream.link for stream in self._streams.values()]

    # ------------------------------------------------------------------ in

    def receive(self, data: bytes, link: Link) -> None:
        """Bytes from a driver."""
        self._tl.catch_up()
        stream = self._streams.get(id(link))
        if stream is None or not data or self._faults.active("tcp_half_open"):
            return
        self.cabinet.trace.add("in", data=data)
        if self._faults.take("echo"):
            self._outlet.put([(0, data)], link)
        self._collect(stream, data)
        while stream.buffer:
            settled, request = self.wire.cut(stream.buffer)
            if settled == 0:
                break
            stream.buffer = stream.buffer[settled:]
            if request is not None:
                self._heard(request, stream)

    def _collect(self, stream: _Stream, data: bytes) -> None:
        now = self._tl.now
        if stream.buffer and (now - stream.last_us) / 1000 > STALE_MS:
            stream.buffer = b""
        if not stream.buffer:
            stream.gap_ms = STALE_MS if self._last_us is None else (now - self._last_us) / 1000
        before = len(stream.buffer)
        stream.buffer = (stream.buffer + data)[-BUFFERED:]
        stream.last_us = self._last_us = now
        cut = self._power_cut("request_byte", None)
        if cut and before < cut.number("request_byte") <= len(stream.buffer):
            stream.buffer = b""
            self._cut(cut, None)

    def _heard(self, request: Request, stream: _Stream) -> None:
        self._conduct.judge(request, stream.gap_ms)
        held, self._held = self._held, []
        for asked, reply in held:
            self._answer(asked, reply, late=True)
        for board in self._targets(request):
            if board.listens and not self._deaf(request, board, stream.gap_ms):
                self._ask(_Asked(request, board, stream.link, board.epoch))

    def _targets(self, request: Request) -> list[Board]:
        if request.board is None:
            return list(self.cabinet.boards.values())
        board = self.cabinet.boards.get(request.board)
        return [] if board is None else [board]

    def _deaf(self, request: Request, board: Board, gap_ms: float) -> bool:
        if gap_ms < self._conduct.pause_ms and self._faults.take("too_fast_deaf", board.address):
            return True
        return bool(self._take("baud_mismatch", request, board) or self._take("ignores_request", request, board))

    def _ask(self, asked: _Asked) -> None:
        request, board = asked.request, asked.board
        reply = self.wire.answer(request, board)
        twin = self._twin_reply(asked)
        if reply is None:
            return
        unanswered = request.unlocks and self._take("acts_without_reply", request, board)
        if unanswered or self._take("no_reply", request, board):
            return
        if self._take("late_into_next", request, board):
            self._held = [*self._held[1 - HELD :], (asked, reply)]
            return
        self._plan(asked, reply, twin, self._take("late_reply", request, board))

    def _plan(self, asked: _Asked, reply: Reply, twin: _Twin | None, late: Fault | None) -> None:
        pending = self._conduct.expect(asked.request, asked.link, reply.after_ms, prompt=late is None)

        def due() -> None:
            self._conduct.answered(pending)
            self._answer(asked, reply, twin, late=late is not None)

        self._tl.after(reply.after_ms + (late.number("ms") if late else 0), due)

    def _twin_reply(self, asked: _Asked) -> _Twin | None:
        fault = self._faults.take("duplicate_address", asked.board.address)
        if fault is None:
            return None
        collides = fault.options["answers"] == "collide"
        if fault.options["doors"] == "same":
            return _Twin(None, collides)
        return _Twin(self.wire.answer(asked.request, self.cabinet.twin(asked.board)), collides)

    # ------------------------------------------------------------------ out

    def _answer(self, asked: _Asked, reply: Reply, twin: _Twin | None = None, *, late: bool) -> None:
        board, request = asked.board, asked.request
        if board.epoch != asked.epoch or not board.listens:
            return  # it started again: what it was about to say is lost
        strikes = self._faults.strikes
        data = self._damage.bytes_of(reply.make(), board, request)
        cut = self._power_cut("answer_byte", board)
        if cut:
            data = data[: int(cut.number("answer_byte"))]
        if self._take("merged", request, board):
            self._merged += data
            return
        data, self._merged = self._merged + data, b""
        chunks = self._damage.chunks(data, board, request)
        if twin is not None:
            chunks = self._with_twin(data, chunks, twin)
        if not late and twin is None and strikes == self._faults.strikes:
            self._last_us = self._tl.now
        self._outlet.put(chunks, self._asker(asked))
        if cut:
            self._cut(cut, board)

    def _with_twin(self, data: bytes, chunks: list[Chunk], twin: _Twin) -> list[Chunk]:
        other = data if twin.reply is None else twin.reply.make()
        if twin.collides:
            return [(0, self._damage.mixed(data, other[1:]))]
        return [*chunks, (FOLLOWS_MS, other)]

    def _asker(self, asked: _Asked) -> Link | None:
        """A converter tells everybody on it; a device with a header on its frames tells who asked."""
        return asked.link if self.cabinet.family.name == "modbus-tcp" else None

    # ------------------------------------------------------------------ unasked frames, power

    def _push(self, board: Board, lock: int, bit: bool | None) -> None:
        data = self.wire.push(board.address, lock, bit) if board.listens else None
        if data is not None and not self._faults.take("push_lost", board.address, lock):
            self._outlet.put([(0, data)], None)

    def _flood(self, fault: Fault) -> None:
        board = self._board_of(fault)

        def again() -> None:
            if any(one is fault for one in self._faults):
                lock = fault.lock or 1
                self._push(board, lock, board.bit(lock))
                self._tl.after(fault.number("every_ms"), again)

        self._tl.after(fault.number("every_ms"), again)

    def _power_cut(self, option: str, board: Board | None) -> Fault | None:
        fault = self._faults.active("power_cut_at", None if board is None else board.address)
        return fault if fault is not None and fault.options[option] is not None else None

    def _cut(self, fault: Fault, board: Board | None) -> None:
        self.cabinet.cut_power(board or self._board_of(fault), fault.number("off_ms"))
        self._faults.strike(fault, fault.board, fault.lock)

    def _board_of(self, fault: Fault) -> Board:
        boards = self.cabinet.boards
        return boards[next(iter(boards)) if fault.board is None else fault.board]

    def _take(self, type_: str, request: Request, board: Board) -> Fault | None:
        return self._faults.take(type_, board.address, request.lock, request.unlocks)
