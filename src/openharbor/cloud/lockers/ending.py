"""END(source) of locker-states.md 2, and what it rests on: when a locker is clear, what is queued to make it so."""

from collections.abc import Sequence
from typing import Literal

from msgspec.structs import replace

from openharbor.cloud.lockers.change import Change, EventName, LinkChange, Notice, Retire, Source, TowerCommand
from openharbor.cloud.lockers.locker import Access, Assignment, Locker, Queued, Status, Token, Tower
from openharbor.kit.errors import Refusal

MOST_QUEUED = 48  # a forgotten result proves nothing, so forgetting one only keeps a locker longer with its holder
Form = Literal["unused", "keep", "empty"]


def conflict(message: str) -> Refusal:
    """The 409 of row A15."""
    return Refusal("CONFLICT", 409, message)


def not_found(message: str) -> Refusal:
    """The 404 of row A15: it belongs to someone else, or never was."""
    return Refusal("NOT_FOUND", 404, message)


def is_settled(token: Token) -> bool:
    """Whether the tower can no longer accept it (S1 to S4), and after log loss somebody looked besides."""
    return token.settled is not None and not token.log_lost


def is_clear(locker: Locker) -> bool:
    """*Clear* of section 2; not while a pick-up's door stands open, since only the closing counts (invariant 9).

    Nor while a code waits to be set: it would open the next holder's parcel.
    """
    if locker.emptying or (locker.access is not None and locker.access.kind == "pickup"):
        return False
    return not awaits_code(locker) and all(is_settled(token) for token in locker.tokens)


def awaits_code(locker: Locker) -> bool:
    """Whether a keypad code is on its way to the tower, or may be."""
    return any(one.form == "code" for one in locker.queued)


def notice(
    locker: Locker,
    event: EventName,
    source: Source,
    organization_id: int | None,
    at: int,
    *,
    tower_clock: bool = False,
    token_id: int | None = None,
    reservation_id: int | None = None,
    link_id: int | None = None,
    keypad_code: str = "",
    client_info: str = "",
) -> Notice:
    """A notice of `locker` as it is after the transition (webhooks.md 2). Empty texts become None."""
    return Notice(
        event=event,
        source=source,
        organization_id=organization_id,
        tower_id=locker.tower_id,
        at=at,
        tower_clock=tower_clock,
        locker_id=locker.locker_id,
        status=locker.status.word,
        token_id=token_id,
        reservation_id=reservation_id,
        keypad_code=keypad_code or None,
        client_info=client_info or None,
        link_id=link_id,
    )


def freed(locker: Locker) -> Locker:
    """The locker without holder and history, available. Nothing of it is unsettled.

    Commands under way are still waited for: their results tell whether the tower has it as taken.
    """
    return replace(
        locker,
        status=Status.AVAILABLE,
        assignment=None,
        reservation=None,
        hold=None,
        tokens=(),
        renew=False,
        emptying=(),
        access=None,
        jammed=None,
        check_contents=False,
        incident="",
    )


def queue_retiring(locker: Locker, tower: Tower, forms: Sequence[Form]) -> tuple[Locker, tuple[TowerCommand, ...]]:
    """Queues commands that retire every generation issued so far (blink-protocol.md 11.3); the next one is new."""
    first = tower.next_command
    retiring = tuple(
        Retire(command_id=first + place, number=locker.number, generation=locker.generation, form=form)
        for place, form in enumerate(forms)
    )
    waiting = tuple(Queued(command_id=one.command_id, form=one.form, generation=one.generation) for one in retiring)
    return remember(replace(locker, renew=True), waiting), retiring


def remember(locker: Locker, waiting: tuple[Queued, ...]) -> Locker:
    """The locker that waits for the results of these commands too. A code to be set is never forgotten."""
    every = (*locker.queued, *waiting)
    excess = len(every) - MOST_QUEUED
    forgotten = [one for one in every if one.form != "code"][:excess] if excess > 0 else []
    return replace(locker, queued=tuple(one for one in every if one not in forgotten))


def end(
    locker: Locker,
    tower: Tower,
    source: Source,
    at: int,
    *,
    row: str,
    tower_clock: bool = False,
    story: Access | None = None,
    forms: Sequence[Form] = ("unused",),
    links: tuple[LinkChange, ...] = (),
) -> Change:
    """END(source): available if clear, else declined with a revocation queued. One LOCKER_RELEASED either way.

    `story`: the access that ended it, whose token and link the notice names. `forms` of the revocation, if needed.
    """
    if is_clear(locker):
        return end_clear(locker, source, at, row=row, tower_clock=tower_clock, story=story, links=links)
    after, commands = queue_retiring(locker, tower, forms)
    after = replace(after, status=Status.DECLINED, hold=None)
    told = released(locker, after, source, at, tower_clock=tower_clock, story=story)
    return Change(row=row, locker=after, notices=(told,), commands=commands, links=links, end_links=True)


def end_clear(
    locker: Locker,
    source: Source,
    at: int,
    *,
    row: str,
    tower_clock: bool = False,
    story: Access | None = None,
    links: tuple[LinkChange, ...] = (),
) -> Change:
    """END(source) of a locker that nothing can open any more: available, its holder removed."""
    after = freed(locker)
    told = released(locker, after, source, at, tower_clock=tower_clock, story=story)
    return Change(
        row=row,
        locker=after,
        notices=(told,),
        links=links,
        ended=assignment_of(locker).assignment_id,
        end_links=True,
    )


def released(
    before: Locker, after: Locker, source: Source, at: int, *, tower_clock: bool = False, story: Access | None = None
) -> Notice:
    """LOCKER_RELEASED to the one who held it; it names the token or the link that was concerned."""
    holder, hold, reservation = assignment_of(before), before.hold, before.reservation
    return notice(
        after,
        "LOCKER_RELEASED",
        source,
        holder.organization_id,
        at,
        tower_clock=tower_clock,
        token_id=story.token_id if story else None,
        reservation_id=reservation.reservation_id if reservation else None,
        link_id=story.link_id if story else hold.link_id if hold else None,
        client_info=story.client_info if story else holder.client_info,
    )


def assignment_of(locker: Locker) -> Assignment:
    """The assignment of a held locker. Raises ValueError if there is none: its state is broken."""
    if locker.assignment is None:
        raise ValueError(f"locker {locker.locker_id} is {locker.status.word} without a holder")
    return locker.assignment


def following(first: Change | None, second: Change) -> Change:
    """One change for two that follow each other: what was due comes before what was asked for (invariant 18)."""
    if first is None:
        return second
    return replace(
        second,
        notices=first.notices + second.notices,
        commands=first.commands + second.commands,
        links=first.links + second.links,
        reservation_end=second.reservation_end or first.reservation_end,
        settled=first.settled + second.settled,
        ended=second.ended if second.ended is not None else first.ended,
        end_links=first.end_links or second.end_links,
        incident=second.incident or first.incident,
    )
