"""One lock: solenoid, latch, door, switch and wire (lock-boards.md 6.2)."""

from dataclasses import dataclass
from typing import Literal, Protocol

from openharbor.boards.emulator.faults import Faults
from openharbor.boards.emulator.model import Model
from openharbor.boards.emulator.timeline import Timeline, Timer
from openharbor.boards.emulator.trace import Pulse, Trace

DoorNow = Literal["closed", "ajar", "open"]
RELATCH_MS = 60  # after a release, with the fault `relatches`: before any spring moves the door


@dataclass(frozen=True, slots=True)
class Parts:
    """What every part of one cabinet shares. `feedback` as resolved for the family."""

    timeline: Timeline
    trace: Trace
    faults: Faults
    model: Model
    feedback: str
    seed: int


class Owner(Protocol):
    """The board a lock is wired to."""

    @property
    def address(self) -> int: ...

    def lock_moved(self, lock: "Lock") -> None:
        """Latch, door or wire changed: the input bit may have."""

    def lock_released(self, lock: "Lock") -> None:
        """The latch let go of the door."""


class Lock:
    """Mechanics of one lock. The public actions are those of a person in front of the door."""

    def __init__(self, number: int, board: Owner, parts: Parts) -> None:
        self.number = number
        self._board = board
        self._parts = parts
        self._door: DoorNow = "closed"
        self._released = False
        self._held = False
        self._spring: Timer | None = None
        self.shown = True  # what the switch showed last
        self.edge_us: int | None = None  # when it last changed
        self.burnt = False
        self.current = False  # flows through the solenoid

    # ------------------------------------------------------------------ what can be seen

    @property
    def door(self) -> DoorNow:
        self._parts.timeline.catch_up()
        return self._door

    @property
    def released(self) -> bool:
        """The latch does not hold the door."""
        self._parts.timeline.catch_up()
        return self._released

    @property
    def held(self) -> bool:
        return self._held

    @property
    def pulses(self) -> tuple[Pulse, ...]:
        """Every pulse a board gave to this solenoid, oldest first."""
        self._parts.timeline.catch_up()
        return self._parts.trace.pulses_of(self._board.address, self.number)

    @property
    def contact(self) -> bool:
        """What the switch shows: True for door shut, or for hook engaged where the model has `sensor="hook"`."""
        shut = self._door == "closed"
        return shut and not self._released if self._parts.model.sensor == "hook" else shut

    # ------------------------------------------------------------------ a person

    def pull(self) -> bool:
        """Pulls the door; it opens if the latch has let go. True if the door is open afterwards."""
        self._parts.timeline.catch_up()
        if self._door == "ajar" or (self._released and not self._faulty("stuck_door")):
            self._held = False
            self._move("open")
        return self._door == "open"

    def push_shut(self) -> bool:
        """Pushes the door shut; the latch engages. True if it is latched afterwards."""
        self._parts.timeline.catch_up()
        momentary_current = self.current and self._parts.model.latch == "momentary"
        self._engage(still_released=momentary_current and self._released)
        return not self._released

    def push_ajar(self) -> bool:
        """Pushes an open door to without latching it. True if it is ajar afterwards."""
        self._parts.timeline.catch_up()
        if self._door == "open" or (self._door == "closed" and self._released):
            self._move("ajar")
        return self._door == "ajar"

    def force(self) -> None:
        """Opens the door without the solenoid: a lever, a broken latch."""
        self._parts.timeline.catch_up()
        self._held = False
        self._move("open")

    def hold_shut(self) -> None:
        """Leans on the door: no spring moves it."""
        self._parts.timeline.catch_up()
        self._held = True

    def let_go(self) -> None:
        """Stops leaning on it."""
        self._parts.timeline.catch_up()
        self._held = False
        self._arm_spring()

    # ------------------------------------------------------------------ the solenoid, by its board

    def pull_in(self) -> None:
        """Current has flowed for the release time: the latch lets go, if it can."""
        if self._released or self._strikes("latch_jammed"):
            return
        self._released = True
        self._parts.trace.add("latch", board=self._board.address, lock=self.number, detail="released")
        self._changed()
        self._arm_spring()
        self._board.lock_released(self)
        if self._door == "closed" and self._strikes("relatches"):
            self._parts.timeline.after(RELATCH_MS, self._latch_again)

    def current_ended(self) -> None:
        """A momentary latch engages again, unless the door has left it."""
        self.current = False
        if self._parts.model.latch == "momentary":
            self._latch_again()

    def reset(self) -> None:
        """Shut and latched, nobody leaning, coil as new."""
        self._held = self.burnt = False
        self._engage(still_released=False)

    # ------------------------------------------------------------------ inside

    def _faulty(self, type_: str) -> bool:
        return self._parts.faults.active(type_, self._board.address, self.number) is not None

    def _strikes(self, type_: str) -> bool:
        return self._parts.faults.take(type_, self._board.address, self.number) is not None

    def _arm_spring(self) -> None:
        if not self._parts.model.spring or not self._released or self._door != "closed":
            return
        if self._spring is not None:
            self._spring.cancel()
        self._spring = self._parts.timeline.after(self._parts.model.pop_ms, self._pop)

    def _pop(self) -> None:
        if not self._released or self._door != "closed" or self._held:
            return
        if not self._strikes("stuck_door") and not self._strikes("weak_spring"):
            self._move("open")

    def _latch_again(self) -> None:
        if self._door == "closed" and self._released:
            self._engage(still_released=False)

    def _engage(self, *, still_released: bool) -> None:
        if self._released and not still_released:
            self._released = False
            self._parts.trace.add("latch", board=self._board.address, lock=self.number, detail="engaged")
        if self._door != "closed":
            self._move("closed")
        else:
            self._changed()

    def _move(self, door: DoorNow) -> None:
        if door == self._door:
            return
        self._door = door
        if door != "closed":
            self._released = True  # a door that has left its latch is held by nothing
        self._parts.trace.add("door", board=self._board.address, lock=self.number, detail=door)
        self._changed()

    def _changed(self) -> None:
        self._board.lock_moved(self)
