"""Opens what the server sealed for a tower: the checks of blink-protocol.md 4.3 in their order, as decisions."""

from collections.abc import Mapping
from typing import Final

import msgspec

from openharbor.blink import payloads, refusals
from openharbor.blink.cbor import Fields, decode
from openharbor.blink.fields import INT53, Item, Layout, check, optional
from openharbor.blink.keys import TowerKey
from openharbor.blink.refusals import Rejected
from openharbor.blink.sealing import unseal

TOWER_ID_BYTES: Final = 8
EARLY_S: Final = 300  # an open payload may be issued this far ahead
STEPS_PER_DAY_S: Final = 3600
UNSURE_STEP_S: Final = 366 * 86_400
ACCESS_KINDS: Final = (payloads.DROPOFF, payloads.PICKUP, payloads.RELEASE)
LONGEST_CODE: Final = 64  # of a keypad code; what is not 4 to 10 digits is an unusable value, not a wrong length
ENVELOPE: Final = (Item(5, 0, INT53), Item(6, 0, INT53), Item(61, TOWER_ID_BYTES, TOWER_ID_BYTES))


class Kind(msgspec.Struct, frozen=True):
    """A sealed kind: `most_bytes` sealed, `longest_s` from issue to expiry, `steps`: it may step the clock (10.2)."""

    packet_type: int
    most_bytes: int
    longest_s: int
    steps: bool
    layout: Layout


SESSION: Final = Kind(
    payloads.SESSION_PAYLOAD,
    payloads.MOST_SESSION_BYTES,
    payloads.LONGEST_SESSION_PAYLOAD_S,
    True,
    (*ENVELOPE, Item(26, 0, 65535), Item(27, 1, 16), Item(228, 32, 32)),
)
COMMANDS: Final = Kind(
    payloads.COMMANDS_PAYLOAD,
    payloads.MOST_PACKET_BYTES,
    payloads.LONGEST_PACKET_S,
    True,
    (*ENVELOPE, Item(33, 1), Item(34, 1), Item(35)),
)
OPEN: Final = Kind(
    payloads.OPEN_PAYLOAD,
    payloads.MOST_OPEN_BYTES,
    payloads.LONGEST_OPEN_S,
    False,
    (
        *ENVELOPE,
        Item(224, 1, INT53),
        Item(70, 1, 1023),
        Item(225, 1, 2**32 - 1),
        Item(226, 0, 255),
        Item(75, 1, 32),
        optional(227),
        optional(90, 0, 32),
        optional(91),
        optional(92, 1, 255),
        optional(27, 1, 16),
        optional(80, 0, LONGEST_CODE),
        optional(81),
    ),
)


class KeyRing(msgspec.Struct, frozen=True):
    """The rotations of a tower that are not revoked; `sunsets`: since when for those that are sunset, s since 1970."""

    keys: Mapping[int, TowerKey]
    sunsets: Mapping[int, int]


class DeviceTime(msgspec.Struct, frozen=True):
    """A tower's clock. `now`: s since 1970. `stepped`: seconds that sealed times moved it in the last 24 h.

    `too_far`: the last payload was further ahead than the clock may follow (ERROR_EVENT 307).
    """

    now: int
    sure: bool = True
    stepped: int = 0
    too_far: bool = False


def open_sealed(kind: Kind, ring: KeyRing, payload: bytes, auth: bytes, tower_id: bytes) -> Fields:
    """The fields of a sealed payload: steps 1 to 10 of 4.3. Raises Rejected with the code of the first that fails."""
    fields = decode(unseal(ring.keys, payload, auth, kind.most_bytes))
    check_kind(fields, kind.packet_type, tower_id)
    check(fields, kind.layout)
    sunset = ring.sunsets.get(auth[0])
    if sunset is not None and fields[5] > sunset:
        raise Rejected(refusals.AUTH_KEY_INVALID, "issued after the sunset of its rotation", counts=True)
    if kind is OPEN:
        _check_open_values(fields)
    return fields


def check_kind(fields: Fields, packet_type: int, tower_id: bytes) -> None:
    """Steps 6 and 7: what it is, and for whom. Raises Rejected 101, 102, 206."""
    if 1 not in fields:
        raise Rejected(refusals.MSG_ITEM_MISSING, "packet_type (#1) is missing")
    if type(fields[1]) is not int or fields[1] != packet_type:
        raise Rejected(refusals.MSG_INVALID_ID, f"packet type is {fields[1]!r} and must be {packet_type}")
    if 61 not in fields:
        raise Rejected(refusals.MSG_ITEM_MISSING, "tower_id (#61) is missing")
    if fields[61] != tower_id:
        raise Rejected(refusals.AUTH_TOWER_ID, "sealed for another tower")


def _check_open_values(fields: Fields) -> None:
    if fields[226] not in ACCESS_KINDS:
        raise Rejected(refusals.MSG_ITEM_VALUE, f"access_kind is {fields[226]} and must be 1, 2 or 3")
    code = fields.get(80)
    if code is not None and not usable_code(code):
        raise Rejected(refusals.MSG_ITEM_VALUE, "keypad_code must be 4 to 10 digits")


def usable_code(code: str) -> bool:
    """Whether a keypad could take it: 4 to 10 ASCII digits (11.4)."""
    return 4 <= len(code) <= 10 and code.isascii() and code.isdigit()


def judge_times(kind: Kind, fields: Fields, clock: DeviceTime, *, may_be_late: bool = False) -> DeviceTime:
    """Step 11 of 4.3 and table 10.2: the clock after it. `may_be_late`: a SET_CLOCK with the challenge inside.

    Raises Rejected 104 (life, issued too far ahead), 107 (expired).
    """
    issued, expires = fields[5], fields[6]
    if not issued < expires <= issued + kind.longest_s:
        raise Rejected(refusals.MSG_ITEM_RANGE, f"expires is not 1 to {kind.longest_s} s after issued")
    after = _moved(kind, issued - clock.now, clock)
    if after.now >= expires and not may_be_late:
        raise Rejected(refusals.MSG_EXPIRED, "expired")
    return after


def _moved(kind: Kind, ahead: int, clock: DeviceTime) -> DeviceTime:
    still = DeviceTime(clock.now, clock.sure, clock.stepped)
    if ahead <= 0:
        return still
    if not clock.sure and ahead <= UNSURE_STEP_S:
        return DeviceTime(clock.now + ahead, clock.sure, clock.stepped)
    if kind.steps:
        if clock.stepped + ahead > STEPS_PER_DAY_S:
            return DeviceTime(clock.now, clock.sure, clock.stepped, too_far=True)
        return DeviceTime(clock.now + ahead, clock.sure, clock.stepped + ahead)
    if ahead > EARLY_S:
        raise Rejected(refusals.MSG_ITEM_RANGE, f"issued {ahead} s ahead, and {EARLY_S} s are allowed")
    return still
