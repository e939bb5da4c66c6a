"""The device model: supplies, boards, locks, and what faults do to them (lock-boards.md 6.2)."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import TypeVar

from openharbor.boards.emulator.board import Board
from openharbor.boards.emulator.families import Family
from openharbor.boards.emulator.fault_kinds import SENSOR_KINDS
from openharbor.boards.emulator.faults import Fault, Faults, Scene
from openharbor.boards.emulator.lock import Lock, Parts
from openharbor.boards.emulator.model import Model, checked, feedback_of
from openharbor.boards.emulator.person import Collector
from openharbor.boards.emulator.supply import Supply
from openharbor.boards.emulator.timeline import Timeline
from openharbor.boards.emulator.trace import Trace, Violation

T = TypeVar("T")


class Cabinet:
    """Everything behind the wire. Deterministic: its only inputs are the timeline, the seed and its callers."""

    def __init__(
        self,
        family: Family,
        timeline: Timeline,
        *,
        seed: int = 7,
        model: Model | None = None,
        line: str = "tcp",
    ) -> None:
        model = checked(model or Model())
        self.family = family
        self.timeline = timeline
        self.trace = Trace(timeline)
        self.boards: dict[int, Board] = {}
        self.supplies: dict[str, Supply] = {}
        self.twins: dict[int, Board] = {}
        self._counts: dict[int, int] = {}
        self.faults = Faults(timeline, self.trace, Scene(family.name, line, self._counts))
        self.parts = Parts(timeline, self.trace, self.faults, model, feedback_of(model, family), seed)
        self._collector = Collector(self.parts)
        self._wire_faults()

    def add_board(self, address: int, locks: int, supply: str = "main") -> Board:
        """A further board. Raises ValueError naming the limit."""
        if address not in self.family.boards:
            first, last = self.family.boards[0], self.family.boards[-1]
            raise ValueError(f"{self.family.address_name} must be {first} to {last}, not {address}")
        if address in self.boards:
            raise ValueError(f"{self.family.address_name} {address} is taken")
        if not 1 <= locks <= self.family.most_locks:
            raise ValueError(f"locks must be 1 to {self.family.most_locks} for {self.family.name}, not {locks}")
        board = self._make(address, locks, supply, self.parts)
        self._counts[address] = locks
        self.boards[address] = board
        return board

    def twin(self, board: Board) -> Board:
        """A second board of the same address with doors of its own, on a supply of its own."""
        if board.address not in self.twins:
            trace = Trace(self.timeline)
            faults = Faults(self.timeline, trace, Scene(self.family.name, "", {}))
            parts = replace(self.parts, trace=trace, faults=faults)
            self.twins[board.address] = self._make(board.address, len(board.locks), f"twin-{board.address}", parts)
        return self.twins[board.address]

    def locks(self) -> Mapping[int, Mapping[int, Lock]]:
        """Locks by board and number."""
        return {address: board.locks for address, board in self.boards.items()}

    def violations(self, *, all_of_them: bool = False) -> list[Violation]:
        """Rules of lock-boards.md 6.5 that were broken; without those that an injected fault broke, unless asked."""
        self.timeline.catch_up()
        found = [*self.trace.violations, *self._overdue()]
        return [violation for violation in found if all_of_them or not violation.by_fault]

    def reset(self) -> None:
        """All faults off, power on, doors shut, trace empty."""
        self.timeline.catch_up()
        self.faults.clear()
        self.twins.clear()
        for supply in self.supplies.values():
            supply.switch(on=True)
        for board in self.boards.values():
            board.reset()
        self.trace.clear()

    def _make(self, address: int, locks: int, supply: str, parts: Parts) -> Board:
        if supply not in self.supplies:
            self.supplies[supply] = Supply(supply, parts)
        board = Board(address, locks, self.supplies[supply], parts)
        board.on_release = self._collector.released
        board.on_pulse = lambda lock: self._pulsed(board, lock)
        return board

    def _overdue(self) -> list[Violation]:
        at = self.timeline.ms
        return [
            Violation("coil_too_long", at, f"on for {coil.on_for_ms:g} ms", board.address, number, coil.by_fault)
            for board in self.boards.values()
            for number, coil in board.coils.items()
            if coil.overdue
        ]

    # ------------------------------------------------------------------ faults of mechanics, sensors and power

    def _wire_faults(self) -> None:
        on = self.faults.on
        on(SENSOR_KINDS, begins=self._inputs_changed, ends=self._inputs_changed)
        on(["opens_by_itself"], begins=lambda fault: _each(self._struck(fault), Lock.force))
        on(["coil_stuck_on"], ends=lambda fault: _each(self._of(fault), Board.unstick))
        on(["power_off"], begins=lambda fault: self._power(fault, on=False), ends=lambda f: self._power(f, on=True))
        on(["power_on"], begins=lambda fault: self._power(fault, on=True))
        on(["brown_out"], begins=lambda fault: _each(self._supplies(fault), Supply.brown_out))
        on(["reboot"], begins=lambda fault: _each(self._of(fault), Board.reboot))
        on(["mode_linked"], begins=self._link, ends=self._unlink)

    def _of(self, fault: Fault) -> list[Board]:
        return [board for address, board in self.boards.items() if fault.board in (None, address)]

    def _supplies(self, fault: Fault) -> list[Supply]:
        return list(dict.fromkeys(board.supply for board in self._of(fault)))

    def _struck(self, fault: Fault) -> list[Lock]:
        return [lock for board in self._of(fault) for lock in board.locks.values() if fault.lock in (None, lock.number)]

    def _inputs_changed(self, fault: Fault) -> None:
        for board in self._of(fault):
            board.inputs_changed()

    def _power(self, fault: Fault, *, on: bool) -> None:
        for supply in self._supplies(fault):
            supply.switch(on=on)

    def cut_power(self, board: Board, off_ms: float) -> None:
        """Power fails now and comes back after `off_ms`."""
        board.supply.switch(on=False)
        self.timeline.after(off_ms, lambda: board.supply.switch(on=True))

    def _pulsed(self, board: Board, lock: int) -> None:
        fault = self.faults.active("power_cut_at", board.address, lock)
        if fault is not None and fault.options["pulse_ms"] is not None:
            off_ms = fault.number("off_ms")
            self.timeline.after(fault.number("pulse_ms"), lambda: self.cut_power(board, off_ms))
            self.faults.strike(fault, board.address, lock)

    def _link(self, fault: Fault) -> None:
        for board in self._of(fault):
            board.set_mode(int(fault.number("ch")), 1)

    def _unlink(self, fault: Fault) -> None:
        for board in self._of(fault):
            board.set_mode(int(fault.number("ch")), 0)


def _each(things: Iterable[T], act: Callable[[T], None]) -> None:
    for thing in things:
        act(thing)
