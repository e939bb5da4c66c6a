"""What a LOCKER_ACCESS_EVENT does to a locker: rows C1 to C11, C13 to C15, and C12's door left open.

A tower may drop older events, never the newest of a locker, which shows the locker's whole state; so what must have
come before is applied first (locker-states.md 2, *log loss*). Doubt favours the holder: a drop-off counts from the
opening, a pick-up only from the closing (invariant 9).
"""

from typing import Literal

from msgspec.structs import replace

from openharbor.cloud.lockers.change import Change
from openharbor.cloud.lockers.deliveries import dropoff, persisting_code, pickup_done, pickup_opens, reverted, wrong_use
from openharbor.cloud.lockers.ending import following, is_settled, notice
from openharbor.cloud.lockers.facts import Accessed, Reason
from openharbor.cloud.lockers.locker import Access, Jam, Locker, Status, Token, Tower
from openharbor.cloud.lockers.settlement import reported
from openharbor.cloud.lockers.stopping import stop

Effect = Literal["dropoff", "pickup", "code", "nothing"]
FREE = (Status.AVAILABLE, Status.RESERVED)


def accessed(locker: Locker, tower: Tower, fact: Accessed) -> Change:
    """The change that the event makes, what must have come before it included."""
    if fact.reason is Reason.STAFF:
        return _by_staff(locker, tower, fact)
    known = reported(locker, fact.after)
    if fact.reason is Reason.CLOSED:
        return following(known, _closed(known.locker, locker, tower, fact))
    if fact.reason is Reason.LEFT_OPEN:
        return following(known, _left_open(known.locker, locker, tower, fact))
    if fact.reason is Reason.REVERTED:
        return following(known, _reverted(known.locker, locker, tower, fact))
    noted = replace(known.locker, jammed=_jammed(locker, fact)) if locker.jammed or not fact.confirmed else known.locker
    return following(known, _opened(noted, tower, fact, _effect(locker, fact)))


def _jammed(locker: Locker, fact: Accessed) -> Jam | None:
    if fact.confirmed is not False or fact.token_id is None:
        return None
    if fact.reason is Reason.REOPEN:
        return locker.jammed
    return Jam(token_id=fact.token_id, at_s=fact.at_s, dropoff=fact.reason is Reason.DROPOFF)


def _effect(before: Locker, fact: Accessed) -> Effect:
    """What an opening did. A second try after a jam says "re-open"; there the record tells (blink-protocol.md 7.5)."""
    after, reason, report = fact.after, fact.reason, before.report
    if fact.confirmed is False or reason is Reason.FIRE_LOCK:
        return "nothing"
    if reason is Reason.DROPOFF:
        return "dropoff" if after.taken else "nothing"
    if reason in (Reason.PICKUP, Reason.RELEASE):
        token = token_of(before, fact.token_id)
        retired = after.retired >= token.generation if token else not after.taken
        return "pickup" if retired and not after.taken else "nothing"
    if reason is Reason.KEYPAD:
        return _effect_of_code(before, fact)
    if after.taken == report.taken:
        jam = before.jammed
        second_try = jam is not None and jam.dropoff and jam.token_id == fact.token_id and reason is Reason.REOPEN
        return "dropoff" if after.taken and second_try else "nothing"
    return "dropoff" if after.taken else "pickup"


def _effect_of_code(before: Locker, fact: Accessed) -> Effect:
    """A one-time code frees the locker; if it did not, the power was cut before the door opened."""
    if not fact.after.taken:
        return "pickup"
    code = code_in_force(before)
    return "nothing" if code is not None and code.keypad_code and not code.keypad_persists else "code"


def _opened(locker: Locker, tower: Tower, fact: Accessed, effect: Effect) -> Change:
    if effect == "nothing":
        return Change(row="C11", locker=locker)
    story = story_of(locker, fact)
    if locker.status in FREE or (story is None and locker.status is not Status.OUT_OF_SERVICE):
        return wrong_use(locker, tower, fact)
    if effect == "dropoff":
        return dropoff(locker, story, fact)
    first = _dropoff_before(locker, story, fact) if effect == "pickup" else None
    current = locker if first is None else first.locker
    if effect == "code":
        return persisting_code(current, story, fact)
    opens = pickup_opens(current, story)
    if fact.confirmed is None and opens.locker.access is not None:  # no usable sensor: the opening is the closing
        opens = following(opens, pickup_done(opens.locker, tower, opens.locker.access, fact))
    return following(first, opens)


def _dropoff_before(locker: Locker, story: Access | None, fact: Accessed) -> Change | None:
    """A pick-up in `rented` implies the drop-off, unless it used a token of an older generation (C7)."""
    if story is None or locker.status is not Status.RENTED or story.generation < locker.generation:
        return None
    return dropoff(locker, replace(story, keypad=False), fact)


