"""Wraps the messages of a session, and takes the wrapper off (blink-protocol.md 5.5; steps 6 and 8 to 10 of 6.2)."""

import hmac
from collections.abc import Mapping
from typing import Any, Final

from openharbor.blink import refusals
from openharbor.blink.cbor import Fields, decode
from openharbor.blink.fields import Item, Layout, check
from openharbor.blink.keys import TowerKey
from openharbor.blink.refusals import Rejected
from openharbor.blink.sealing import AUTH_BYTES, LEAST_BYTES, PLAIN_AT, VERSION, counter_mode, seal

PARTS: Final[Layout] = (Item(7), Item(8), Item(22))
LENGTHS: Final[Layout] = (Item(8, AUTH_BYTES, AUTH_BYTES), Item(7, LEAST_BYTES))
# any number CBOR can hold: a wrong one is judged as a type (101) or by the sequence (201), not as out of range
NUMBER_BITS: Final = 2**64
INNER: Final[Layout] = (Item(1, -NUMBER_BITS, NUMBER_BITS), Item(22), Item(25, -NUMBER_BITS, NUMBER_BITS))


def wrap(key: TowerKey, session_id: bytes, inner: bytes, iv: bytes) -> Fields:
    """The outer map, in the SDK's order. `key`: a session's, rotation 0. `iv`: 16 bytes that never repeat under it."""
    sealed = seal(key, inner, iv)
    return {22: session_id, 8: sealed.auth, 7: sealed.payload}


def check_parts(outer: Mapping[int, Any]) -> None:
    """Step 6: the three parts of a wrapped message. Raises Rejected 102, 103, 105."""
    check(outer, PARTS)
    check(outer, LENGTHS)


def unwrap(key: TowerKey, outer: Mapping[int, Any]) -> bytes:
    """The plain inner bytes of checked parts. Raises Rejected 201 (before anything is decrypted), 106."""
    wrapper, auth = outer[7], outer[8]
    if not hmac.compare_digest(auth[1:], hmac.digest(key.authentication, wrapper, "sha256")):
        raise Rejected(refusals.AUTH_INVALID, "the MAC of the wrapper does not fit", counts=True)
    if wrapper[:1] != VERSION or auth[:1] != VERSION:
        raise Rejected(refusals.MSG_ITEM_VALUE, "the version bytes of a wrapper must be 0")
    return counter_mode(key, wrapper[1:PLAIN_AT], wrapper[PLAIN_AT:])


def read_inner(plain: bytes, session_id: bytes) -> Fields:
    """The inner map. `session_id`: the outer one. Raises Rejected 108, 102, 103, 205."""
    fields = decode(plain)
    check(fields, INNER)
    if fields[22] != session_id:
        raise Rejected(refusals.AUTH_SESSION_ID, "the session id inside differs from the one outside")
    return fields
