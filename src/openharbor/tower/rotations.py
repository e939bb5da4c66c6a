"""The rotations of the tower's key (blink-protocol.md 4.1, 11.1)."""

from collections.abc import Mapping
from typing import Final, Literal

import msgspec
from msgspec.structs import replace

from openharbor.blink.keys import ID_OF_KEY, TowerKey, derive
from openharbor.blink.opening import KeyRing
from openharbor.blink.refusals import AUTH_KEY_INVALID, MSG_ITEM_VALUE, SYS_RESOURCES, Rejected

ROOM: Final = 4  # rotations that are not revoked
RotationState = Literal["active", "sunset", "revoked"]


class Rotation(msgspec.Struct, frozen=True, kw_only=True):
    """One rotation. A revoked one keeps its number alone. Times in s since 1970; `expires` 0: never."""

    number: int
    state: RotationState
    root: bytes = b""
    sunset_at: int = 0
    expires: int = 0
    locator: str = ""

    def __repr__(self) -> str:
        return f"Rotation({self.number}, {self.state})"


class Keys(msgspec.Struct, frozen=True, kw_only=True):
    """Every rotation that was ever used, and the one that seals. `ring`: derived from them, never stored."""

    rotations: Mapping[int, Rotation]
    seal_with: int
    ring: KeyRing

    def __repr__(self) -> str:
        return f"Keys({sorted(self.rotations)}, seal_with={self.seal_with})"


def keys_of(rotations: Mapping[int, Rotation], seal_with: int, known: KeyRing | None = None) -> Keys:
    """The keys with their ring. `known`: an earlier ring, whose derived keys are used again.

    A rotation that seals and is not active any more gives way to the highest active one.
    """
    derived = known.keys if known is not None else {}
    usable = {number: one for number, one in rotations.items() if one.state != "revoked"}
    keys = {number: derived.get(number) or derive(one.root, number) for number, one in usable.items()}
    sunsets = {number: one.sunset_at for number, one in usable.items() if one.state == "sunset"}
    if rotations[seal_with].state != "active":
        seal_with = max(number for number, one in usable.items() if one.state == "active")
    return Keys(rotations=dict(rotations), seal_with=seal_with, ring=KeyRing(keys, sunsets))


def sealing_key(keys: Keys) -> TowerKey:
    """The newest active rotation."""
    return keys.ring.keys[keys.seal_with]


def installed(keys: Keys, key_id: int, rotation: Rotation) -> Keys:
    """With a new active rotation, which seals from now on. Raises Rejected 106 (number used), 505 (no room).

    The same key once more changes nothing: one that is sunset stays so.
    """
    old = keys.rotations.get(rotation.number)
    if key_id != ID_OF_KEY or (old is not None and (old.state == "revoked" or old.root != rotation.root)):
        raise Rejected(MSG_ITEM_VALUE, "the rotation was used before with another key")
    if old is not None:
        return keys
    if len(keys.ring.keys) >= ROOM:
        raise Rejected(SYS_RESOURCES, f"there is room for {ROOM} rotations")
    return keys_of({**keys.rotations, rotation.number: rotation}, rotation.number, keys.ring)


def sunset(keys: Keys, key_id: int, number: int, now: int) -> Keys:
    """With a rotation that takes nothing issued after `now`. Raises Rejected 203 (unknown), 106 (the last active)."""
    rotation = _given_up(keys, key_id, number)
    if rotation.state == "sunset":
        return keys  # a later sunset would take payloads that the first one refused
    return _with(keys, replace(rotation, state="sunset", sunset_at=now))


def revoked(keys: Keys, key_id: int, number: int) -> Keys:
    """With a rotation refused for good and its material erased. Raises Rejected 203, 106 as `sunset`."""
    _given_up(keys, key_id, number)
    return _with(keys, Rotation(number=number, state="revoked"))


def expired(keys: Keys, now: int) -> tuple[Keys, tuple[Rotation, ...]]:
    """With the rotations whose time is over sunset, and which these are. The last active one never expires."""
    over = []
    for number, one in sorted(keys.rotations.items()):
        if one.state == "active" and 0 < one.expires <= now and _others(keys, number):
            keys = _with(keys, replace(one, state="sunset", sunset_at=one.expires))
            over.append(keys.rotations[number])
    return keys, tuple(over)


def find(keys: Keys, key_id: int, number: int) -> Rotation:
    """A rotation that is not revoked. Raises Rejected 203."""
    rotation = keys.rotations.get(number)
    if key_id != ID_OF_KEY or rotation is None or rotation.state == "revoked":
        raise Rejected(AUTH_KEY_INVALID, f"rotation {number} is not in use")
    return rotation


def _given_up(keys: Keys, key_id: int, number: int) -> Rotation:
    rotation = find(keys, key_id, number)
    if not _others(keys, number):
        raise Rejected(MSG_ITEM_VALUE, "the last active rotation stays")
    return rotation


def _others(keys: Keys, number: int) -> bool:
    return any(one.state == "active" and one.number != number for one in keys.rotations.values())


def _with(keys: Keys, rotation: Rotation) -> Keys:
    return keys_of({**keys.rotations, rotation.number: rotation}, keys.seal_with, keys.ring)
