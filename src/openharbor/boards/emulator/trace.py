"""What happened, numbered: bytes, coils, supply current, doors, faults that struck, and rules that were broken."""

from collections import deque
from collections.abc import Iterator
from itertools import count
from typing import Literal

import msgspec

from openharbor.boards.emulator.timeline import Timeline

Kind = Literal["in", "out", "coil_on", "coil_off", "current", "latch", "door", "fault", "power", "link", "violation"]
Broken = Literal["two_coils", "coil_too_long", "hold", "never", "silence", "two_in_flight"]

KEPT = 100_000
KEPT_A_LOCK = 10_000


class Entry(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """One line of the trace. `at_ms` since the model began; `ms` how long a coil was on; `ma` current of the supply."""

    n: int
    at_ms: float
    kind: Kind
    board: int | None = None
    lock: int | None = None
    hex: str = ""
    detail: str = ""
    ms: float | None = None
    ma: int | None = None


class Pulse(msgspec.Struct, rename="camel"):
    """One pulse that a board gave to a solenoid. `ms` None: still on. `ma` 0: the coil is burnt and drew nothing."""

    board: int
    lock: int
    at_ms: float
    ma: int
    ms: float | None = None


class Violation(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """A rule of lock-boards.md 6.5 that was broken. `by_fault`: an injected fault did it, not the driver."""

    kind: Broken
    at_ms: float
    detail: str = ""
    board: int | None = None
    lock: int | None = None
    by_fault: bool = False


class Trace:
    """The last 100,000 entries and pulses (10,000 a lock), and the last 1,000 violations."""

    def __init__(self, timeline: Timeline) -> None:
        self._timeline = timeline
        self._numbers = count(1)
        self.entries: deque[Entry] = deque(maxlen=KEPT)
        self.pulses: deque[Pulse] = deque(maxlen=KEPT)
        self.violations: deque[Violation] = deque(maxlen=1000)
        self._of_lock: dict[tuple[int, int], deque[Pulse]] = {}

    def __iter__(self) -> Iterator[Entry]:
        return iter(tuple(self.entries))

    def __len__(self) -> int:
        return len(self.entries)

    def add(
        self,
        kind: Kind,
        *,
        board: int | None = None,
        lock: int | None = None,
        data: bytes = b"",
        detail: str = "",
        ms: float | None = None,
        ma: int | None = None,
    ) -> None:
        """Writes one entry at the model's present time."""
        spelled = data.hex(" ").upper()
        self.entries.append(Entry(next(self._numbers), self._timeline.ms, kind, board, lock, spelled, detail, ms, ma))

    def pulse(self, board: int, lock: int, ma: int) -> Pulse:
        """Writes a pulse that began now."""
        pulse = Pulse(board, lock, self._timeline.ms, ma)
        self.pulses.append(pulse)
        self._of_lock.setdefault((board, lock), deque(maxlen=KEPT_A_LOCK)).append(pulse)
        return pulse

    def pulses_of(self, board: int, lock: int) -> tuple[Pulse, ...]:
        """The pulses of one lock, oldest first."""
        return tuple(self._of_lock.get((board, lock), ()))

    def broken(
        self,
        kind: Broken,
        detail: str = "",
        *,
        board: int | None = None,
        lock: int | None = None,
        by_fault: bool = False,
    ) -> None:
        """Writes that a rule was broken now."""
        self.violations.append(Violation(kind, self._timeline.ms, detail, board, lock, by_fault))
        self.add("violation", board=board, lock=lock, detail=f"{kind}: {detail}" if detail else kind)

    def of(self, kind: Kind) -> list[Entry]:
        """The entries of one kind, oldest first."""
        return [entry for entry in self.entries if entry.kind == kind]

    def since(self, n: int, limit: int = KEPT) -> list[Entry]:
        """Entries numbered above `n`, oldest first, at most `limit`."""
        found = []
        for entry in self.entries if n <= 0 else self._newer(n):
            found.append(entry)
            if len(found) == limit:
                break
        return found

    def clear(self) -> None:
        """Forgets everything; numbers go on."""
        self.entries.clear()
        self.pulses.clear()
        self.violations.clear()
        self._of_lock.clear()

    def _newer(self, n: int) -> Iterator[Entry]:
        behind = 0
        for entry in reversed(self.entries):
            if entry.n <= n:
                break
            behind += 1
        return iter(tuple(self.entries)[len(self.entries) - behind :])
