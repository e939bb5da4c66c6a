"""Service providers that keep a cloud busy until it is killed: each in a thread of its own, with its own book.

Each has lockers to itself, where every answer is known beforehand, and tries its luck with lockers that all want.
"""

import random
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from harness.client import LOST, Answered, Client
from harness.clouds import TOWER

MOST_TOKENS = 16  # of one assignment (service-provider.yaml)
TAKEN = {"detail": "Locker is not available"}
AFTER = {
    ("available", "reserve"): "reserved",
    ("reserved", "cancel"): "available",
    ("reserved", "release"): "available",
    ("rented", "release"): "declined",
    ("available", "token"): "rented",
    ("reserved", "token"): "rented",
    ("rented", "token"): "rented",
    ("declined", "token"): "rented",
}
CHOICES = {
    "available": ("reserve", "reserve", "reserve", "token"),
    "reserved": ("cancel", "cancel", "release", "token"),
    "rented": ("token", "release"),
    "declined": ("token",),
}


class UnexpectedAnswerError(AssertionError):
    """The cloud answered what it should not."""


@dataclass(frozen=True)
class Step:
    """One request about one locker. `reservation`: the one to be cancelled. `client_info`: of a token, never twice."""

    what: str
    locker: int
    reservation: int = 0
    client_info: str = ""

    def request(self) -> tuple[str, str, Any]:
        path = f"/api/v1/towers/{TOWER}/lockers/{self.locker}"
        if self.what == "reserve":
            return "POST", f"{path}/reservations", {"duration": 86_400}
        if self.what == "cancel":
            return "DELETE", f"{path}/reservations/{self.reservation}", None
        if self.what == "release":
            return "POST", f"{path}/release-locker", {}
        return "POST", f"{path}/dropoff-locker-tokens", {"duration": 86_400, "client_info": self.client_info}


@dataclass
class Book:
    """What one provider knows. `status` and `reservation` of its own lockers; `won`: reservations of wanted lockers.

    `reservations` and `tokens` were acknowledged. `ended`: why reservations ended. `cancelled`: those that did so by a
    cancel; `releases`: how many there were of each locker.
    """

    name: str
    organization_id: int
    own: tuple[int, ...]
    wanted: tuple[int, ...]
    status: dict[int, str] = field(default_factory=dict)
    reservation: dict[int, int] = field(default_factory=dict)
    minted: Counter[int] = field(default_factory=Counter)
    won: dict[int, int] = field(default_factory=dict)
    reservations: dict[int, dict[str, Any]] = field(default_factory=dict)
    tokens: dict[int, tuple[Step, dict[str, Any]]] = field(default_factory=dict)
    ended: dict[int, str] = field(default_factory=dict)
    cancelled: set[int] = field(default_factory=set)
    releases: Counter[int] = field(default_factory=Counter)
    doubt: Step | None = None
    acknowledged: int = 0
    steps: int = 0

    def choose(self, chance: random.Random) -> Step:
        """The next step."""
        fresh = [one for one in self.own if self.minted[one] < MOST_TOKENS]
        if chance.random() < 0.3 or not fresh:
            locker = chance.choice(self.wanted)
            won = self.won.get(locker)
            return Step("reserve", locker) if won is None else Step("cancel", locker, won)
        locker = chance.choice(fresh)
        self.steps += 1
        return Step(
            chance.choice(CHOICES[self.status.get(locker, "available")]),
            locker,
            self.reservation.get(locker, 0),
            f"{self.name}-{self.steps}",
        )

    def ask(self, client: Client, step: Step) -> bool:
        """Sends it and books the answer; false when the connection was lost, and the step stays in doubt."""
        self.doubt = step
        try:
            answer = client.request(*step.request())
        except LOST:
            return False
        self.doubt = None
        self.settle(step, answer)
        return True

    def settle(self, step: Step, answer: Answered) -> None:
        """Books an answer. Raises UnexpectedAnswerError."""
        self.acknowledged += 1
        if step.locker in self.wanted and step.what == "reserve" and answer.status == 409 and answer.json == TAKEN:
            return
        if answer.status != (204 if step.what == "cancel" else 200):
            raise UnexpectedAnswerError(f"{self.name}: {step} got {answer.status} {answer.body!r}")
        if step.what == "reserve":
            self.reservations[answer.json["id"]] = answer.json
        elif step.what == "token":
            self.tokens[answer.json["id"]] = (step, answer.json)
        self.know(step, answer.json["id"] if step.what == "reserve" else None)

    def know(self, step: Step, reservation: int | None) -> None:
        """The step was done. `reservation`: the one that it made."""
        held = self.won if step.locker in self.wanted else self.reservation
        if step.what == "reserve" and reservation is not None:
            held[step.locker] = reservation
        elif step.what == "token":
            self.minted[step.locker] += 1
            self._end(held, step, "used")
        elif step.what == "cancel":
            self.cancelled.add(step.reservation)
            self._end(held, step, "cancelled")
        elif step.what == "release":
            self.releases[step.locker] += 1
            self._end(held, step, "cancelled")
        if step.locker in self.own:
            self.status[step.locker] = AFTER[self.status.get(step.locker, "available"), step.what]

    def _end(self, held: dict[int, int], step: Step, how: str) -> None:
        reservation = held.pop(step.locker, None)
        if reservation is not None:
            self.ended[reservation] = how


class Provider(threading.Thread):
    """Asks until the connection is lost. `fault`: what else ended it."""

    def __init__(self, client: Client, book: Book, seed: int, on_answer: Callable[[], None]) -> None:
        super().__init__(daemon=True)
        self._client, self._book, self._on_answer = client, book, on_answer
        self._chance = random.Random(seed)
        self.fault: BaseException | None = None

    def run(self) -> None:
        try:
            while self._book.ask(self._client, self._book.choose(self._chance)):
                self._on_answer()
        except BaseException as fault:
            self.fault = fault
        finally:
            self._client.close()
            self._on_answer()
