"""The faults that are in force: whom they strike, from when, and for how long."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Literal, get_args

from openharbor.boards.emulator.fault_kinds import KINDS, Kind, Value, options_of
from openharbor.boards.emulator.timeline import Timeline
from openharbor.boards.emulator.trace import Trace

On = Literal["any", "unlock", "read"]
ON: tuple[On, ...] = get_args(On)

MOST = 1000
DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class Order:
    """A fault that somebody wants: whom it strikes (None: all), from when, and until when."""

    type: str
    board: int | None = None
    lock: int | None = None
    count: int | None = None
    for_ms: float | None = None
    after_ms: float = 0
    options: Mapping[str, Value] = field(default_factory=dict)
    on: On = "any"


@dataclass(slots=True, eq=False)
class Fault:
    """One injected fault. Target None: every board, every lock; `on`: which requests. `left` None: no count."""

    id: int
    type: str
    board: int | None
    lock: int | None
    options: Mapping[str, Value] = field(default_factory=dict)
    left: int | None = None
    on: On = "any"
    started: bool = False
    struck: int = 0
    frozen: dict[tuple[int, int], bool] = field(default_factory=dict)  # of sensor_stuck: bit by board and lock

    def number(self, name: str, otherwise: float = 0) -> float:
        """The option as a number; `otherwise` where the fault may choose."""
        value = self.options.get(name)
        return otherwise if value is None or isinstance(value, str) else value

    def strikes(self, board: int | None, lock: int | None, unlocks: bool | None) -> bool:
        """Whether it is in force for that target. Board None: the whole line; `unlocks` None: not about a request."""
        if not self.started or (board is not None and self.board not in (None, board)):
            return False
        if self.on != "any" and (self.on == "unlock") != unlocks:
            return False
        return self.lock is None or self.lock == lock


Effect = Callable[[Fault], object]


@dataclass(frozen=True, slots=True)
class Scene:
    """Where faults may strike: the family, the kind of line, and how many locks each board has."""

    family: str
    line: str
    locks: Mapping[int, int]


class Faults:
    """Injected at run time with `add`, ended by their count, their time, or `remove`."""

    def __init__(self, timeline: Timeline, trace: Trace, scene: Scene) -> None:
        self._timeline = timeline
        self._trace = trace
        self._scene = scene
        self._ids = count(1)
        self._by_type: dict[str, list[Fault]] = {}
        self._begins: dict[str, Effect] = {}
        self._ends: dict[str, Effect] = {}
        self.strikes = 0  # so far, of all faults

    def on(self, types: Iterable[str], *, begins: Effect | None = None, ends: Effect | None = None) -> None:
        """What a part does when a fault of these types comes into force, and when it ends."""
        for type_ in types:
            if begins is not None:
                self._begins[type_] = begins
            if ends is not None:
                self._ends[type_] = ends

    def add(
        self,
        type_: str,
        *,
        board: int | None = None,
        lock: int | None = None,
        count: int | None = None,
        for_ms: float | None = None,
        after_ms: float = 0,
        on: On = "any",
        **options: Value,
    ) -> int:
        """Injects a fault and gives its id.

        `on` limits what strikes requests and their answers: to unlocks, or to everything else ("read"). It starts
        `after_ms` from now and ends after `count` strikes, after `for_ms`, or when removed. Raises ValueError naming
        what is wrong and the limit.
        """
        return self.inject(Order(type_, board, lock, count, for_ms, after_ms, options, on))

    def inject(self, order: Order) -> int:
        """The same, from an order."""
        options = self.check(order)
        if len(self) >= MOST:
            raise ValueError(f"at most {MOST} faults at a time")
        self._timeline.catch_up()
        fault = Fault(next(self._ids), order.type, order.board, order.lock, options, order.count, order.on)
        self._by_type.setdefault(order.type, []).append(fault)
        if order.after_ms > 0:
            self._timeline.after(order.after_ms, lambda: self._begin(fault, order.for_ms))
        else:
            self._begin(fault, order.for_ms)
        return fault.id

    def check(self, order: Order) -> dict[str, Value]:
        """What `add` refuses, refused without injecting anything; gives the options with their defaults."""
        kind = self._kind(order.type)
        self._check_target(order, kind)
        _check_time(order)
        if order.count is not None and not kind.countable:
            raise ValueError(f"{order.type} is a state: it ends by for_ms or when removed, not by a count")
        if order.on not in ON:
            raise ValueError(f"on must be one of {', '.join(ON)}, not {order.on!r}")
        if order.on != "any" and not kind.asked:
            raise ValueError(f"{order.type} does not strike requests: on must be any")
        return options_of(order.type, order.options)

    def remove(self, fault_id: int) -> bool:
        """Ends a fault; false when there is none of that id (any more)."""
        self._timeline.catch_up()
        found = next((fault for fault in self if fault.id == fault_id), None)
        if found is not None:
            self._end(found)
        return found is not None

    def clear(self) -> None:
        """Ends every fault."""
        for fault in tuple(self):
            self._end(fault)

    def __iter__(self) -> Iterator[Fault]:
        return iter(sorted((fault for found in self._by_type.values() for fault in found), key=lambda f: f.id))

    def __len__(self) -> int:
        return sum(map(len, self._by_type.values()))

    def active(
        self, type_: str, board: int | None = None, lock: int | None = None, unlocks: bool | None = None
    ) -> Fault | None:
        """The oldest fault of that type in force for this target, left as it is."""
        for fault in self._by_type.get(type_, ()):
            if fault.strikes(board, lock, unlocks):
                return fault
        return None

    def take(
        self, type_: str, board: int | None = None, lock: int | None = None, unlocks: bool | None = None
    ) -> Fault | None:
        """The same, but it strikes: traced, and one off its count."""
        fault = self.active(type_, board, lock, unlocks)
        if fault is not None:
            self.strike(fault, board, lock)
        return fault

    def strike(self, fault: Fault, board: int | None, lock: int | None) -> None:
        """Writes down that a fault struck, and ends it with its last strike."""
        fault.struck += 1
        self.strikes += 1
        self._trace.add("fault", board=board, lock=lock, detail=f"{fault.type} #{fault.id}")
        if fault.left is not None:
            fault.left -= 1
            if fault.left <= 0:
                self._end(fault)

    def counted(self, types: Iterable[str], board: int) -> list[Fault]:
        """Faults with a count, of these types, on that board; for what several locks show in one answer."""
        return [
            fault
            for type_ in types
            for fault in self._by_type.get(type_, ())
            if fault.started and fault.left is not None and fault.board in (None, board)
        ]

    def _kind(self, type_: str) -> Kind:
        kind = KINDS.get(type_)
        if kind is None:
            raise ValueError(f"fault type {type_!r} is none of {', '.join(sorted(KINDS))}")
        if kind.families is not None and self._scene.family not in kind.families:
            raise ValueError(f"{type_} exists only on {', '.join(kind.families)}, not on {self._scene.family}")
        if kind.lines is not None and self._scene.line not in kind.lines:
            raise ValueError(f"{type_} exists only on a {' or '.join(kind.lines)} line, not on {self._scene.line}")
        return kind

    def _check_target(self, order: Order, kind: Kind) -> None:
        boards, board, lock = self._scene.locks, order.board, order.lock
        if board is not None and board not in boards:
            raise ValueError(f"board {board} is none of {', '.join(map(str, boards))}")
        most = max(boards.values()) if board is None else boards[board]
        if lock is not None and not 1 <= lock <= most:
            raise ValueError(f"lock must be 1 to {most}, not {lock}")
        if (kind.needs == "lock" and lock is None) or (kind.needs and board is None and len(boards) > 1):
            raise ValueError(f"{order.type} needs a target {kind.needs}")

    def _begin(self, fault: Fault, for_ms: float | None) -> None:
        if fault not in self._by_type.get(fault.type, ()):
            return
        fault.started = True
        if for_ms is not None:
            self._timeline.after(for_ms, lambda: self._end(fault))
        if fault.type in self._begins:
            self._begins[fault.type](fault)
        if KINDS[fault.type].once:
            self.strike(fault, fault.board, fault.lock)
            self._end(fault)

    def _end(self, fault: Fault) -> None:
        found = self._by_type.get(fault.type, [])
        if fault not in found:
            return
        found.remove(fault)
        if fault.started and fault.type in self._ends:
            self._ends[fault.type](fault)


def _check_time(order: Order) -> None:
    count, for_ms, after_ms = order.count, order.for_ms, order.after_ms
    if count is not None and not 1 <= count <= 1_000_000:
        raise ValueError(f"count must be 1 to 1000000, not {count}")
    if for_ms is not None and not 0 < for_ms <= DAY_MS:
        raise ValueError(f"for_ms must be above 0 and up to {DAY_MS}, not {for_ms}")
    if not 0 <= after_ms <= DAY_MS:
        raise ValueError(f"after_ms must be 0 to {DAY_MS}, not {after_ms}")
