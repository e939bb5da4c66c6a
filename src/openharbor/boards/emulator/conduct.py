"""Whether the driver keeps the rules of a line (lock-boards.md 2.1, 6.5)."""

from dataclasses import dataclass

from openharbor.boards.emulator.cabinet import Cabinet
from openharbor.boards.emulator.families import pause_ms
from openharbor.boards.emulator.wire import Request

IN_TURN = ("open_all", "open_sequence")  # answered when the last lock has fired


@dataclass(slots=True, eq=False)
class Pending:
    """A request whose answer is still to come. `prompt`: nothing delays it beyond what a driver waits for."""

    link: object
    since_us: int
    limit_ms: float
    prompt: bool


class Conduct:
    """Watches requests come in, and writes down what a driver must not do."""

    def __init__(self, cabinet: Cabinet, *, serial: bool) -> None:
        self._cabinet = cabinet
        self._serial = serial
        self._pending: list[Pending] = []
        baud = cabinet.parts.model.baud or cabinet.family.baud
        self.pause_ms = 0 if baud is None else pause_ms(baud)

    def judge(self, request: Request, gap_ms: float) -> None:
        """A frame came, after that much silence: may it?"""
        trace, now = self._cabinet.trace, self._cabinet.timeline.now
        if request.never:
            trace.broken("never", f"{request.command}: {request.never}", board=request.board, lock=request.lock)
        if self._serial and gap_ms < self.pause_ms:
            trace.broken("silence", f"{gap_ms:g} ms before a frame, not {self.pause_ms:g}")
        if any(one.prompt and (now - one.since_us) / 1000 < one.limit_ms for one in self._pending):
            trace.broken("two_in_flight", request.command, board=request.board)

    def expect(self, request: Request, link: object, after_ms: float, *, prompt: bool) -> Pending:
        """An answer is on its way; until it came or the driver gave up, nothing else may be asked."""
        family = self._cabinet.family
        limit: float = family.unlock_ms if request.unlocks else family.read_ms
        if request.command in IN_TURN:
            limit = max(limit, after_ms)
        pending = Pending(link, self._cabinet.timeline.now, limit, prompt)
        self._pending.append(pending)
        return pending

    def answered(self, pending: Pending) -> None:
        self._pending.remove(pending)

    def gone(self, link: object) -> None:
        """Who asked over this link does not wait any more."""
        for pending in self._pending:
            if pending.link is link:
                pending.prompt = False
