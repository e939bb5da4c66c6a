"""Locker Open links and their tokens: rows A3, A7, A9, A10, A11. A drop-off link holds its locker for 300 s."""

from msgspec.structs import replace

from openharbor.cloud.lockers.change import Change, EraseCode, LinkChange, Minted, SetCode
from openharbor.cloud.lockers.ending import conflict, end, following, is_settled, notice, remember
from openharbor.cloud.lockers.locker import Assignment, Hold, Locker, Queued, Status, Token, Tower
from openharbor.cloud.lockers.mint import (
    MOST_DROPOFFS,
    NOT_ASSIGNED,
    NOT_OCCUPIED,
    TOO_MANY,
    TOO_MANY_DROPOFFS,
    make_dropoff,
    make_pickup,
)
from openharbor.cloud.lockers.states import expire
from openharbor.kit.errors import Refusal

HOLD_MS = 300_000
PICKUP_LIFE_S = 300
MOST_CODES_WAITING = 16
LINK_EXPIRED = conflict("Locker open request is expired")


def hold(
    locker: Locker,
    organization_id: int,
    *,
    link_id: int,
    assignment_id: int,
    locker_token: str,
    client_info: str,
    now: int,
) -> Change | Refusal:
    """A3: the locker chosen for a drop-off link is rented, without a token yet. 409 unless it is available."""
    due = expire(locker, now)
    current = locker if due is None else due.locker
    if current.status is not Status.AVAILABLE or current.incident:
        return conflict("No locker available")
    after = replace(
        current,
        status=Status.RENTED,
        assignment=Assignment(
            assignment_id=assignment_id,
            organization_id=organization_id,
            since=now,
            locker_token=locker_token,
            client_info=client_info,
        ),
        hold=Hold(link_id=link_id, ends_at=now + HOLD_MS),
    )
    told = notice(
        after,
        "LOCKER_ASSIGNED",
        "LOCKER_OPEN_LINK_CREATED",
        organization_id,
        now,
        link_id=link_id,
        client_info=client_info,
    )
    return following(due, Change(row="A3", locker=after, notices=(told,)))


def draw_dropoff(
    locker: Locker,
    tower: Tower,
    link_id: int,
    *,
    token_id: int,
    now: int,
    keypad_code: str = "",
    persists: bool = False,
    client_info: str = "",
) -> Minted | Refusal:
    """A7 from a drop-off link: a token that expires with the hold and never becomes a pick-up; at most 16.

    `keypad_code` comes into force with it. 409 once the hold is over, even if nobody has written that down yet.
    """
    held, assignment = locker.hold, locker.assignment
    if held is None or assignment is None or held.link_id != link_id or held.ends_at // 1000 <= now // 1000:
        return LINK_EXPIRED
    if held.drawn >= MOST_DROPOFFS:
        return TOO_MANY_DROPOFFS
    draft = Token(
        token_id=token_id,
        organization_id=assignment.organization_id,
        kind="dropoff",
        generation=0,
        expires_s=held.ends_at // 1000,
        link_id=link_id,
        client_info=client_info or assignment.client_info,
        reuse=False,
        keypad_code=keypad_code,
        keypad_persists=persists,
    )
    return make_dropoff(replace(locker, hold=replace(held, drawn=held.drawn + 1)), tower, assignment, draft, now)


def draw_pickup(
    locker: Locker,
    tower: Tower,
    organization_id: int,
    link_id: int,
    *,
    token_id: int,
    link_expires_at: int,
    client_info: str,
    now: int,
) -> Minted | Refusal:
    """A10 from a pick-up link that is pending: a token for 300 s, never outliving the link (`link_expires_at`, ms)."""
    if locker.holder != organization_id:
        return NOT_ASSIGNED
    if locker.status is not Status.OCCUPIED:
        return NOT_OCCUPIED
    issued, ends = now // 1000, link_expires_at // 1000
    if ends <= issued:
        return LINK_EXPIRED
    draft = Token(
        token_id=token_id,
        organization_id=organization_id,
        kind="pickup",
        generation=0,
        expires_s=min(issued + PICKUP_LIFE_S, ends),
        link_id=link_id,
        client_info=client_info,
    )
    return make_pickup(locker, tower, draft, now)


def cancel_dropoff_link(locker: Locker, tower: Tower, link_id: int, now: int) -> Change | Refusal:
    """A9: END. 409 unless the link still holds its locker."""
    held = locker.hold
    if held is None or held.link_id != link_id or held.ends_at <= now:
        return LINK_EXPIRED
    cancelled = (LinkChange(link_id, "cancelled"),)
    return end(locker, tower, "RESERVATION_CANCELLED", now, row="A9", links=cancelled)


def open_pickup_link(locker: Locker, organization_id: int, *, client_info: str) -> Change | Refusal:
    """A11, create: the locker stays occupied. 409 unless the caller holds it and it is occupied."""
    if locker.holder != organization_id or locker.assignment is None:
        return NOT_ASSIGNED
    if locker.status is not Status.OCCUPIED:
        return NOT_OCCUPIED
    return Change(row="A11", locker=replace(locker, assignment=replace(locker.assignment, client_info=client_info)))


def give_code(
    locker: Locker, tower: Tower, link_id: int, *, code: str, persists: bool, client_info: str
) -> Change | Refusal:
    """A11: the code of a pick-up link is queued for the tower, and in force when that has carried it out.

    `locker`: as `open_pickup_link` left it. 409 when too many codes wait for the tower.
    """
    assignment = locker.assignment
    if assignment is None or sum(one.form == "code" for one in locker.queued) >= MOST_CODES_WAITING:
        return TOO_MANY
    command = SetCode(
        command_id=tower.next_command,
        number=locker.number,
        code=code,
        persists=persists,
        locker_token=locker.report.locker_token or assignment.locker_token,
    )
    token = Token(
        token_id=0,
        organization_id=assignment.organization_id,
        kind="keypad",
        generation=locker.generation,
        expires_s=None,
        link_id=link_id,
        client_info=client_info,
        keypad_code=code,
        keypad_persists=persists,
    )
    waiting = (Queued(command_id=command.command_id, form="code", code=token),)
    return Change(row="A11", locker=remember(locker, waiting), commands=(command,))


def cancel_pickup_link(locker: Locker, tower: Tower, link_id: int) -> Change:
    """A11, cancel: no new tokens; one drawn before runs out within 300 s; a keypad code of the link is erased."""
    cancelled = (LinkChange(link_id, "cancelled"),)
    codes = [one for one in locker.tokens if one.kind == "keypad" and not is_settled(one)]
    codes += [one.code for one in locker.queued if one.code is not None]
    if all(code.link_id != link_id for code in codes):
        return Change(row="A11", locker=locker, links=cancelled)
    erase = EraseCode(command_id=tower.next_command, number=locker.number)
    after = remember(locker, (Queued(command_id=erase.command_id, form="erase"),))
    return Change(row="A11", locker=after, commands=(erase,), links=cancelled)
