"""The short calls of cli.md for the first board: a thin layer over doors, faults and power."""

from dataclasses import dataclass, field
from typing import Any, Literal

from openharbor.boards.emulator.board import Board
from openharbor.boards.emulator.emulator import Emulator
from openharbor.boards.emulator.fault_kinds import Value
from openharbor.boards.emulator.faults import Order
from openharbor.boards.emulator.lock import Lock

LockerFault = Literal["jam", "cut_wire", "stuck_sensor", "none"]
LineFault = Literal["silent", "garbage", "half_frame", "late", "echo", "none"]

LOCKER_FAULTS = {"jam": "latch_jammed", "cut_wire": "wire_cut", "stuck_sensor": "sensor_stuck"}
LINE_FAULTS: dict[str, tuple[str, dict[str, Value]]] = {
    "silent": ("ignores_request", {}),
    "garbage": ("garbage", {}),
    "half_frame": ("half_frame", {}),
    "late": ("late_reply", {"ms": 5000}),  # later than any driver waits (lock-boards.md 4.8)
    "echo": ("echo", {}),
}


class NoSuchLocker(LookupError):
    """The first board has no locker of that number."""


class Latched(Exception):
    """The door cannot be pulled open."""


@dataclass(slots=True)
class Shortcuts:
    """One fault at a time for each locker and for the line; the next replaces it, `none` ends it."""

    emulator: Emulator
    _lockers: dict[int, tuple[LockerFault, int]] = field(default_factory=dict)
    _line: int | None = None

    def lockers(self) -> list[dict[str, Any]]:
        """Every locker of the first board."""
        return [self.locker(number) for number in self._board.locks]

    def locker(self, number: int) -> dict[str, Any]:
        """One locker. Raises NoSuchLocker."""
        lock = self._lock(number)
        fault, _ = self._lockers.get(number, ("none", 0))
        return {
            "locker": number,
            "door": lock.door,
            "latched": not lock.released,
            "fault": fault,
            "pulses": len(lock.pulses),
        }

    def door(self, number: int, *, open_: bool, force: bool = False) -> dict[str, Any]:
        """Pulls the door open or pushes it shut. Raises NoSuchLocker, and Latched for a door that holds."""
        lock = self._lock(number)
        if not open_:
            lock.push_shut()
        elif force:
            lock.force()
        elif not lock.pull():
            why = "the door is stuck" if lock.released else "it is latched: unlock it first"
            raise Latched(f'locker {number} does not open, {why}, or give "force": true')
        return self.locker(number)

    def fault(self, number: int, fault: LockerFault) -> dict[str, Any]:
        """Gives a locker a fault. Raises NoSuchLocker."""
        self._lock(number)
        earlier = self._lockers.pop(number, None)
        if earlier is not None:
            self.emulator.faults.remove(earlier[1])
        if fault != "none":
            added = self.emulator.faults.add(LOCKER_FAULTS[fault], board=self._board.address, lock=number)
            self._lockers[number] = fault, added
        return self.locker(number)

    def line_fault(self, fault: LineFault) -> dict[str, Any]:
        """Gives the line a fault."""
        if self._line is not None:
            self.emulator.faults.remove(self._line)
            self._line = None
        if fault != "none":
            type_, options = LINE_FAULTS[fault]
            board = None if fault == "echo" else self._board.address
            self._line = self.emulator.faults.inject(Order(type_, board, options=options))
        return {"fault": fault}

    def power(self, *, on: bool) -> dict[str, Any]:
        """Switches the first board's supply."""
        self.emulator.cabinet.timeline.catch_up()
        self._board.supply.switch(on=on)
        return {"on": self._board.supply.on}

    def forget(self) -> None:
        """After a reset: no fault is known any more."""
        self._lockers.clear()
        self._line = None

    @property
    def _board(self) -> Board:
        return next(iter(self.emulator.cabinet.boards.values()))

    def _lock(self, number: int) -> Lock:
        if number not in self._board.locks:
            raise NoSuchLocker(f"locker must be 1 to {len(self._board.locks)}, not {number}")
        return self._board.locks[number]
