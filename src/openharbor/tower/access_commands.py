"""The commands that open a locker (blink-protocol.md 7.4, 7.5)."""

from msgspec.structs import replace

from openharbor.blink.cbor import Fields
from openharbor.blink.events import BY_STAFF, FIRED, REOPENED
from openharbor.blink.opening import OPEN, judge_times, open_sealed
from openharbor.blink.payloads import OpenPayload, open_from
from openharbor.blink.refusals import Rejected
from openharbor.tower import device_clock, keypad, openings, tokens, visits
from openharbor.tower.answers import answered, refused
from openharbor.tower.clock_steps import with_clock
from openharbor.tower.codes import SYS_LAST_OPEN_INFO, SYS_LOCKER_NOT_FOUND, SYS_LOCKERS_BUSY
from openharbor.tower.locker_events import refused as refused_access
from openharbor.tower.lockers import Change, Locker, Write
from openharbor.tower.state import Draws, LastOpened, Opening, Pending, Step, Tap, Tower, logged, now, reference
from openharbor.tower.tokens import Access, Asker
from openharbor.tower.visits import Ask

TOKEN_BYTES = 16
MOST_TAPS = 50


def open_with_token(tower: Tower, ask: Ask) -> Step:
    """OPEN_LOCKER_WITH_TOKEN. A refusal leaves an event, with what could be read of the token."""
    payload: OpenPayload | None = None
    try:
        payload, tower = _opened_payload(tower, ask)
        return openings.begun(tower, _judged(tower, payload, ask), ask.at_ms)
    except Rejected as rejected:
        session = ask.asked.session
        event = refused_access(rejected.code, now(tower, ask.at_ms), payload)
        event = replace(event, session_ref=reference(session), client_id=session.client_id)
        tower = logged(tower, event, ask.at_ms)
        return refused(tower, ask.asked, rejected, ask.draws.iv, ask.at_ms, failures=ask.failures)


def _opened_payload(tower: Tower, ask: Ask) -> tuple[OpenPayload, Tower]:
    fields = ask.asked.fields
    opened = open_sealed(OPEN, tower.keys.ring, fields[9], fields[10], tower.identity.tower_id)
    clock = judge_times(OPEN, opened, device_clock.device_time(tower.clock, ask.at_ms))
    tower = with_clock(tower, device_clock.moved(tower.clock, ask.at_ms, clock), ask.at_ms)
    return open_from(opened), tower


def _judged(tower: Tower, payload: OpenPayload, ask: Ask) -> Pending:
    """Steps 1 to 10. Raises Rejected."""
    asker = _asker(tower, ask)
    may_judge = tower.clock.sure or tower.settings.clock_mode == "lenient"
    tokens.check_tower(payload, asker, may_judge_times=may_judge, disabled=tower.identity.disabled)
    locker = tokens.find_locker(tower.lockers, payload.locker_number, staff=asker.staff)
    last = tower.visit.last if tower.visit else None
    if last is not None and _same_token(last, payload):
        return _again(tower, last, ask)
    code = keypad.token_code(tower.code_key, payload.keypad_code, payload.keypad_persists, payload.locker_token)
    access = tokens.decide(locker, payload, asker, code)
    opening = _opening(tower, ask, locker, access)
    opening = replace(
        opening,
        token_id=payload.token_id,
        access_kind=payload.access_kind,
        generation=payload.generation,
    )
    return _pending(opening, locker, ask, no_code=not payload.reuse)


def _asker(tower: Tower, ask: Ask) -> Asker:
    session = ask.asked.session
    time, window = now(tower, ask.at_ms), tower.settings.visit_window_s
    return Asker(session.session_id, session.client_id, ask.staff, time, window)


def _same_token(last: LastOpened, payload: OpenPayload) -> bool:
    opening = last.opening
    same = (opening.number, opening.token_id) == (payload.locker_number, payload.token_id)
    return same and not last.reverted


def _opening(tower: Tower, ask: Ask, locker: Locker, access: Access) -> Opening:
    session = ask.asked.session
    return Opening(
        number=locker.number,
        reason=access.reason,
        started=now(tower, ask.at_ms),
        change=access.change,
        session_ref=reference(session),
        client_id=session.client_id,
    )


