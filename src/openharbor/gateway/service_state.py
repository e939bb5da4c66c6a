"""Whether a locker works and may be given out, and what changes that (gateway-local.yaml, Locker and updateLocker)."""

import msgspec
from msgspec.structs import replace

from openharbor.boards.protocols.families import FAMILIES
from openharbor.gateway.site import Controller, Live, Locker, LockerType, ReasonCode
from openharbor.kit.errors import Refusal

FAILURES_UNTIL_BROKEN = 3
BETA_DRIVERS = frozenset(name for name, family in FAMILIES.items() if family.confidence == "beta")
ALWAYS_OOS_REASON = "Lockers of this type are never put into service"

Verdict = tuple[bool, ReasonCode | None, str | None]

WORKS: Verdict = (True, None, None)
OFFLINE: Verdict = (False, "CONTROLLER_OFFLINE", "The controller does not answer")
UNTESTED: Verdict = (False, "MAINTENANCE", "The board awaits its walk test")
BLIND: Verdict = (False, "SENSOR_MALFUNCTION", "The door sensor cannot be read")
STUCK: Verdict = (False, "LOCK_MALFUNCTION", "Three opens in a row failed")


class ServiceChange(msgspec.Struct, frozen=True):
    """What updateLocker asks for; None leaves a flag as it is. The reasons count only beside `out_of_service`."""

    out_of_service: bool | None = None
    broken_lock: bool | None = None
    reason_code: ReasonCode | None = None
    reason: str | None = None


def operational(locker: Locker, controller: Controller, live: Live | None) -> Verdict:
    """Whether the hardware is believed to work; if not, the first cause in the contract's order, as code and words.

    `live` None: the board has not been heard of yet.
    """
    if live is None or not live.board_online:
        return OFFLINE
    if awaits_walk_test(controller):
        return UNTESTED
    if live.has_sensor and live.door_open is None and not locker.broken_lock:
        return BLIND
    if locker.failures_in_row >= FAILURES_UNTIL_BROKEN:
        return STUCK
    return WORKS


def awaits_walk_test(controller: Controller) -> bool:
    """Beta drivers need a passed walk test, or the site file's word for it (lock-boards.md 1)."""
    return not controller.commissioned and controller.driver in BETA_DRIVERS


def available(locker: Locker, *, works: bool) -> bool:
    """Whether a new transaction may get it; the door plays no part. `works`: see `operational`."""
    return works and not locker.out_of_service and locker.transaction_id is None


def door_open(locker: Locker, live: Live | None) -> bool | None:
    """The door as the API shows it: null when unknown, without a sensor and with `brokenLock`."""
    return None if live is None or locker.broken_lock else live.door_open


def shown_reason(locker: Locker, verdict: Verdict) -> tuple[ReasonCode | None, str | None]:
    """An operator's reason hides the automatic one."""
    if locker.reason_code is not None:
        return locker.reason_code, locker.reason
    return verdict[1], verdict[2]


def update_locker(locker: Locker, kind: LockerType, change: ServiceChange, now: int) -> Locker | Refusal:
    """The locker after the change; the same one when it was as asked already. CONFLICT for a type that is always out.

    `brokenLock: true` ends a LOCK_MALFUNCTION, so the count of failed opens starts again.
    """
    if change.out_of_service is False and kind.always_oos:
        return _stays_out(locker)
    changed = locker
    if change.out_of_service is not None:
        # The two reasons are stored and cleared together.
        reason = change.reason if change.reason_code is not None else None
        changed = replace(changed, out_of_service=change.out_of_service, reason_code=change.reason_code, reason=reason)
    if change.broken_lock is not None:
        failures = 0 if change.broken_lock else changed.failures_in_row
        changed = replace(changed, broken_lock=change.broken_lock, failures_in_row=failures)
    return locker if changed == locker else replace(changed, updated_at=now)


def opened(locker: Locker, now: int) -> Locker:
    """The locker after a successful open."""
    count = locker.open_count + 1
    return replace(locker, failures_in_row=0, last_opened_at=now, open_count=count, updated_at=now)


def open_failed(locker: Locker, code: str, now: int) -> Locker:
    """The locker after a failed open: only HARDWARE_MALFUNCTION speaks against its hardware.

    `updated_at` moves with the failure that makes it not operational, the first that anybody can see.
    """
    if code != "HARDWARE_MALFUNCTION":
        return locker
    failures = locker.failures_in_row + 1
    at = now if failures == FAILURES_UNTIL_BROKEN else locker.updated_at
    return replace(locker, failures_in_row=failures, updated_at=at)


def _stays_out(locker: Locker) -> Refusal:
    message = f"Lockers of the type {locker.locker_type} cannot be put into service"
    details = {"lockerId": str(locker.locker_id), "lockerType": locker.locker_type}
    return Refusal("CONFLICT", 409, message, details)
