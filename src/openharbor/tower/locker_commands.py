"""The commands about lockers that open none (blink-protocol.md 7.5)."""

from collections.abc import Callable

from msgspec.structs import replace

from openharbor.blink.events import REVERTED, ClientNoted
from openharbor.blink.refusals import AUTH_PERMISSIONS, Rejected
from openharbor.tower import visits
from openharbor.tower.answers import answered
from openharbor.tower.codes import CODE_REMOVED, CODE_SET, HW_PORT, SYS_LAST_OPEN, SYS_LOCKER_NOT_FOUND
from openharbor.tower.configuration import Order, with_code
from openharbor.tower.locker_events import accessed
from openharbor.tower.lockers import Empty, Locker, Take, Used, clashes, with_use
from openharbor.tower.state import LastOpened, Opening, Step, Tower, logged, now, reference, with_locker
from openharbor.tower.visits import Ask

MOST_NOTES = 20


def find_available(tower: Tower, ask: Ask) -> Step:
    """FIND_AVAILABLE_LOCKERS: how many are free, by type."""
    return _found(tower, ask, lambda one: one.available)


def find_with_token(tower: Tower, ask: Ask) -> Step:
    """FIND_LOCKERS_WITH_TOKEN: how many hold a token, by type."""
    available, token = ask.asked.fields[91], ask.asked.fields[90]
    return _found(tower, ask, lambda one: one.available == available and one.locker_token == token)


def _found(tower: Tower, ask: Ask, fits: Callable[[Locker], bool]) -> Step:
    counts: dict[int, int] = {}
    for one in tower.lockers.values():
        if one.usable() and fits(one):
            counts[one.type_id] = counts.get(one.type_id, 0) + 1
    return answered(tower, ask.asked, {78: counts}, ask.draws.iv)


def check_door(tower: Tower, ask: Ask) -> Step:
    """CHECK_LOCKER_DOOR: as it was read last. Raises Rejected 504, 301 when it cannot be read."""
    is_open = tower.doors.get(visits.last_of(tower).opening.number)
    if is_open is None:
        raise Rejected(HW_PORT, "the door cannot be read")
    return answered(tower, ask.asked, {76: is_open}, ask.draws.iv)


def check_all_doors(tower: Tower, ask: Ask) -> Step:
    """CHECK_ALL_LOCKER_DOORS: one bit a locker; doors that cannot be read count as shut."""
    bits = bytearray(max(tower.lockers, default=0) // 8 + 1)
    for number in tower.lockers:
        if tower.doors.get(number):
            bits[number // 8] |= 1 << number % 8
    return answered(tower, ask.asked, {79: bytes(bits)}, ask.draws.iv)


def revert(tower: Tower, ask: Ask) -> Step:
    """REVERT_LOCKER_STATE, once. Raises Rejected 504."""
    last = visits.last_of(tower)
    locker = tower.lockers.get(last.opening.number)
    record = _reverted(tower, last, locker, now(tower, ask.at_ms))
    session = ask.asked.session
    opening = Opening(
        number=record.number,
        reason=REVERTED,
        started=now(tower, ask.at_ms),
        token_id=last.opening.token_id,
        access_kind=last.opening.access_kind,
        session_ref=reference(session),
        client_id=session.client_id,
        client_info=ask.asked.fields[62] or None,
    )
    tower = visits.with_last(with_locker(tower, record), replace(last, reverted=True))
    tower = logged(tower, accessed(opening, record, confirmed=None, opened_at=None), ask.at_ms)
    return answered(tower, ask.asked, {}, ask.draws.iv)


def _reverted(tower: Tower, last: LastOpened, locker: Locker | None, at: int) -> Locker:
    before, after, change = last.before, last.after, last.opening.change
    if before is None or after is None or last.reverted or isinstance(change, Empty):
        raise Rejected(SYS_LAST_OPEN, "there is nothing to revert")
    if locker is None or locker.holding() != after.holding():
        raise Rejected(SYS_LAST_OPEN, "the locker has changed since")
    code = before.code
    if code is not None and clashes(tower.lockers, locker.number, code.mac):
        code = None
    record = replace(locker, available=before.available, locker_token=before.locker_token, used=before.used, code=code)
    if not isinstance(change, Take):
        return record
    if before.available:
        return replace(record, generation=change.generation, retired=change.generation)
    return with_use(record, Used(change.token_id, change.session_id, at, confirmed=True, reverted=True))


def set_code(tower: Tower, ask: Ask) -> Step:
    """SET_KEYPAD_CODE for the last opened locker. Raises Rejected 504, 204, 106, 502."""
    last = visits.last_of(tower)
    if last.no_code:
        raise Rejected(AUTH_PERMISSIONS, "the token that opened it leaves no way back in")
    locker = tower.lockers.get(last.opening.number)
    if locker is None:
        raise Rejected(SYS_LOCKER_NOT_FOUND, "the locker is gone")
    fields = ask.asked.fields
    reason = CODE_SET if fields[80] else CODE_REMOVED
    order = Order(ask.at_ms, ask.draws.seed)
    tower, made_up = with_code(tower, locker, fields, order, reason)
    return answered(tower, ask.asked, {} if made_up is None else {80: made_up}, ask.draws.iv)


def add_client_event(tower: Tower, ask: Ask) -> Step:
    """ADD_CLIENT_EVENT. Raises Rejected 505."""
    session = ask.asked.session
    tower = visits.with_note(tower, MOST_NOTES)
    event = ClientNoted(
        event_id=0,
        at=now(tower, ask.at_ms),
        session_ref=reference(session),
        client_id=session.client_id,
        client_info=ask.asked.fields[62],
    )
    return answered(logged(tower, event, ask.at_ms), ask.asked, {}, ask.draws.iv)
