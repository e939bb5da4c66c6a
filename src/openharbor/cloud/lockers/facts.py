"""Facts from a tower's log, as decisions see them (blink-protocol.md 9). One per event; ids ascend without gaps.

`at_s`: the tower's time. An event that changes no locker is still a fact (`Passed`): its time settles tokens.
"""

from collections.abc import Mapping
from enum import IntEnum
from types import MappingProxyType
from typing import Literal

import msgspec

AccessKind = Literal["dropoff", "pickup", "release"]


class Reason(IntEnum):
    """locker_open_reason (blink-protocol.md 7.6)."""

    DROPOFF = 1
    PICKUP = 2
    RELEASE = 3
    REOPEN = 4
    REPEAT = 5
    STAFF = 6
    KEYPAD = 7
    FIRE_LOCK = 8
    REVERTED = 9
    CLOSED = 10
    LEFT_OPEN = 11


class UpdateReason(IntEnum):
    """update_reason (blink-protocol.md 9.3)."""

    COMMAND = 1
    CONFIGURED = 2
    CODE_SET = 3
    CODE_REMOVED = 4
    STAFF = 5


class After(msgspec.Struct, frozen=True, kw_only=True):
    """The locker's record at the tower after the event. `keypad`: a code is set; None: the event does not say."""

    taken: bool
    locker_token: str = ""
    generation: int = 0
    retired: int = 0
    keypad: bool | None = None


class Passed(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Any other event."""

    event_id: int
    at_s: int


class Accessed(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """A LOCKER_ACCESS_EVENT that was decided, reasons 1 to 11.

    `confirmed`: the door was seen open; None: no usable sensor, or the power was cut, and `after` tells which. `kind`
    of the token. `token_id` None: no token (keypad, staff).
    """

    event_id: int
    at_s: int
    number: int
    reason: Reason
    after: After
    token_id: int | None = None
    kind: AccessKind | None = None
    confirmed: bool | None = True


class RefusedAccess(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """A LOCKER_ACCESS_EVENT that says why nothing was opened."""

    event_id: int
    at_s: int
    code: int
    number: int | None = None


class Updated(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """A LOCKER_UPDATE_EVENT. `command_id`: the queued command that did it. `keypad_code`: one that the tower drew."""

    event_id: int
    at_s: int
    number: int
    reason: UpdateReason
    after: After
    disabled: bool = False
    command_id: int | None = None
    keypad_code: str = ""

    def __repr__(self) -> str:
        return f"Updated({self.event_id}, number={self.number}, reason={self.reason})"


class Executed(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """A SYNC_COMMANDS_EVENT. `failed`: codes by command id; the others were carried out.

    Commands before `first` were dealt with too. An event that told of them would have come: it had to be dropped, or
    was lost with its log, and their results with it.
    """

    event_id: int
    at_s: int
    first: int
    count: int
    failed: Mapping[int, int] = MappingProxyType({})


class Forced(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """A CROWBAR_EVENT."""

    event_id: int
    at_s: int
    number: int


class WrongDoor(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """A WRONG_DOOR_EVENT. `number` of the door that opened, not of the one that was fired."""

    event_id: int
    at_s: int
    number: int


class KeyRevoked(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """A KEY_UPDATE_EVENT by which the tower erased a key (S4)."""

    event_id: int
    at_s: int
    rotation: int


class ClockUnsure(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """A BOOT_EVENT with an unsure clock, or an ERROR_EVENT 307. `challenge`: hex, what SET_CLOCK must repeat."""

    event_id: int
    at_s: int
    challenge: str


Fact = Passed | Accessed | RefusedAccess | Updated | Executed | Forced | WrongDoor | KeyRevoked | ClockUnsure
