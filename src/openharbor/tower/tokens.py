"""What an open payload does to its locker: the table of blink-protocol.md 7.4 as a decision."""

from typing import Final

import msgspec

from openharbor.blink.events import DROPPED_OFF, PICKED_UP, RELEASED, REOPENED, REPEATED
from openharbor.blink.payloads import DROPOFF, PICKUP, OpenPayload
from openharbor.blink.refusals import (
    AUTH_INVALID,
    AUTH_PERMISSIONS,
    MSG_ITEM_RANGE,
    SYS_RESOURCES,
    Rejected,
)
from openharbor.tower.codes import HW_RTC, SYS_LOCKER_NOT_FOUND, SYS_PORT_CONFIG
from openharbor.tower.lockers import MOST_USED, Change, Code, Empty, Locker, Lockers, Take, Used

RETIRED: Final = "the token is retired"


class Asker(msgspec.Struct, frozen=True):
    """Who presents a token, and when. `clock`: s since 1970. `visit_window_s`: 0 to 900."""

    session_id: bytes
    client_id: bytes
    staff: bool
    clock: int
    visit_window_s: int


class Access(msgspec.Struct, frozen=True):
    """An access that may be made. `reason`: #77. `change`: None leaves the record as it is."""

    reason: int
    change: Change | None


def check_tower(payload: OpenPayload, asker: Asker, *, may_judge_times: bool, disabled: bool) -> None:
    """Steps 1 to 3. Raises Rejected 307, 204."""
    if not may_judge_times:
        raise Rejected(HW_RTC, "the clock was lost, and this tower waits until it is set")
    if payload.client_id is not None and payload.client_id != asker.client_id:
        raise Rejected(AUTH_PERMISSIONS, "the token is bound to another client")
    if disabled and not asker.staff:
        raise Rejected(AUTH_PERMISSIONS, "the tower is disabled")


def find_locker(lockers: Lockers, number: int, *, staff: bool) -> Locker:
    """Steps 4 and 5. Raises Rejected 502, 501."""
    locker = lockers.get(number)
    if locker is None or (locker.disabled and not staff):
        raise Rejected(SYS_LOCKER_NOT_FOUND, "no such locker, or it is disabled")
    if locker.port < 0:
        raise Rejected(SYS_PORT_CONFIG, "the locker has no lock port")
    return locker


def decide(locker: Locker, payload: OpenPayload, asker: Asker, code: Code | None) -> Access:
    """Steps 7 to 10. `code`: of the payload's keypad code. Raises Rejected 201, 104, 502, 505."""
    if payload.generation <= locker.retired:
        raise Rejected(AUTH_INVALID, RETIRED)
    if payload.generation < locker.generation:
        raise Rejected(MSG_ITEM_RANGE, "the generation is older than the newest accepted")
    if payload.match_locker_type is not None and payload.match_locker_type != locker.type_id:
        raise _no_match()
    if payload.access_kind == DROPOFF:
        return _drop_off(locker, payload, asker, code)
    if payload.access_kind == PICKUP:
        return _pick_up(locker, payload)
    return _release(locker, payload)


def _drop_off(locker: Locker, payload: OpenPayload, asker: Asker, code: Code | None) -> Access:
    same = payload.generation == locker.generation
    use = locker.use_of(payload.token_id) if same else None
    if use is not None:
        return _used_before(locker, payload, asker, use)
    _check_available(locker, payload)
    if payload.match_token is not None and payload.match_token != locker.locker_token:
        raise _no_match()
    if not locker.available and not same:
        raise _no_match()  # never two assignments in one locker
    if same and len(locker.used) >= MOST_USED:
        raise Rejected(SYS_RESOURCES, f"{MOST_USED} drop-off tokens of this assignment were used")
    take = Take(payload.locker_token, payload.generation, payload.token_id, asker.session_id, asker.clock, code)
    return Access(DROPPED_OFF, take)


def _used_before(locker: Locker, payload: OpenPayload, asker: Asker, use: Used) -> Access:
    if use.reverted:
        raise Rejected(AUTH_INVALID, "the drop-off with this token was reverted")
    if use.session_id == asker.session_id:
        return Access(REOPENED, None)
    if not use.confirmed and asker.clock - use.at <= asker.visit_window_s and asker.visit_window_s > 0:
        return Access(REPEATED, None)
    if not payload.reuse:
        raise Rejected(AUTH_INVALID, "the token is no pick-up token, and was used")
    if locker.available or locker.locker_token != payload.locker_token:
        raise _no_match()
    return Access(PICKED_UP, Empty(payload.generation))


def _pick_up(locker: Locker, payload: OpenPayload) -> Access:
    if locker.available or payload.match_available is True:
        raise _no_match()
    if payload.match_token is None:
        fits = payload.generation == locker.generation
    else:
        fits = payload.match_token == locker.locker_token
    if not fits:
        raise _no_match()
    return Access(PICKED_UP, Empty(payload.generation))


def _release(locker: Locker, payload: OpenPayload) -> Access:
    _check_available(locker, payload)
    token = payload.match_token
    if token is not None and not locker.available and token != locker.locker_token:
        raise _no_match()
    return Access(RELEASED, Empty(payload.generation))


def _check_available(locker: Locker, payload: OpenPayload) -> None:
    if payload.match_available is not None and payload.match_available != locker.available:
        raise _no_match()


def _no_match() -> Rejected:
    return Rejected(SYS_LOCKER_NOT_FOUND, "the locker is not as the token wants it")
