"""A board's output to one solenoid: on, timed by the board, and off (lock-boards.md 2.6, 6.2, 6.5)."""

from openharbor.boards.emulator.lock import Lock, Parts
from openharbor.boards.emulator.supply import Supply
from openharbor.boards.emulator.timeline import Timer
from openharbor.boards.emulator.trace import Pulse

ALLOWED = 1.2  # a coil may be on for its pulse + 20 %


class Coil:
    """Fires one lock. Only a board timer may end a pulse; a hold has none, which is a violation."""

    def __init__(self, board: int, lock: Lock, supply: Supply, parts: Parts) -> None:
        self._board = board
        self._lock = lock
        self._supply = supply
        self._parts = parts
        self._timers: list[Timer] = []
        self._release: Timer | None = None
        self._pulse: Pulse | None = None
        self._since = 0
        self._planned: float | None = None
        self._by_fault = False
        self._stuck = False

    @property
    def on(self) -> bool:
        return self._pulse is not None

    @property
    def by_fault(self) -> bool:
        """Its time is, or may be, the doing of a fault."""
        return self._by_fault

    def pulse(self, ms: float, *, real_ms: float, by_fault: bool = False) -> None:
        """On for `ms` as ordered, `real_ms` by the board's timer. While on, the timer starts again."""
        self._begin(ms, by_fault=by_fault or real_ms > ms * ALLOWED)
        if self.on:
            self._timers.append(self._parts.timeline.after(real_ms, self.time_out))

    def hold(self, *, by_fault: bool = False) -> None:
        """On until told otherwise."""
        self._parts.trace.broken("hold", board=self._board, lock=self._lock.number, by_fault=by_fault)
        self._begin(None, by_fault=by_fault)

    def time_out(self) -> None:
        """The board's timer, or a command, switches the output off; a welded contact does not care."""
        if self._parts.faults.take("coil_stuck_on", self._board, self._lock.number):
            self._cancel()
            self._stuck = self._by_fault = True
            return
        self.off()

    def unstick(self) -> None:
        """The welded contact came free."""
        if self._stuck:
            self._stuck = False
            self.off()

    def off(self) -> None:
        """Off, whatever the reason."""
        pulse, self._pulse = self._pulse, None
        if pulse is None:
            return
        self._cancel()
        self._cut_current()
        pulse.ms = self.on_for_ms
        self._judge()
        self._parts.trace.add("coil_off", board=self._board, lock=self._lock.number, ms=pulse.ms)
        self._supply.coil_changed(self._board, self._lock.number, None)
        self._by_fault = self._stuck = False
        self._lock.current_ended()

    def _cut_current(self) -> None:
        if self._release is not None:
            self._release.cancel()
            self._release = None

    @property
    def on_for_ms(self) -> float:
        return (self._parts.timeline.now - self._since) / 1000

    @property
    def overdue(self) -> bool:
        """On for longer than its pulse + 20 %."""
        return self.on and self._planned is not None and self.on_for_ms > self._planned * ALLOWED

    def _judge(self) -> None:
        if self._planned is not None and self.on_for_ms > self._planned * ALLOWED:
            detail = f"{self.on_for_ms:g} ms instead of {self._planned:g}"
            self._parts.trace.broken(
                "coil_too_long", detail, board=self._board, lock=self._lock.number, by_fault=self._by_fault
            )

    def _begin(self, ms: float | None, *, by_fault: bool) -> None:
        restarted = self.on
        self._cancel()
        burnt = self._lock.burnt or self._parts.faults.take("coil_burnt", self._board, self._lock.number) is not None
        ma = 0 if burnt else self._parts.model.coil_ma
        if restarted:  # one stretch of current: whoever prolongs it breaks the limit of 6.5
            ms = None if ms is None or self._planned is None else max(ms, self._planned)
            self._by_fault = self._by_fault or by_fault
        else:
            self._since, self._by_fault = self._parts.timeline.now, by_fault
        self._planned = ms
        if self._pulse is not None:
            self._pulse.ms = self.on_for_ms
        self._pulse = self._parts.trace.pulse(self._board, self._lock.number, ma)
        self._parts.trace.add("coil_on", board=self._board, lock=self._lock.number, ma=ma)
        self._flow(burnt=burnt, ma=ma)

    def _flow(self, *, burnt: bool, ma: int) -> None:
        model, timeline = self._parts.model, self._parts.timeline
        if not self._supply.coil_on(self._board, self._lock.number, ma, by_fault=self._by_fault) or burnt:
            return
        if not self._lock.current:
            self._lock.current = True
            self._release = timeline.after(model.release_ms, self._lock.pull_in)
        self._timers.append(timeline.after(max(model.burn_ms - self.on_for_ms, 0), self._burn))

    def _burn(self) -> None:
        self._lock.burnt = True
        self._parts.trace.add("fault", board=self._board, lock=self._lock.number, detail="coil burnt out")
        self._supply.coil_changed(self._board, self._lock.number, 0)
        self._lock.current_ended()

    def _cancel(self) -> None:
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()
