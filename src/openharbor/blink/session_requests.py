"""Which session requests a tower grants, by what it remembers of earlier ones (blink-protocol.md 5.2, 10.5)."""

from typing import Final

import msgspec

from openharbor.blink import refusals
from openharbor.blink.handshake import SessionRequest
from openharbor.blink.opening import SESSION, DeviceTime, KeyRing, judge_times, open_sealed
from openharbor.blink.packets import SYNC
from openharbor.blink.payloads import SessionPayload, session_from
from openharbor.blink.permissions import known_bits
from openharbor.blink.refusals import Rejected

MOST_NONCES: Final = 64
LATE_WINDOW_S: Final = 120


class Late(msgspec.Struct, frozen=True):
    """An authentic payload that was refused as expired. `issued`: s since 1970; `at`: uptime in s."""

    issued: int
    at: int


class Requests(msgspec.Struct, frozen=True):
    """What a tower remembers of session requests, until its next start. `nonces`: of the last 64 that were granted."""

    nonces: tuple[bytes, ...] = ()
    late: Late | None = None


class Allowed(msgspec.Struct, frozen=True):
    """A request to be granted. `clock_ahead`: for sync alone, and ERROR_EVENT 307, source 6, is to be logged (10.5)."""

    payload: SessionPayload
    permissions: int
    clock_ahead: bool = False


class Judged(msgspec.Struct, frozen=True):
    """What came of a request; `requests` and `clock` hold for a refused one too."""

    requests: Requests
    clock: DeviceTime
    outcome: Allowed | Rejected


class Tower(msgspec.Struct, frozen=True):
    """What a tower is when a request comes. `uptime`: seconds of a clock that never steps."""

    tower_id: bytes
    ring: KeyRing
    clock: DeviceTime
    uptime: int
    locked_out: bool = False


def judge_request(requests: Requests, request: SessionRequest, tower: Tower) -> Judged:
    """Lock-out 505, then 4.3 with 203, 207, 107 and so on, permissions 204, repeated nonce 201 (counted)."""
    clock, late = tower.clock, requests.late
    try:
        payload = _opened(request, tower)
        clock, expired = _times(payload, tower.clock)
        if expired:
            late = Late(payload.issued, tower.uptime)
            _check_late(expired, requests.late, late)
        allowed = _allowed(requests, request, payload, ahead=expired is not None)
    except Rejected as refused:
        return Judged(Requests(requests.nonces, late), clock, refused)
    nonces = (*requests.nonces, request.nonce)[-MOST_NONCES:]
    return Judged(Requests(nonces, late), clock, allowed)


def _opened(request: SessionRequest, tower: Tower) -> SessionPayload:
    if tower.locked_out:
        raise Rejected(refusals.SYS_RESOURCES, "too many authentication failures; wait")
    return session_from(open_sealed(SESSION, tower.ring, request.payload, request.auth, tower.tower_id))


def _times(payload: SessionPayload, clock: DeviceTime) -> tuple[DeviceTime, Rejected | None]:
    """The clock after the payload, and the refusal if it is expired."""
    try:
        return judge_times(SESSION, {5: payload.issued, 6: payload.expires}, clock), None
    except Rejected as refused:
        if refused.code != refusals.MSG_EXPIRED:
            raise
        return clock, refused


def _check_late(expired: Rejected, before: Late | None, late: Late) -> None:
    """Two payloads in a row too old, the second newer: then the clock may be wrong. Raises `expired` otherwise."""
    if before is None or late.issued <= before.issued or late.at - before.at > LATE_WINDOW_S:
        raise expired


def _allowed(requests: Requests, request: SessionRequest, payload: SessionPayload, *, ahead: bool) -> Allowed:
    permissions = known_bits(payload.permissions) & (SYNC if ahead else -1)
    if not permissions:
        raise Rejected(refusals.AUTH_PERMISSIONS, "the session payload gives no permission")
    if request.nonce in requests.nonces:
        raise Rejected(refusals.AUTH_INVALID, "the request nonce was used before", counts=True)
    return Allowed(payload, permissions, ahead)
