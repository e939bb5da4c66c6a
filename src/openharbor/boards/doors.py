"""The doors of one board: raw bits in, debounced readings and events out (lock-boards.md 4.4, 4.5)."""

from collections.abc import Callable, Iterable, Mapping
from weakref import WeakSet

from openharbor.boards import debounce, pulses
from openharbor.boards.address import Address
from openharbor.boards.cadence import FAST_FOR_S, stale_after
from openharbor.boards.debounce import Change, Door, door_state
from openharbor.boards.door_events import UNMOVED, DoorWatch, events_of, watch
from openharbor.boards.outcomes import BoardEvent, DoorReading, DoorState, EventKind, OpenOutcome
from openharbor.boards.timing import BoardTimes, Settings
from openharbor.kit.clock import Clock


class Doors:
    """`baseline`: the board is not on line yet, so changes are no edges. `pulses`: when each lock was pulsed."""

    def __init__(
        self,
        address: Address,
        equal_reads: int,
        times: BoardTimes,
        *,
        settings: Settings,
        clock: Clock,
        emit: Callable[[BoardEvent], None],
    ) -> None:
        self.baseline = True
        self.period_s = times.poll_s
        self.pulses: pulses.History = {}
        self._address, self._equal, self._times = address, equal_reads, times
        self._settings, self._clock, self._emit = settings, clock, emit
        self._doors: dict[int, Door] = {}
        self._excused: dict[int, float] = {}  # by lock: the bus's `unlocking_s` at its last reading
        self._watches: WeakSet[DoorWatch] = WeakSet()
        self._unmoved: dict[int, int] = {}
        self._suspect: set[int] = set()

    def resize(self, locks: int) -> None:
        self._doors = {lock: self._doors.get(lock, Door()) for lock in range(1, locks + 1)}

    def is_unsettled(self, lock: int | None = None) -> bool:
        """Whether the last reading of this door, or of any, differed from what is accepted."""
        doors = self._doors.values() if lock is None else [self._doors.get(lock, Door())]
        return any(door.unsettled for door in doors)

    def matters(self, lock: int) -> bool:
        """Whether this door is to be read first: it was pulsed lately, or its last reading differed."""
        now = self._clock.monotonic()
        return self.is_unsettled(lock) or pulses.pulsed_within(self.pulses, lock, now, FAST_FOR_S)

    def is_suspect(self, lock: int) -> bool:
        return lock in self._suspect

    def state(self, lock: int) -> DoorState:
        return self._doors[lock].state if lock in self._doors else "unknown"

    def readings(self) -> dict[int, DoorReading]:
        return {lock: DoorReading(door.state, door.raw, door.read_at, door.since) for lock, door in self._doors.items()}

    # Reading

    def observe(self, bits: Mapping[int, bool | None], at: float, unlocking_s: float) -> None:
        """One answer or push of the board. Bits of locks that are not wired, or do not exist, say nothing."""
        for lock, raw in bits.items():
            door = self._doors.get(lock)
            if door is None:
                continue
            feedback = self._address.feedback if self._address.senses(lock) else None
            self._excused[lock] = unlocking_s
            self._take(lock, *debounce.read(door, door_state(raw, feedback), raw, at, self._equal))
            if self._doors[lock].flutters and not door.flutters:
                self._suspend(lock, "more than 6 changes in 10 s")

    def expire(self, unlocking_s: float) -> None:
        """Readings that are too old become unknown; time that unlocks took from the line does not count."""
        now, limit = self._clock.monotonic(), stale_after(self.period_s)
        for lock, door in self._doors.items():
            excused = unlocking_s - self._excused.get(lock, unlocking_s)
            if door.read_at is not None and now - door.read_at - excused > limit:
                self._take(lock, *debounce.lose(door, now))

    def lose(self) -> None:
        """The board is off line: every door unknown, without events of their own."""
        self.baseline = True
        now = self._clock.monotonic()
        for lock, door in self._doors.items():
            self._take(lock, *debounce.lose(door, now))

    def _take(self, lock: int, door: Door, change: Change | None) -> None:
        self._doors[lock] = door
        if change is None:
            return
        for one in self._watches:
            if one.lock == lock:
                one.saw(change)
        for kind in events_of(change, commanded=self._commanded(lock, change), baseline=self.baseline):
            self._tell(kind, lock, change)

    def _commanded(self, lock: int, change: Change) -> bool:
        """Whether a pulse of ours explains that the door is open: a recent one, or one since it was last seen."""
        settings, last = self._settings(), pulses.last(self.pulses, lock)
        window = self._times.pulse_of(settings) / 1000 + self._times.unlock_s + settings.open_detection_seconds
        recent = pulses.pulsed_within(self.pulses, lock, self._clock.monotonic(), window)
        return recent or (last is not None and change.known_at is not None and last >= change.known_at)

    # Opening

    def watch(self, lock: int, unlocking_s: float) -> DoorWatch:
        """Begins to watch a door, as it stands now."""
        self.expire(unlocking_s)
        watched = watch(lock, self.state(lock))
        self._watches.add(watched)
        return watched

    def pulsed(self, locks: Iterable[int], at: float) -> None:
        for lock in locks:
            self.pulses = pulses.pulsed(self.pulses, lock, at)

    def not_pulsed(self, locks: Iterable[int], at: float) -> None:
        """Nothing was sent after all."""
        for lock in locks:
            self.pulses = pulses.not_pulsed(self.pulses, lock, at)

    def judged(self, lock: int, outcome: OpenOutcome, *, acknowledged: bool) -> None:
        """Learns from an attempt whether the sensor can be believed."""
        if outcome.outcome == "jammed":
            self._tell("jammed", lock)
        if outcome.outcome == "opened":
            self._unmoved[lock] = 0
            self._suspect.discard(lock)
        elif acknowledged and (outcome.outcome == "jammed" or outcome.reason == "already_open"):
            self._unmoved[lock] = self._unmoved.get(lock, 0) + 1
            if self._unmoved[lock] == UNMOVED:
                self._suspend(lock, f"{UNMOVED} opens in a row were acknowledged and the door never changed")

    def _suspend(self, lock: int, why: str) -> None:
        if lock not in self._suspect:
            self._suspect.add(lock)
            self._tell("sensor_suspect", lock, detail=why)

    def _tell(self, kind: EventKind, lock: int, change: Change | None = None, detail: str = "") -> None:
        since, during = None, None
        if kind == "uncommanded_open" and change is not None:
            now, last = self._clock.monotonic(), pulses.last(self.pulses, lock)
            pulse_s = self._times.pulse_of(self._settings()) / 1000
            since = None if last is None else round((now - last) * 1000)
            during = pulses.another_at(self.pulses, lock, change.known_at or now, pulse_s)
        self._emit(BoardEvent(kind, self._clock.now(), lock, detail, since, during))
