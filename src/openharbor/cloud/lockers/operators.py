"""What operators do with a locker: rows E1 to E6, and the end of an incident. Reasons go to the audit log."""

from msgspec.structs import replace

from openharbor.cloud.lockers.change import Change, Disable, LinkChange, TowerCommand
from openharbor.cloud.lockers.ending import Form, awaits_code, conflict, end, following, freed, queue_retiring, released
from openharbor.cloud.lockers.locker import Locker, Status, Token, Tower
from openharbor.cloud.lockers.states import as_of, expire, reserve
from openharbor.cloud.lockers.stopping import settled_ids, stop, unsettled
from openharbor.kit.errors import Refusal

CONFIRM_EMPTY = conflict("Confirm that the locker is empty")
STILL_OPEN = conflict("Locker has tokens that are not settled")
CHOICE_OF_STATUS = conflict("Locker is not reserved, rented, occupied or declined")


def set_available(locker: Locker, tower: Tower, *, empty: bool, now: int) -> Change | Refusal:
    """E1, E2. `empty`: the operator confirms that it is empty, needed for an occupied and a declined one."""
    due = expire(locker, now)
    current = locker if due is None else due.locker
    if current.assignment is None:
        return CHOICE_OF_STATUS
    if current.status in (Status.OCCUPIED, Status.DECLINED) and not empty:
        return CONFIRM_EMPTY
    if current.status is Status.DECLINED:
        return _end_declined(current, tower, now)
    return following(due, _end_held(current, tower, now))


def _end_held(locker: Locker, tower: Tower, now: int) -> Change:
    """E1. An occupied one is emptied at the tower too, whether or not its tokens are settled."""
    reservation, held = locker.reservation, locker.hold
    occupied = locker.status is Status.OCCUPIED
    forms: tuple[Form, ...] = ("unused", "empty") if occupied else ("unused",)
    links = () if held is None else (LinkChange(held.link_id, "cancelled"),)
    settled_by_hand = replace(locker, access=None) if occupied else locker
    change = end(settled_by_hand, tower, "LOCKER_RELEASED", now, row="E1", forms=forms, links=links)
    if reservation is not None:
        change = replace(change, reservation_end=(reservation.reservation_id, "ended"))
    if change.locker.status is Status.AVAILABLE:
        after, commands = _emptied(change.locker, tower)
        return replace(change, locker=after, commands=commands)
    return change


def _end_declined(locker: Locker, tower: Tower, now: int) -> Change | Refusal:
    """E2. The operator's look is the inspection that log loss asks for."""
    if _may_open(locker):
        return STILL_OPEN
    after, commands = _emptied(freed(locker), tower)
    assignment = locker.assignment
    return Change(
        row="E2",
        locker=after,
        notices=(released(locker, after, "LOCKER_RELEASED", now),),
        commands=commands,
        settled=settled_ids(unsettled(locker), "inspected"),
        ended=None if assignment is None else assignment.assignment_id,
        end_links=True,
    )


def _may_open(locker: Locker) -> bool:
    """A token that is not settled, or a code that waits to be set: it would open the next holder's parcel."""
    return awaits_code(locker) or any(token.settled is None for token in locker.tokens)


def _emptied(locker: Locker, tower: Tower) -> tuple[Locker, tuple[TowerCommand, ...]]:
    """An available locker that its tower reported taken: emptied there too. Until then the next drop-off is refused."""
    if not locker.report.taken:
        return locker, ()
    after, commands = queue_retiring(locker, tower, ("empty",))
    return replace(after, renew=False), commands


def set_out_of_service(locker: Locker, tower: Tower, *, now: int) -> Change | Refusal:
    """E3. 409 if it is out of service already."""
    due = expire(locker, now)
    current = locker if due is None else due.locker
    if current.status is Status.OUT_OF_SERVICE:
        return conflict("Locker is out of service")
    return following(due, stop(current, tower, now, row="E3"))


def return_to_service(locker: Locker, tower: Tower, *, empty: bool, now: int) -> Change | Refusal:
    """E4. `empty`: the operator confirms that it is empty, needed where contents were to be checked or a log was lost.

    409 as well while a token is not settled, or its tower has no key.
    """
    current = as_of(locker, now)
    if current.status is not Status.OUT_OF_SERVICE:
        return conflict("Locker is not out of service")
    if tower.rotation is None:
        return conflict("Tower has no key")
    if _may_open(current):
        return STILL_OPEN
    lost = unsettled(current)
    if (current.check_contents or lost) and not empty:
        return CONFIRM_EMPTY
    enable = Disable(command_id=tower.next_command, number=current.number, disabled=False)
    after, emptying = _emptied(freed(current), replace(tower, next_command=tower.next_command + 1))
    return Change(row="E4", locker=after, commands=(enable, *emptying), settled=settled_ids(lost, "inspected"))


def reserve_for(
    locker: Locker,
    organization_id: int,
    *,
    reservation_id: int,
    assignment_id: int,
    locker_token: str,
    duration_s: int,
    now: int,
) -> Change | Refusal:
    """E5: as A1, for a provider."""
    return reserve(
        locker,
        organization_id,
        reservation_id=reservation_id,
        assignment_id=assignment_id,
        locker_token=locker_token,
        duration_s=duration_s,
        now=now,
        row="E5",
    )


def reset_log(locker: Locker) -> Change:
    """E6: log loss for every unsettled token."""
    return Change(row="E6", locker=replace(locker, tokens=tuple(_lost(token) for token in locker.tokens)))


def _lost(token: Token) -> Token:
    return replace(token, log_lost=True) if token.settled is None else token


def inspected(locker: Locker) -> Change:
    """Somebody looked into the compartment after a log loss and found what its status says; the log decides again."""
    tokens = tuple(replace(token, log_lost=False) if token.log_lost else token for token in locker.tokens)
    settled = tuple(
        (token.token_id, token.settled)
        for token in locker.tokens
        if token.log_lost and token.settled is not None and token.kind != "keypad"
    )
    return Change(row="E6", locker=replace(locker, tokens=tokens), settled=settled)


def close_incident(locker: Locker) -> Change:
    """The end of C15: tokens may be issued again."""
    return Change(row="C15", locker=replace(locker, incident=""))
