"""Timed lists of what happens to a cabinet, as JSON or YAML (lock-boards.md 6.4)."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import yaml

from openharbor.boards.emulator.emulator import Emulator
from openharbor.boards.emulator.fault_kinds import Value
from openharbor.boards.emulator.faults import On, Order
from openharbor.boards.emulator.lock import Lock
from openharbor.boards.emulator.person import Action, do

MOST_STEPS = 1000
MOST_MS = 7 * 86_400_000
POWER = ("on", "off", "brown_out")

Act = Callable[[], object]


class Target(msgspec.Struct, forbid_unknown_fields=True):
    """Whom a fault strikes; left out: all. `on`: any request, unlocks only, or the others only."""

    board: int | None = None
    lock: int | None = None
    on: On = "any"


class FaultCall(msgspec.Struct, rename="camel"):
    """A fault to inject; what else the object holds are the fault's own options."""

    type: str
    target: Target = msgspec.field(default_factory=Target)
    count: int | None = None
    for_ms: float | None = None
    after_ms: float = 0

    def order(self, given: dict[str, Any]) -> Order:
        own = {"type", "target", "count", "forMs", "afterMs"}
        options: dict[str, Value] = {_snake(name): value for name, value in given.items() if name not in own}
        target = self.target
        return Order(self.type, target.board, target.lock, self.count, self.for_ms, self.after_ms, options, target.on)


class PersonStep(msgspec.Struct, forbid_unknown_fields=True):
    """What a person does at a lock."""

    lock: int
    action: Action
    board: int | None = None


class PowerCall(msgspec.Struct, forbid_unknown_fields=True):
    """Power of a supply: on, off, or a moment of too little."""

    state: str
    supply: str = "main"


class RemoveStep(msgspec.Struct, forbid_unknown_fields=True):
    """A fault that ends."""

    id: int


def fault_act(emulator: Emulator, given: dict[str, Any]) -> Callable[[], int]:
    """Injecting a fault as described. Raises ValueError that says what is wrong with it."""
    order = msgspec.convert(given, FaultCall).order(given)
    emulator.faults.check(order)
    return lambda: emulator.faults.inject(order)


def person_act(emulator: Emulator, board: int | None, number: int, action: Action) -> Act:
    """What a person does. Raises ValueError for a lock that is not there."""
    lock = _lock(emulator, board, number)
    return lambda: do(lock, action)


def power_act(emulator: Emulator, call: PowerCall) -> Act:
    """Switching a supply. Raises ValueError for one that is not there, or an unknown state."""
    supplies = emulator.cabinet.supplies
    if call.supply not in supplies:
        raise ValueError(f"supply {call.supply!r} is none of {', '.join(supplies)}")
    if call.state not in POWER:
        raise ValueError(f"state must be one of {', '.join(POWER)}, not {call.state!r}")
    supply = supplies[call.supply]
    return supply.brown_out if call.state == "brown_out" else lambda: supply.switch(on=call.state == "on")


def play(emulator: Emulator, steps: list[dict[str, Any]]) -> int:
    """Plans every step from now on and gives their number. Nothing is planned when one is wrong: ValueError."""
    if len(steps) > MOST_STEPS:
        raise ValueError(f"at most {MOST_STEPS} steps, not {len(steps)}")
    planned = [_step(emulator, position, step) for position, step in enumerate(steps, 1)]
    emulator.cabinet.timeline.catch_up()
    for at_ms, act in planned:
        emulator.cabinet.timeline.after(at_ms, act)
    return len(planned)


def load_scenario(path: Path) -> list[dict[str, Any]]:
    """The steps in a YAML file. Raises ValueError when it holds no list of steps."""
    try:
        steps = yaml.safe_load(path.read_text())
        return msgspec.convert(steps, list[dict[str, Any]])
    except (yaml.YAMLError, msgspec.ValidationError) as error:
        raise ValueError(f"{path}: {error}") from error


def _step(emulator: Emulator, position: int, step: dict[str, Any]) -> tuple[float, Act]:
    rest = {name: value for name, value in step.items() if name not in ("atMs", "do")}
    try:
        return _moment(step.get("atMs")), _act(emulator, step.get("do"), rest)
    except ValueError as error:
        raise ValueError(f"step {position}: {error}") from error


def _act(emulator: Emulator, kind: object, rest: dict[str, Any]) -> Act:
    match kind:
        case "person":
            person = msgspec.convert(rest, PersonStep)
            return person_act(emulator, person.board, person.lock, person.action)
        case "fault":
            return fault_act(emulator, rest)
        case "removeFault":
            fault = msgspec.convert(rest, RemoveStep)
            return lambda: emulator.faults.remove(fault.id)
        case "power":
            return power_act(emulator, msgspec.convert(rest, PowerCall))
        case "reset" if not rest:
            return emulator.reset
    raise ValueError(f"do must be one of person, fault, removeFault, power, reset, not {kind!r}")


def _moment(at_ms: object) -> float:
    if isinstance(at_ms, bool) or not isinstance(at_ms, int | float) or not 0 <= at_ms <= MOST_MS:
        raise ValueError(f"atMs must be a number of 0 to {MOST_MS}, not {at_ms!r}")
    return at_ms


def _lock(emulator: Emulator, board: int | None, number: int) -> Lock:
    boards = emulator.locks
    address = next(iter(boards)) if board is None else board
    if address not in boards:
        raise ValueError(f"board {address} is none of {', '.join(map(str, boards))}")
    if number not in boards[address]:
        raise ValueError(f"lock must be 1 to {len(boards[address])}, not {number}")
    return boards[address][number]


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z])([A-Z])", r"_\1", name).lower()
