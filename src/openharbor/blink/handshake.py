"""The messages and the keys of a handshake, for both ends (blink-protocol.md 5.1)."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from openharbor.blink import refusals
from openharbor.blink.cbor import Fields, decode, encode
from openharbor.blink.fields import INT53, Item, Layout, check
from openharbor.blink.keys import TowerKey, derive
from openharbor.blink.packets import REQUEST_SESSION_LAYOUT, Packet, sealed
from openharbor.blink.payloads import MOST_SESSION_BYTES
from openharbor.blink.refusals import Rejected
from openharbor.blink.sealing import AUTH_BYTES, seal, unseal

NONCE_BYTES: Final = 16
SESSION_ID_BYTES: Final = 8  # ours; a phone takes 1 to 16
SESSION_KEY_BYTES: Final = 32
SEED_BYTES: Final = 32
GRANT: Final[Layout] = (
    Item(5, 0, INT53),
    Item(21, NONCE_BYTES, NONCE_BYTES),
    Item(10, AUTH_BYTES, AUTH_BYTES),
    sealed(MOST_SESSION_BYTES),
)
GRANTED: Final[Layout] = (
    Item(5, 0, INT53),
    Item(21, NONCE_BYTES, NONCE_BYTES),
    Item(22, 1, 16),
    Item(23, SESSION_KEY_BYTES, SESSION_KEY_BYTES),
)


class SessionRequest(msgspec.Struct, frozen=True):
    """REQUEST_SESSION. `phone_time`: s since 1970 by the phone, for a note in the log alone. `nonce`: 16 bytes."""

    phone_time: int
    nonce: bytes
    payload: bytes
    auth: bytes


class Draws(msgspec.Struct, frozen=True):
    """What a tower draws for a grant: random bytes, 16, 8, 32 and 16 of them."""

    grant_nonce: bytes
    session_id: bytes
    session_key: bytes
    iv: bytes

    def __repr__(self) -> str:
        return f"Draws(session_id={self.session_id.hex()})"


class Granted(msgspec.Struct, frozen=True):
    """What a phone found in a grant. `at`: s since 1970 by the tower. `key`: of the session, rotation 0."""

    at: int
    session_id: bytes
    key: TowerKey


def shared_key(secret: bytes, request_nonce: bytes, grant_nonce: bytes) -> TowerKey:
    """The grant keys from the seed, the session keys from the session key; rotation 0."""
    return derive(secret + request_nonce + grant_nonce, 0)


def write_request(request: SessionRequest) -> Fields:
    """The map, in the SDK's order."""
    return {
        1: Packet.REQUEST_SESSION.value,
        5: request.phone_time,
        20: request.nonce,
        10: request.auth,
        9: request.payload,
    }


def read_request(fields: Mapping[int, Any]) -> SessionRequest:
    """The request in a map of that type. Raises Rejected 102, 103, 104, 105, 208."""
    check(fields, REQUEST_SESSION_LAYOUT)
    return SessionRequest(fields[5], fields[20], fields[9], fields[10])


def write_grant(seed: bytes, request_nonce: bytes, draws: Draws, clock: int) -> Fields:
    """GRANT_SESSION. `clock`: s since 1970 by the tower. Raises ValueError for draws of another length."""
    _check_draws(draws)
    plain = {
        1: Packet.GRANT_SESSION_PAYLOAD.value,
        5: clock,
        21: draws.grant_nonce,
        22: draws.session_id,
        23: draws.session_key,
    }
    key = shared_key(seed, request_nonce, draws.grant_nonce)
    made = seal(key, encode(plain), draws.iv)
    return {1: Packet.GRANT_SESSION.value, 5: clock, 21: draws.grant_nonce, 10: made.auth, 9: made.payload}


def read_grant(fields: Mapping[int, Any], seed: bytes, request_nonce: bytes) -> Granted:
    """What a grant holds. Raises Rejected for everything that 5.1 step 7 and section 14 do not allow."""
    check(fields, GRANT)
    key = shared_key(seed, request_nonce, fields[21])
    inside = decode(unseal({0: key}, fields[9], fields[10], MOST_SESSION_BYTES))
    if inside.get(1) != Packet.GRANT_SESSION_PAYLOAD:
        raise Rejected(refusals.MSG_INVALID_ID, "no grant is sealed inside")
    check(inside, GRANTED)
    if (inside[5], inside[21]) != (fields[5], fields[21]):
        raise Rejected(refusals.AUTH_INVALID, "time or nonce differ inside and outside")
    return Granted(inside[5], inside[22], shared_key(inside[23], request_nonce, inside[21]))


def _check_draws(draws: Draws) -> None:
    lengths = tuple(len(one) for one in (draws.grant_nonce, draws.session_id, draws.session_key))
    if lengths != (NONCE_BYTES, SESSION_ID_BYTES, SESSION_KEY_BYTES):
        raise ValueError("a grant needs a nonce of 16, a session id of 8 and a session key of 32 bytes")
