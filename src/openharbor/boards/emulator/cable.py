"""One line with boards on it: requests in, answers out, and the rules a driver must keep (lock-boards.md 2.1, 6.5)."""

from collections import deque
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from openharbor.boards.emulator.board import Board
from openharbor.boards.emulator.cabinet import Cabinet
from openharbor.boards.emulator.damage import Chunk, Damage
from openharbor.boards.emulator.families import pause_ms
from openharbor.boards.emulator.faults import Fault
from openharbor.boards.emulator.timeline import chance
from openharbor.boards.emulator.wire import Reply, Request, Wire

STALE_MS = 100  # a frame that stopped for so long is not continued
BUFFERED = 1024
FOLLOWS_MS = 5  # the second board of an address, after the first
IN_TURN = ("open_all", "open_sequence")  # answered when the last lock has fired


class Link(Protocol):
    """One connection to the line, as its face sees it."""

    def send(self, data: bytes) -> None: ...

    def reset(self) -> None: ...


@dataclass(slots=True, eq=False)
class _Stream:
    """What came in on one link and is not yet a frame."""

    link: Link
    buffer: bytes = b""
    last_us: int = 0
    gap_ms: float = 0  # silence before the frame that is being received


@dataclass(slots=True, eq=False)
class _Pending:
    """A request whose answer is still to come. `prompt`: nothing delays it beyond what a driver waits for."""

    stream: _Stream
    since_us: int
    limit_ms: float
    prompt: bool


@dataclass(frozen=True, slots=True)
class _Asked:
    """A request at one board."""

    request: Request
    board: Board
    stream: _Stream
    epoch: int


