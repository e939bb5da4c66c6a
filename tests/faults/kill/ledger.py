"""What one client knows of what it asked for: acknowledged, or in doubt."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from harness.client import LOST, Answered, Client

DID_NOTHING = {"NO_AVAILABLE_LOCKERS", "RATE_LIMITED", "SHUTTING_DOWN", "STORAGE_UNAVAILABLE"}


class UnexpectedAnswerError(AssertionError):
    """The gateway answered what it should not."""


@dataclass
class Asked:
    """One request. `answer` None: it is in doubt. `locker` and `transaction`: what it is about, if known."""

    method: str
    path: str
    body: Any = None
    key: str | None = None
    locker: int | None = None
    transaction: str | None = None
    answer: Answered | None = None

    @property
    def stored(self) -> bool:
        """The answer belongs to the key: it must be given again."""
        return self.answer is not None and not did_nothing(self.answer)


def did_nothing(answer: Answered) -> bool:
    """Answers that the contract does not store under a key ("Idempotency")."""
    return answer.status in (400, 404, 409, 429) or (answer.status == 503 and answer.error in DID_NOTHING)


@dataclass
class Ledger:
    """One client's book. `service`: the last acknowledged change of each locker's service state."""

    active: dict[str, dict[str, Any]] = field(default_factory=dict)
    opened: Counter[str] = field(default_factory=Counter)
    service: dict[int, dict[str, Any]] = field(default_factory=dict)
    keyed: list[Asked] = field(default_factory=list)
    doubt: Asked | None = None
    acknowledged: int = 0

    def ask(self, client: Client, asked: Asked) -> Answered | None:
        """Sends it and notes the answer; None when the connection was lost, and the request stays in doubt."""
        self.doubt = asked
        if asked.key is not None and asked not in self.keyed:
            self.keyed.append(asked)
        headers = {} if asked.key is None else {"Idempotency-Key": asked.key}
        try:
            answer = client.request(asked.method, asked.path, asked.body, headers)
        except LOST:
            return None
        asked.answer = answer
        self.doubt = None
        self.settle(asked, answer)
        return answer

    def settle(self, asked: Asked, answer: Answered) -> None:
        """Books an answer. Raises UnexpectedAnswerError."""
        self.acknowledged += 1
        if asked.method == "PATCH":
            expect(asked, answer, 200)
            self.service[asked.locker or 0] = asked.body
        elif asked.method == "DELETE":
            expect(asked, answer, 204)
            del self.active[asked.transaction or ""]
        elif asked.path == "/transactions":
            self._settle_create(answer, asked)
        else:
            self._settle_open(answer, asked)

    def _settle_create(self, answer: Answered, asked: Asked) -> None:
        if answer.status == 503 and answer.error == "NO_AVAILABLE_LOCKERS":
            return
        expect(asked, answer, 201)
        self.active[answer.json["transactionId"]] = answer.json

    def _settle_open(self, answer: Answered, asked: Asked) -> None:
        if answer.status != 200 and answer.error not in ("RATE_LIMITED", "CONTROLLER_UNREACHABLE"):
            raise UnexpectedAnswerError(f"{asked} got {answer.status} {answer.body!r}")
        if answer.status == 200 and asked.transaction is not None:
            self.opened[asked.transaction] += 1


def expect(asked: Asked, answer: Answered, status: int) -> None:
    if answer.status != status:
        raise UnexpectedAnswerError(f"{asked} got {answer.status} {answer.body!r}")