def _missed(locker: Locker, before: Locker, tower: Tower, fact: Accessed) -> Change | None:
    """What a later event of a door shows, where the event of its opening had to be dropped."""
    after, report = fact.after, before.report
    if after.taken and not report.taken:
        return _opened(locker, tower, fact, "dropoff")
    emptied = not after.taken and (report.taken or after.retired > report.retired)
    if not emptied or fact.reason is Reason.REVERTED:
        return None
    if fact.token_id is None and code_in_force(before) is None:
        return _by_staff(locker, tower, fact)
    return _opened(locker, tower, replace(fact, confirmed=True), "pickup")


def _closed(locker: Locker, before: Locker, tower: Tower, fact: Accessed) -> Change:
    """C5 to C8 at the closing; one that completes nothing is C11."""
    missed = _missed(locker, before, tower, fact)
    current = locker if missed is None else missed.locker
    access = current.access
    if access is None or access.closed:
        return missed or Change(row="C11", locker=current)
    if access.kind == "pickup":
        return following(missed, pickup_done(current, tower, access, fact))
    shut = replace(current, access=replace(access, closed=True))
    if access.reverted and current.status is Status.OCCUPIED:
        return following(missed, reverted(shut, tower, fact))
    return following(missed, Change(row="C11" if missed is None else missed.row, locker=shut))


def _left_open(locker: Locker, before: Locker, tower: Tower, fact: Accessed) -> Change:
    """C12, DOOR_LEFT_OPEN."""
    missed = _missed(locker, before, tower, fact)
    current = locker if missed is None else missed.locker
    token, holder = token_of(before, fact.token_id), before.assignment
    told = notice(
        current,
        "LOCKER_ALARM",
        "DOOR_LEFT_OPEN",
        current.holder,
        fact.at_s * 1000,
        tower_clock=True,
        token_id=fact.token_id,
        link_id=token.link_id if token else None,
        client_info=token.client_info if token else holder.client_info if holder else "",
    )
    return following(missed, Change(row="C12", locker=current, notices=(told,)))


def _reverted(locker: Locker, before: Locker, tower: Tower, fact: Accessed) -> Change:
    """C8, C9; the drop-off that was reverted may have been dropped from the log."""
    after, report, access = fact.after, before.report, locker.access
    first: Change | None = None
    if locker.status is Status.RENTED and not after.taken and after.retired > report.retired:
        story = story_of(locker, fact)
        first = None if story is None else dropoff(locker, story, fact)
    elif locker.status is Status.OCCUPIED and report.taken and (access is None or access.kind == "pickup"):
        story = story_of(locker, fact)
        known = locker if story is None else replace(locker, access=replace(story, before=Status.RENTED))
        first = Change(row="C8", locker=known)
    current = locker if first is None else first.locker
    if current.status is not Status.OCCUPIED or current.access is None or current.access.kind != "dropoff":
        return first or Change(row="C11", locker=current)
    return following(first, reverted(current, tower, fact))


def _by_staff(locker: Locker, tower: Tower, fact: Accessed) -> Change:
    """C16, an opening by staff that changed the record; one that changed nothing is C11."""
    report, after = locker.report, fact.after
    known = reported(locker, after)
    changed = (report.taken, report.locker_token) != (after.taken, after.locker_token) or after.retired > report.retired
    if fact.confirmed is False or not changed:
        return following(known, Change(row="C11", locker=known.locker))
    if locker.status is Status.OUT_OF_SERVICE:
        checked = replace(known.locker, check_contents=known.locker.check_contents or after.taken)
        return following(known, Change(row="C16", locker=checked))
    halt = stop(known.locker, tower, fact.at_s * 1000, row="C16", tower_clock=True, check_contents=after.taken)
    return following(known, halt)


def token_of(locker: Locker, token_id: int | None) -> Token | None:
    """The token with this id, if it is still remembered."""
    return next((one for one in locker.tokens if one.token_id == token_id and one.kind != "keypad"), None)


def code_in_force(locker: Locker) -> Token | None:
    """The keypad code in force, as far as the cloud knows."""
    return next((one for one in locker.tokens if one.kind == "keypad" and not is_settled(one)), None)


def story_of(locker: Locker, fact: Accessed) -> Access | None:
    """Who opened: by the token, the code in force, or a generation of the present assignment. None: nobody of ours."""
    token = token_of(locker, fact.token_id)
    by_code = fact.token_id is None
    if by_code:
        token = next((one for one in reversed(locker.tokens) if one.kind == "keypad"), None)
    holder = locker.assignment
    if token is not None:
        foreign = holder is not None and token.organization_id != holder.organization_id
        return None if foreign else _story(token, by_code)
    if holder is None:
        return None
    generation = fact.after.generation if fact.after.taken else fact.after.retired
    if not by_code and not 0 < holder.first_generation <= generation:
        return None
    return Access(
        kind="dropoff",
        organization_id=holder.organization_id,
        generation=generation,
        token_id=fact.token_id,
        client_info=holder.client_info,
        keypad=by_code,
    )


def _story(token: Token, by_code: bool) -> Access:
    return Access(
        kind="dropoff",
        organization_id=token.organization_id,
        generation=token.generation,
        token_id=None if by_code else token.token_id,
        link_id=token.link_id,
        client_info=token.client_info,
        keypad=by_code,
        keypad_code=token.keypad_code,
    )