class Cable:
    """The line. Faces attach links, hand in what arrives, and are handed what leaves."""

    def __init__(self, cabinet: Cabinet, wire: Wire, *, serial: bool) -> None:
        self.cabinet = cabinet
        self.wire = wire
        self._serial = serial
        self._tl = cabinet.timeline
        self._faults = cabinet.faults
        self._damage = Damage(cabinet.faults, wire, chance(cabinet.parts.seed, "wire"))
        self._streams: dict[int, _Stream] = {}
        self._pending: list[_Pending] = []
        self._held: list[tuple[_Asked, Reply]] = []  # late_into_next
        self._merged = b""
        self._out: deque[tuple[float, bytes, Link | None]] = deque()
        self._sending = False
        self._last_us: int | None = None  # when the line last spoke as a driver may expect
        baud = cabinet.parts.model.baud or cabinet.family.baud
        self._pause_ms = 0 if baud is None else pause_ms(baud)
        self._faults.on(["push_flood"], begins=self._flood)
        for board in cabinet.boards.values():
            self.connect(board)

    def connect(self, board: Board) -> None:
        """Lets a board push."""
        board.on_input = lambda lock, bit: self._push(board, lock, bit)

    def attach(self, link: Link) -> None:
        self._streams[id(link)] = _Stream(link)

    def detach(self, link: Link) -> None:
        stream = self._streams.pop(id(link), None)
        for pending in self._pending:
            if pending.stream is stream:
                pending.prompt = False

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
            self._transmit([(0, data)], link)
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
        self._judge(request, stream)
        held, self._held = self._held, []
        for asked, reply in held:
            self._answer(asked, reply, late=True)
        for board in self._targets(request):
            if board.listens and not self._deaf(request, board, stream):
                self._ask(_Asked(request, board, stream, board.epoch))

    def _targets(self, request: Request) -> list[Board]:
        if request.board is None:
            return list(self.cabinet.boards.values())
        board = self.cabinet.boards.get(request.board)
        return [] if board is None else [board]

    def _judge(self, request: Request, stream: _Stream) -> None:
        trace, now = self.cabinet.trace, self._tl.now
        if request.never:
            trace.broken("never", f"{request.command}: {request.never}", board=request.board, lock=request.lock)
        if self._serial and stream.gap_ms < self._pause_ms:
            trace.broken("silence", f"{stream.gap_ms:g} ms before a frame, not {self._pause_ms:g}")
        if any(p.prompt and (now - p.since_us) / 1000 < p.limit_ms for p in self._pending):
            trace.broken("two_in_flight", request.command, board=request.board)

    def _deaf(self, request: Request, board: Board, stream: _Stream) -> bool:
        if stream.gap_ms < self._pause_ms and self._faults.take("too_fast_deaf", board.address):
            return True
        for type_ in ("baud_mismatch", "ignores_request"):
            if self._faults.take(type_, board.address, request.lock):
                return True
        return False

    def _ask(self, asked: _Asked) -> None:
        request, board, faults = asked.request, asked.board, self._faults
        reply = self.wire.answer(request, board)
        twin = self._twin_reply(asked)
        if reply is None:
            return
        unanswered = request.unlocks and faults.take("acts_without_reply", board.address, request.lock)
        if unanswered or faults.take("no_reply", board.address, request.lock):
            return
        if faults.take("late_into_next", board.address, request.lock):
            self._held = [*self._held[-9:], (asked, reply)]
            return
        late = faults.take("late_reply", board.address, request.lock)
        self._plan(asked, reply, twin, late)

    def _plan(self, asked: _Asked, reply: Reply, twin: "_Twin | None", late: Fault | None) -> None:
        family = self.cabinet.family
        limit: float = family.unlock_ms if asked.request.unlocks else family.read_ms
        if asked.request.command in IN_TURN:
            limit = max(limit, reply.after_ms)
        pending = _Pending(asked.stream, self._tl.now, limit, prompt=late is None)
        self._pending.append(pending)
        delay = reply.after_ms + (late.number("ms") if late else 0)

        def due() -> None:
            self._pending.remove(pending)
            self._answer(asked, reply, twin, late=late is not None)

        self._tl.after(delay, due)

    def _twin_reply(self, asked: _Asked) -> "_Twin | None":
        fault = self._faults.take("duplicate_address", asked.board.address)
        if fault is None:
            return None
        collides = fault.options["answers"] == "collide"
        if fault.options["doors"] == "same":
            return _Twin(None, collides)
        return _Twin(self.wire.answer(asked.request, self.cabinet.twin(asked.board)), collides)

    # ------------------------------------------------------------------ out

    def _answer(self, asked: _Asked, reply: Reply, twin: "_Twin | None" = None, *, late: bool) -> None:
        board, lock = asked.board, asked.request.lock
        if board.epoch != asked.epoch or not board.listens:
            return  # it started again: what it was about to say is lost
        strikes = self._faults.strikes
        data = self._damage.bytes_of(reply.make(), board, lock)
        cut = self._power_cut("answer_byte", board)
        if cut:
            data = data[: int(cut.number("answer_byte"))]
        if self._faults.take("merged", board.address, lock):
            self._merged += data
            return
        data, self._merged = self._merged + data, b""
        chunks = self._damage.chunks(data, board, lock)
        if twin is not None:
            chunks = self._with_twin(data, chunks, twin)
        as_expected = not late and twin is None and strikes == self._faults.strikes
        self._transmit(chunks, self._asker(asked), marks=as_expected)
        if cut:
            self._cut(cut, board)

    def _with_twin(self, data: bytes, chunks: list[Chunk], twin: "_Twin") -> list[Chunk]:
        other = data if twin.reply is None else twin.reply.make()
        if twin.collides:
            return [(0, self._damage.mixed(data, other[1:]))]
        return [*chunks, (FOLLOWS_MS, other)]

    def _asker(self, asked: _Asked) -> Link | None:
        """A converter tells everybody on it; a device with a header on its frames tells who asked."""
        return asked.stream.link if self.cabinet.family.name == "modbus-tcp" else None

    def _transmit(self, chunks: list[Chunk], link: Link | None, *, marks: bool = False) -> None:
        self._out.extend((gap, data, link) for gap, data in chunks)
        if marks:
            self._last_us = self._tl.now
        self._pump()

    def _pump(self) -> None:
        while self._out and not self._sending:
            gap, data, link = self._out.popleft()
            if gap > 0:
                self._sending = True
                self._tl.after(gap, partial(self._after_gap, data, link))
            else:
                self._send(data, link)

    def _after_gap(self, data: bytes, link: Link | None) -> None:
        self._sending = False
        self._send(data, link)
        self._pump()

    def _send(self, data: bytes, link: Link | None) -> None:
        reset = self._faults.take("tcp_reset")
        if reset:
            data = data[: int(reset.number("at_byte"))]
        if self._faults.active("tcp_half_open"):
            return
        if data:
            self.cabinet.trace.add("out", data=data)
        for receiver in self.links if link is None else [one for one in self.links if one is link]:
            if data:
                receiver.send(data)
            if reset:
                receiver.reset()

    # ------------------------------------------------------------------ unasked frames, power

    def _push(self, board: Board, lock: int, bit: bool | None) -> None:
        data = self.wire.push(board.address, lock, bit) if board.listens else None
        if data is not None and not self._faults.take("push_lost", board.address, lock):
            self._transmit([(0, data)], None)

    def _flood(self, fault: Fault) -> None:
        board = self.cabinet.boards[next(iter(self.cabinet.boards)) if fault.board is None else fault.board]

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
        first = self.cabinet.boards[next(iter(self.cabinet.boards)) if fault.board is None else fault.board]
        self.cabinet.cut_power(board or first, fault.number("off_ms"))
        self._faults.strike(fault, fault.board, fault.lock)


@dataclass(frozen=True, slots=True)
class _Twin:
    """What the second board of an address says; reply None: the very same bytes."""

    reply: Reply | None
    collides: bool