def _pending(
    opening: Opening, locker: Locker, ask: Ask, *, no_code: bool = False, again: LastOpened | None = None
) -> Pending:
    return Pending(opening=opening, port=locker.port, asked=ask.asked, iv=ask.draws.iv, no_code=no_code, again=again)


def reopen(tower: Tower, ask: Ask) -> Step:
    """REOPEN_LOCKER: the last opened locker again; after a jam a second try of the same access. Raises Rejected 504."""
    return openings.begun(tower, _again(tower, visits.last_of(tower), ask), ask.at_ms)


def _again(tower: Tower, last: LastOpened, ask: Ask) -> Pending:
    """Raises Rejected 503."""
    locker = visits.locker_of_last(tower, last, staff=ask.staff)
    if last.pending is not None and (last.tried is None or locker.holding() != last.tried.holding()):
        # a second try must not bring back what a command has retired since the first one
        raise Rejected(SYS_LAST_OPEN_INFO, "the locker has changed since the first try")
    opening = _opening(tower, ask, locker, Access(REOPENED, last.pending))
    first = last.opening
    opening = replace(opening, token_id=first.token_id, access_kind=first.access_kind, generation=first.generation)
    return _pending(opening, locker, ask, no_code=last.no_code, again=last)


def open_available(tower: Tower, ask: Ask) -> Step:
    """OPEN_AVAILABLE_LOCKER: the lowest numbered that fits. Raises Rejected 502."""
    fields = ask.asked.fields
    locker = next((one for _, one in sorted(tower.lockers.items()) if _fits(one, fields)), None)
    if locker is None:
        raise Rejected(SYS_LOCKER_NOT_FOUND, "no locker fits")
    change: Change = Write(fields[73], b"" if fields[73] else fields[75] or _drawn_token(ask.draws))
    opening = replace(_opening(tower, ask, locker, Access(BY_STAFF, change)), client_info=fields[62] or None)
    return openings.begun(tower, _pending(opening, locker, ask), ask.at_ms)


def _fits(locker: Locker, fields: Fields) -> bool:
    type_id, token = fields.get(92, -1), fields.get(90)
    return (
        locker.usable()
        and locker.available == fields.get(91, True)
        and (type_id < 0 or type_id == locker.type_id)
        and (token is None or token == locker.locker_token)
    )


def _drawn_token(draws: Draws) -> bytes:
    return keypad.code_mac(draws.seed, "locker token")[:TOKEN_BYTES]


def fire_lock(tower: Tower, ask: Ask) -> Step:
    """FIRE_LOCK: the locker with this port, without any change; not the session's last opened. Raises Rejected 502."""
    port = ask.asked.fields[72]
    locker = next((one for one in tower.lockers.values() if one.port == port), None)
    if locker is None:
        raise Rejected(SYS_LOCKER_NOT_FOUND, f"no locker has port {port}")
    opening = _opening(tower, ask, locker, Access(FIRED, None))
    return openings.begun(tower, _pending(opening, locker, ask), ask.at_ms)


def tap(tower: Tower, ask: Ask) -> Step:
    """TAP_LOCKER: answered first, then fired. Raises Rejected 504, 503, 505, 509."""
    last = visits.last_of(tower)
    locker = visits.locker_of_last(tower, last, staff=ask.staff)
    interval, times = ask.asked.fields[101], max(1, ask.asked.fields[102])
    tower = visits.with_taps(tower, times, MOST_TAPS)
    if tower.pulses.get(locker.number, ask.at_ms) > ask.at_ms:
        raise Rejected(SYS_LOCKERS_BUSY, "the lock is firing")
    pulse = tower.settings.solenoid_delay_ms
    until = ask.at_ms + times * max(interval, pulse) + pulse
    tower = replace(tower, pulses={**tower.pulses, locker.number: until})
    step = answered(tower, ask.asked, {}, ask.draws.iv)
    return replace(step, effects=(*step.effects, Tap(locker.number, locker.port, pulse, times, interval)))
