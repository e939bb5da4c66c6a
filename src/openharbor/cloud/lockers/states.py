"""Calls and the clock on a locker without tokens in play: rows A1, A5, A6, A8, A12, A14, B1 to B3, E7, E8.

Every decision first applies what is due (`expire`), so a reservation is over for every reader and writer at its expiry,
whether or not a worker has run (locker-states.md, invariant 18). Times in ms since 1970.
"""

from msgspec.structs import replace

from openharbor.cloud.lockers.change import Change, LinkChange
from openharbor.cloud.lockers.ending import (
    conflict,
    end,
    end_clear,
    following,
    freed,
    is_clear,
    not_found,
    notice,
    queue_retiring,
    released,
)
from openharbor.cloud.lockers.locker import Assignment, Locker, Report, Reservation, Status, Tower
from openharbor.cloud.lockers.stopping import out_of_use, settled_ids, unsettled
from openharbor.kit.errors import Refusal


def as_of(locker: Locker, now: int) -> Locker:
    """The locker as every reader must see it at `now`: with B1, B2 and B3 applied."""
    due = expire(locker, now)
    return locker if due is None else due.locker


def expire(locker: Locker, now: int) -> Change | None:
    """B1, B2, B3: what the cloud's clock changes by itself. None: nothing is due."""
    reservation = locker.reservation
    if reservation is not None:
        return _reservation_over(locker, reservation) if reservation.expires_at <= now else None
    hold = locker.hold
    if hold is None or hold.ends_at > now:
        return None
    expired = (LinkChange(hold.link_id, "expired"),)
    if not is_clear(locker):
        return Change(row="B3", locker=replace(locker, hold=None), links=expired)
    return end_clear(locker, "RESERVATION_EXPIRED", hold.ends_at, row="B2", links=expired)


def _reservation_over(locker: Locker, reservation: Reservation) -> Change:
    change = end_clear(locker, "RESERVATION_EXPIRED", reservation.expires_at, row="B1")
    return replace(change, reservation_end=(reservation.reservation_id, "expired"))


def reserve(
    locker: Locker,
    organization_id: int,
    *,
    reservation_id: int,
    assignment_id: int,
    locker_token: str,
    duration_s: int,
    now: int,
    row: str = "A1",
) -> Change | Refusal:
    """A1, and E5 with `row`. `duration_s` 1 to 86,400; `locker_token`: 16 random bytes as hex. 409 unless available."""
    due = expire(locker, now)
    current = locker if due is None else due.locker
    if current.status is not Status.AVAILABLE or current.incident:
        return conflict("Locker is not available")
    after = replace(
        current,
        status=Status.RESERVED,
        assignment=Assignment(
            assignment_id=assignment_id, organization_id=organization_id, since=now, locker_token=locker_token
        ),
        reservation=Reservation(
            reservation_id=reservation_id, duration_s=duration_s, expires_at=now + duration_s * 1000, created_at=now
        ),
    )
    told = notice(after, "LOCKER_ASSIGNED", "LOCKER_RESERVED", organization_id, now, reservation_id=reservation_id)
    return following(due, Change(row=row, locker=after, notices=(told,)))


def cancel_reservation(locker: Locker, organization_id: int, reservation_id: int, now: int) -> Change | Refusal:
    """A5. 404 unless it runs and is the caller's; 409 if the present assignment has used it up."""
    current = as_of(locker, now)
    assignment, reservation = current.assignment, current.reservation
    if assignment is None or assignment.organization_id != organization_id:
        return not_found("Reservation not found")
    if assignment.reservation_id == reservation_id:
        return conflict("Reservation is already used")
    if reservation is None or reservation.reservation_id != reservation_id:
        return not_found("Reservation not found")
    change = end_clear(current, "RESERVATION_CANCELLED", now, row="A5")
    return replace(change, reservation_end=(reservation_id, "cancelled"))


def release(locker: Locker, tower: Tower, organization_id: int, now: int) -> Change | Refusal:
    """A6, A8, A12, A14. Commands are numbered from `tower.next_command`. 409 unless the caller holds the locker."""
    due = expire(locker, now)
    current = locker if due is None else due.locker
    if current.holder != organization_id:
        return conflict("Locker is not assigned")
    return following(due, _release(current, tower, now))


def _release(locker: Locker, tower: Tower, now: int) -> Change:
    if locker.reservation is not None:
        change = end_clear(locker, "LOCKER_RELEASED", now, row="A6")
        return replace(change, reservation_end=(locker.reservation.reservation_id, "cancelled"))
    if locker.status is Status.DECLINED:
        return Change(row="A14", locker=locker)
    if locker.status is Status.OCCUPIED:
        return _release_occupied(locker, tower, now)
    hold = locker.hold
    links = () if hold is None else (LinkChange(hold.link_id, "cancelled"),)
    return end(locker, tower, "LOCKER_RELEASED", now, row="A8", links=links)


def _release_occupied(locker: Locker, tower: Tower, now: int) -> Change:
    """A12: never available by itself, even when every token is settled.

    Nobody knows whether the tower still has it as taken (a pick-up may be on its way), so both forms are queued; one of
    the two is carried out (blink-protocol.md 11.3).
    """
    after, commands = queue_retiring(locker, tower, ("unused", "empty"))
    after = replace(after, status=Status.DECLINED, emptying=tuple(command.command_id for command in commands))
    told = released(locker, after, "LOCKER_RELEASED", now)
    return Change(row="A12", locker=after, notices=(told,), commands=commands, end_links=True)


def provisioned(locker: Locker, now: int) -> Change:  # noqa: ARG001 - every decision is called alike
    """E8: the tower has its first key. A locker that needs a look first stays out of service."""
    waits = locker.check_contents or locker.incident or unsettled(locker)
    if locker.status is not Status.OUT_OF_SERVICE or waits:
        return Change(row="E8", locker=locker)
    return Change(row="E8", locker=freed(locker))


def replaced(locker: Locker, tower: Tower, now: int) -> Change:  # noqa: ARG001 - every decision is called alike
    """E7: the old board cannot act any more, says an operator. Its tokens are settled; nothing is queued for it.

    The new board knows nothing yet, so the last report is forgotten; generations go on.
    """
    due = expire(locker, now)
    current = locker if due is None else due.locker
    settled = settled_ids(unsettled(current), "inspected")
    after = replace(freed(current), status=Status.OUT_OF_SERVICE, queued=(), report=Report(), check_contents=True)
    return following(due, out_of_use(current, after, now, row="E7", settled=settled))
