"""People in front of the cabinet: one action by name, and the script of somebody who collects (lock-boards.md 6.2)."""

from collections.abc import Callable
from typing import Literal, get_args

from openharbor.boards.emulator.lock import Lock, Parts
from openharbor.boards.emulator.timeline import chance

Action = Literal["pull", "push_shut", "push_ajar", "force", "hold_shut", "let_go"]
ACTIONS: tuple[Action, ...] = get_args(Action)

SHUTS_AFTER_MS = 10_000


def do(lock: Lock, action: Action) -> None:
    """Carries out one action of a person at a lock."""
    acts: dict[Action, Callable[[], object]] = {
        "pull": lock.pull,
        "push_shut": lock.push_shut,
        "push_ajar": lock.push_ajar,
        "force": lock.force,
        "hold_shut": lock.hold_shut,
        "let_go": lock.let_go,
    }
    acts[action]()


class Collector:
    """With `person="collects"`: pulls 1 to 3 s after the release, and shuts 10 s later."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._chance = chance(parts.seed, "person")

    def released(self, lock: Lock) -> None:
        """A latch let go: somebody waits for it."""
        if self._parts.model.person == "collects":
            self._parts.timeline.after(self._chance.uniform(1000, 3000), lambda: self._pulls(lock))

    def _pulls(self, lock: Lock) -> None:
        if lock.pull():
            self._parts.timeline.after(SHUTS_AFTER_MS, lock.push_shut)
