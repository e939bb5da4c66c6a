"""How one rotation of a tower's key follows another (blink-protocol.md 4.1, 11.1). Times in ms since 1970."""

from collections.abc import Sequence
from typing import Literal

import msgspec

from openharbor.blink.keys import LARGEST_ROTATION
from openharbor.kit.errors import Refusal

KeyState = Literal["installing", "active", "sunset", "revoked"]
KeyAction = Literal["install", "sunset", "revoke"]
ORDER: tuple[KeyState, ...] = ("installing", "active", "sunset", "revoked")
MOST_AT_TOWER = 4  # a tower has room for four rotations
LONGEST_LIFE_MS = 31 * 86_400_000  # of anything sealed
INSTALLED, SUNSET, REVOKED, EXPIRED = 1, 2, 3, 4  # key_action (#239)
REPORTED: dict[int, KeyState] = {INSTALLED: "active", SUNSET: "sunset", REVOKED: "revoked", EXPIRED: "sunset"}


class Rotation(msgspec.Struct, frozen=True):
    """A row of `tower_keys`, without the key. Times in ms since 1970."""

    number: int
    state: KeyState
    created_at: int
    changed_at: int


class KeyStep(msgspec.Struct, frozen=True):
    """What happens to a rotation next. `install`: INSTALL_KEY, `sunset`: SUNSET_KEY, `revoke`: REVOKE_KEY."""

    action: KeyAction
    rotation: int


def next_rotation(rotations: Sequence[Rotation]) -> int | Refusal:
    """The next unused number: 1 at first, one more than the largest ever used after that."""
    number = 1 + max((one.number for one in rotations), default=0)
    if number > LARGEST_ROTATION:
        return Refusal(
            "ROTATIONS_USED_UP", 409, f"All {LARGEST_ROTATION} rotations of this tower were used; it needs a new id"
        )
    return number


def begin_rollover(rotations: Sequence[Rotation]) -> int | Refusal:
    """The number of the rotation to install (step 1 of 11.1); one rollover at a time."""
    if not any(one.state == "active" for one in rotations):
        return Refusal("TOWER_NOT_PROVISIONED", 409, "The tower has no key yet; provision it first")
    waiting = next((one for one in rotations if one.state == "installing"), None)
    if waiting is not None:
        return Refusal(
            "ROLLOVER_UNDER_WAY", 409, f"Rotation {waiting.number} waits for the tower; it goes on with the next visit"
        )
    usable = sum(one.state != "revoked" for one in rotations)
    if usable >= MOST_AT_TOWER:
        return Refusal("NO_ROOM_FOR_KEY", 409, f"The tower holds {usable} rotations, and has room for no more")
    return next_rotation(rotations)


def confirmed_state(rotation: Rotation, action: int) -> KeyState | None:
    """The state after the tower reported `action` (#239) on it; None: nothing new."""
    state = REPORTED.get(action)
    if state is None or ORDER.index(state) <= ORDER.index(rotation.state):
        return None
    return state


def newest_confirmed(rotations: Sequence[Rotation]) -> int | None:
    """What to mint with: the newest rotation that the tower has confirmed (13.1)."""
    return max((one.number for one in rotations if one.state == "active"), default=None)


def due_steps(rotations: Sequence[Rotation], now: int) -> tuple[KeyStep, ...]:
    """Steps 3 and 4 of 11.1: every active rotation below the newest is sunset; 31 days after its sunset it is revoked.

    What the tower has not confirmed yet is due again; who queues compares with what waits already.
    """
    newest = newest_confirmed(rotations)
    if newest is None:
        return ()
    sunset = (one for one in rotations if one.state == "active" and one.number < newest)
    over = (one for one in rotations if one.state == "sunset" and now - one.changed_at >= LONGEST_LIFE_MS)
    return (
        *(KeyStep("sunset", one.number) for one in sunset),
        *(KeyStep("revoke", one.number) for one in over),
    )
