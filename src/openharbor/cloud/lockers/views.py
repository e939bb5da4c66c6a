"""Lockers, reservations and tokens as the API shows them. Pure: what was decided in, answer bodies out."""

from openharbor.cloud.catalog.messages import Locker
from openharbor.cloud.catalog.views import shown_locker
from openharbor.cloud.lockers import messages as m
from openharbor.cloud.lockers.locker import Assignment
from openharbor.cloud.lockers.locker import Locker as State
from openharbor.cloud.lockers.open_tokens import OpenToken
from openharbor.cloud.lockers.store import Loaded
from openharbor.kit.http.timestamps import rfc3339


def locker_body(found: Loaded) -> Locker:
    return shown_locker(found.shown, int(found.locker.status))


def reservation_body(found: Loaded) -> m.Reservation:
    """Of a reserved locker. Raises ValueError for another."""
    locker, reservation = found.locker, found.locker.reservation
    if reservation is None:
        raise ValueError(f"locker {locker.locker_id} has no reservation")
    return m.Reservation(
        id=reservation.reservation_id,
        locker_id=locker.locker_id,
        tower_id=locker.tower_id,
        duration=reservation.duration_s,
        expires=rfc3339(reservation.expires_at),
        created_at=rfc3339(reservation.created_at),
        locker=locker_body(found),
    )


def token_body(token: OpenToken) -> m.LockerToken:
    return m.LockerToken(
        token.token_id,
        token.found.locker.tower_id,
        locker_body(token.found),
        token.sealed.auth.hex(),
        token.sealed.payload.hex(),
        rfc3339(token.expires_s * 1000),
    )


def assigned_body(found: Loaded) -> m.AssignedLocker:
    """Of a locker with a holder. Raises ValueError for another."""
    locker, assignment = found.locker, found.locker.assignment
    if assignment is None:
        raise ValueError(f"locker {locker.locker_id} is assigned to nobody")
    ends, expires_s = locker.due_at, token_expires_s(locker, assignment)
    shown = locker_body(found)
    return m.AssignedLocker(
        shown.id,
        shown.name,
        shown.is_low_locker,
        shown.tower_id,
        shown.status,
        shown.type,
        shown.access_mode,
        m.Assignment(
            since=rfc3339(assignment.since),
            reservation_expires=None if ends is None else rfc3339(ends),
            token_expires=None if expires_s is None else rfc3339(expires_s * 1000),
            client_info=assignment.client_info,
        ),
    )


def token_expires_s(locker: State, assignment: Assignment) -> int | None:
    """The latest expiry among the tokens of this assignment, in s; None: it has none that expires."""
    if assignment.first_generation == 0:
        return None
    ends = [
        token.expires_s
        for token in locker.tokens
        if token.expires_s is not None and token.generation >= assignment.first_generation
    ]
    return max(ends, default=None)
