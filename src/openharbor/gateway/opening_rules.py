"""What follows from an attempt to open (gateway-local.yaml "Opening a door", lock-boards.md 4.6). Decisions only."""

from typing import Literal

import msgspec
from msgspec.structs import replace

from openharbor.boards.outcomes import DoorState, OpenOutcome
from openharbor.kit.errors import Refusal

MAX_ATTEMPTS = 3
RETRY_DELAY_S = 1.0
MAX_WAIT_S = 30.0  # behind other opens, over all attempts

Step = Literal["done", "fire", "look"]

FIRED = {
    "": "Door opened",
    "ignored": "Lock fired; door sensor ignored",
    "no_sensor": "Lock fired; this lock has no door sensor",
    "already_open": "Lock fired; the door stood open already",
}


class OpenResult(msgspec.Struct, frozen=True):
    """What an open came to, all attempts together. `code` is None exactly when it succeeded.

    `attempts` counts those begun, one that found the door open included. `stored`: whether it is the outcome that
    an Idempotency-Key replays (contract, "Idempotency"). `at`: when it was known, ms since 1970.
    """

    locker_id: int
    controller_id: int
    status: int
    code: str | None
    message: str
    door_open: bool | None
    confirmed: bool
    attempts: int
    duration_ms: int
    reason: str = ""
    stored: bool = True
    at: int = 0

    @property
    def success(self) -> bool:
        return self.code is None

    @property
    def outcome(self) -> str:
        """opened, unconfirmed, or the error code in lower case: as in the metrics and the journal."""
        return (self.code or ("OPENED" if self.confirmed else "UNCONFIRMED")).lower()

    def refusal(self) -> Refusal:
        """The error that a failed single open is answered with."""
        door = {True: "true", False: "false", None: "unknown"}[self.door_open]
        facts = {"lockerId": str(self.locker_id)}
        if self.status in (500, 503) and self.stored:
            facts |= {"controllerId": str(self.controller_id), "doorOpen": door, "attempts": str(self.attempts)}
        if self.reason:
            facts["reason"] = self.reason
        retry_after = {503: 5, 429: 60}.get(self.status)
        return Refusal(self.code or "INTERNAL_ERROR", self.status, self.message, facts, retry_after)


class Place(msgspec.Struct, frozen=True):
    """Which lock an open is about. `lock` is its number on the board."""

    locker_id: int
    controller_id: int
    lock: int


def next_step(outcome: OpenOutcome, attempt: int, *, may_have_fired: bool) -> Step:
    """After attempt number `attempt`: end, fire again at once, or look at the door first.

    `may_have_fired`: a frame of this or an earlier attempt may have reached the board.
    """
    if not outcome.retry or attempt >= MAX_ATTEMPTS:
        return "done"
    return "look" if may_have_fired else "fire"


def after_look(door: DoorState) -> Literal["found_open", "fire", "done"]:
    """Before a repeat: open is a success, closed is fired again, unknown ends it (lock-boards.md 4.6)."""
    verdicts: dict[DoorState, Literal["found_open", "fire", "done"]] = {
        "open": "found_open",
        "closed": "fire",
        "unknown": "done",
    }
    return verdicts[door]


def found_open(place: Place, *, was_closed: bool, attempts: int, duration_ms: int) -> OpenResult:
    """The door was seen open before a repeat; confirmed only if it was closed before the first attempt."""
    message = "Door found open after a lost reply; not fired again"
    return _result(place, 200, None, message, True, was_closed, attempts, duration_ms)


def judge(place: Place, outcome: OpenOutcome, *, attempts: int, duration_ms: int) -> OpenResult:
    """The result of an open whose last attempt came to `outcome` (lock-boards.md 4.6, "Mapping")."""
    reason = outcome.reason
    if outcome.outcome == "opened" or (outcome.outcome == "unconfirmed" and reason != "unreadable"):
        door = None if reason in ("ignored", "no_sensor") else True
        message = FIRED["" if outcome.confirmed else reason]
        return _result(place, 200, None, message, door, outcome.confirmed, attempts, duration_ms)
    if outcome.outcome == "unreachable":
        return _unreachable(place, outcome, attempts, duration_ms)
    code = "HARDWARE_MALFUNCTION"
    if outcome.outcome == "jammed":
        return _result(
            place, 500, code, "Lock fired but the door stayed shut", False, False, attempts, duration_ms, "jammed"
        )
    if outcome.outcome == "unconfirmed":
        message = "Lock fired but the door sensor cannot be read"
        return _result(place, 500, code, message, None, False, attempts, duration_ms, reason)
    door = {"open": True, "closed": False, "unknown": None}[outcome.door_after]
    message = f"The board refused to open ({reason})"
    return _result(place, 500, code, message, door, False, attempts, duration_ms, reason)


def _unreachable(place: Place, outcome: OpenOutcome, attempts: int, duration_ms: int) -> OpenResult:
    if outcome.reason == "rate":
        message = "Too many pulses for this lock in the last minute; nothing was fired"
        return _nothing_fired(place, 429, "RATE_LIMITED", message)
    if outcome.reason == "journal":
        return not_writable(place)
    times = "1 attempt" if attempts == 1 else f"{attempts} attempts"
    message = f"The controller could not be reached in {times}"
    if outcome.reason == "expired":
        message = f"Waited {MAX_WAIT_S:.0f} s behind other opens; nothing was fired"
    if outcome.reason == "offline":
        message = "The controller does not answer; this locker was not tried"
    code = "CONTROLLER_UNREACHABLE"
    return _result(place, 503, code, message, None, False, attempts, duration_ms, outcome.reason)


def shutting_down(place: Place) -> OpenResult:
    """The gateway is stopping: nothing was fired for this locker."""
    return _nothing_fired(place, 503, "SHUTTING_DOWN", "The gateway is shutting down")


def key_taken(place: Place) -> OpenResult:
    """Another request used the Idempotency-Key while this one waited for its turn; nothing was fired."""
    return _nothing_fired(place, 409, "CONFLICT", "This Idempotency-Key was used with another request")


def given_away(place: Place, transaction_id: str) -> OpenResult:
    """The transaction ended while its open waited, and another one has the locker; nothing was fired."""
    message = f"No active transaction has the id {transaction_id}"
    return _nothing_fired(place, 404, "TRANSACTION_NOT_FOUND", message)


def not_writable(place: Place) -> OpenResult:
    """The pulse could not be journaled, so nothing was fired."""
    return _nothing_fired(place, 503, "STORAGE_UNAVAILABLE", "The gateway cannot write its database")


def not_journaled(result: OpenResult) -> OpenResult:
    """The lock was fired, but the outcome could not be written: as after a crash, it must count as unknown."""
    message = "The lock was fired, but the outcome could not be journaled"
    return replace(result, status=500, code="INTERNAL_ERROR", message=message, confirmed=False, reason="journal")


def _nothing_fired(place: Place, status: int, code: str, message: str) -> OpenResult:
    return OpenResult(place.locker_id, place.controller_id, status, code, message, None, False, 0, 0, stored=False)


def _result(
    place: Place,
    status: int,
    code: str | None,
    message: str,
    door_open: bool | None,
    confirmed: bool,
    attempts: int,
    duration_ms: int,
    reason: str = "",
) -> OpenResult:
    return OpenResult(
        place.locker_id,
        place.controller_id,
        status,
        code,
        message,
        door_open,
        confirmed,
        attempts,
        duration_ms,
        reason,
    )
