"""Drop-off, pick-up and "doesn't fit", once an event showed them: rows C1 to C10, C13 to C15."""

from msgspec.structs import replace

from openharbor.cloud.lockers.change import Change, LinkChange, Notice
from openharbor.cloud.lockers.ending import end, notice
from openharbor.cloud.lockers.facts import Accessed
from openharbor.cloud.lockers.locker import Access, Locker, Status, Token, Tower
from openharbor.cloud.lockers.stopping import stop


def used(locker: Locker, story: Access, at: int, *, code: str = "") -> Notice:
    """LOCKER_TOKEN_USED or KEYPAD_CODE_USED, to the provider of the token. `code` came into force with a drop-off."""
    return notice(
        locker,
        "LOCKER_OPERATION",
        "KEYPAD_CODE_USED" if story.keypad else "LOCKER_TOKEN_USED",
        story.organization_id,
        at,
        tower_clock=True,
        token_id=story.token_id,
        link_id=story.link_id,
        keypad_code=story.keypad_code if story.keypad else code,
        client_info=story.client_info,
    )


DROPOFF_ROWS = {Status.RENTED: "C1", Status.DECLINED: "C2", Status.OCCUPIED: "C3"}


def dropoff(locker: Locker, story: Access | None, fact: Accessed) -> Change:
    """C1, C2, C3, C13: counts from the opening. It ends a release (A12) and a hold; a code comes into force."""
    if locker.status is Status.OUT_OF_SERVICE:
        return _used_out_of_service(locker, story, fact)
    if story is None:
        raise ValueError("a drop-off into a held locker has a token")
    access = replace(story, kind="dropoff", before=locker.status, closed=fact.confirmed is None)
    code = story.keypad_code if fact.after.keypad is not False else ""
    after = replace(
        locker,
        status=Status.OCCUPIED,
        hold=None,
        emptying=(),
        access=access,
        tokens=_with_code(locker, story, code),
    )
    completed = locker.status is Status.RENTED and story.link_id is not None
    links = (LinkChange(story.link_id, "completed", bool(code)),) if completed and story.link_id is not None else ()
    told = used(after, story, fact.at_s * 1000, code=code)
    return Change(row=DROPOFF_ROWS[locker.status], locker=after, notices=(told,), links=links)


def _with_code(locker: Locker, story: Access, code: str) -> tuple[Token, ...]:
    """The tokens and the code that came into force with this drop-off: it opens until it is erased."""
    if not code or any(one.kind == "keypad" and one.settled is None for one in locker.tokens):
        return locker.tokens
    carrier = next((one for one in locker.tokens if one.token_id == story.token_id), None)
    if carrier is None:
        return locker.tokens
    return (*locker.tokens, replace(carrier, kind="keypad", expires_s=None, settled=None))


def _used_out_of_service(locker: Locker, story: Access | None, fact: Accessed) -> Change:
    after = replace(locker, check_contents=True)
    if story is None:
        return Change(row="C13", locker=after)
    code = story.keypad_code if fact.after.keypad is not False else ""
    after = replace(after, tokens=_with_code(after, story, code))
    return Change(row="C13", locker=after, notices=(used(after, story, fact.at_s * 1000, code=code),))


def pickup_opens(locker: Locker, story: Access | None) -> Change:
    """C4, and C13: nothing changes before the door is closed again."""
    row = "C13" if locker.status is Status.OUT_OF_SERVICE else "C4"
    access = None if story is None else replace(story, kind="pickup", closed=False)
    contents = locker.check_contents or locker.status is Status.OUT_OF_SERVICE
    return Change(row=row, locker=replace(locker, access=access, check_contents=contents))


def pickup_done(locker: Locker, tower: Tower, story: Access, fact: Accessed) -> Change:
    """C5, C6, C7, C13: the door is closed after a pick-up."""
    at, shut = fact.at_s * 1000, replace(locker, access=None)
    links = () if story.link_id is None else (LinkChange(story.link_id, "completed", bool(story.keypad_code)),)
    if locker.status in (Status.RENTED, Status.OUT_OF_SERVICE):
        row = "C7" if locker.status is Status.RENTED else "C13"
        return Change(row=row, locker=shut, notices=(used(shut, story, at),), links=links)
    row = "C5" if locker.status is Status.OCCUPIED else "C6"
    over = end(shut, tower, "PICKED_UP", at, row=row, tower_clock=True, story=story, links=links)
    return replace(over, notices=(used(over.locker, story, at), *over.notices))


def reverted(locker: Locker, tower: Tower, fact: Accessed) -> Change:
    """C8, C9: "doesn't fit". The assignment ends only if the drop-off had found the locker empty."""
    access = locker.access
    if access is None:
        raise ValueError("a reverted drop-off is known")
    if access.before is Status.OCCUPIED or fact.after.taken:
        return Change(row="C9", locker=locker)
    if not access.closed:
        return Change(row="C8", locker=replace(locker, access=replace(access, reverted=True)))
    links = () if access.link_id is None else (LinkChange(access.link_id, "cancelled"),)
    shut = replace(locker, access=None)
    at = fact.at_s * 1000
    return end(shut, tower, "RESERVATION_CANCELLED", at, row="C8", tower_clock=True, story=access, links=links)


def persisting_code(locker: Locker, story: Access | None, fact: Accessed) -> Change:
    """C10, and C13: a code that persists opens the door and changes nothing."""
    if locker.status is Status.OUT_OF_SERVICE:
        return _used_out_of_service(locker, story, fact)
    if story is None:
        return Change(row="C11", locker=locker)
    return Change(row="C10", locker=locker, notices=(used(locker, story, fact.at_s * 1000),))


def wrong_use(locker: Locker, tower: Tower, fact: Accessed) -> Change:
    """C14, C15: the tower broke a promise."""
    what = f"tower event {fact.event_id}: token {fact.token_id} opened a locker that is {locker.status.word}"
    if locker.status in (Status.AVAILABLE, Status.RESERVED):
        at = fact.at_s * 1000
        return stop(locker, tower, at, row="C14", tower_clock=True, check_contents=True, incident=what)
    return Change(row="C15", locker=replace(locker, incident=what), incident=what)
