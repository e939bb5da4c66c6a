"""Keeping a locker for a while: create, list, cancel (locker-states.md A1, A5). Units of work."""

from functools import partial

import msgspec

from openharbor.cloud.lockers import states, store
from openharbor.cloud.lockers.attempts import Attempt, organization_of, try_on
from openharbor.cloud.lockers.change import Change
from openharbor.cloud.lockers.store import Loaded
from openharbor.cloud.scope import TenantScope
from openharbor.kit.database.face import Transaction
from openharbor.kit.errors import Refusal


class Reserve(msgspec.Struct, frozen=True, kw_only=True):
    """`duration_s` 1 to 86,400. The ids are fresh; `locker_token`: 16 random bytes as hex."""

    tower_id: str
    locker_id: int
    duration_s: int
    reservation_id: int
    assignment_id: int
    locker_token: str


class CancelReservation(msgspec.Struct, frozen=True, kw_only=True):
    tower_id: str
    locker_id: int
    reservation_id: int


def reserve(scope: TenantScope, tx: Transaction, command: Reserve, attempt: Attempt) -> Loaded | Refusal:
    """The locker with its reservation. 404, or 409 unless it is available."""
    tower_id, locker_id = command.tower_id, command.locker_id
    return try_on(
        scope,
        tx,
        attempt,
        store.load(scope, tx, tower_id, locker_id, lock=True),
        partial(_reserve, organization_of(scope), command, attempt.now),
        tower_id=tower_id,
        locker_id=locker_id,
        details={"reservation": command.reservation_id, "duration": command.duration_s},
    )


def _reserve(organization_id: int, command: Reserve, now: int, found: Loaded) -> Change | Refusal:
    return states.reserve(
        found.locker,
        organization_id,
        reservation_id=command.reservation_id,
        assignment_id=command.assignment_id,
        locker_token=command.locker_token,
        duration_s=command.duration_s,
        now=now,
    )


def cancel(scope: TenantScope, tx: Transaction, command: CancelReservation, attempt: Attempt) -> Loaded | Refusal:
    """The locker, available again. 404 unless the reservation is the caller's and runs; 409 when a token used it up."""
    tower_id, locker_id = command.tower_id, command.locker_id
    organization_id = organization_of(scope)
    return try_on(
        scope,
        tx,
        attempt,
        store.load(scope, tx, tower_id, locker_id, lock=True),
        lambda found: states.cancel_reservation(found.locker, organization_id, command.reservation_id, attempt.now),
        tower_id=tower_id,
        locker_id=locker_id,
        details={"reservation": command.reservation_id},
    )


def running(scope: TenantScope, tx: Transaction, *, tower_id: str, locker_id: int, now: int) -> list[Loaded] | Refusal:
    """The locker, if the caller has a reservation of it that runs; else none. 404 for an unknown locker."""
    found = store.load(scope, tx, tower_id, locker_id, lock=False)
    if isinstance(found, Refusal):
        return found
    locker = states.as_of(found.locker, now)
    if locker.reservation is None or locker.holder != organization_of(scope):
        return []
    return [found]
