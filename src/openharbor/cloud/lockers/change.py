"""What a decision about a locker comes to: the locker after it, and all that is written in the same unit of work."""

from typing import Literal

import msgspec

from openharbor.blink.payloads import OpenPayload
from openharbor.cloud.lockers.locker import Locker, Settlement

EventName = Literal["LOCKER_ASSIGNED", "LOCKER_OPERATION", "LOCKER_RELEASED", "LOCKER_ALARM", "TOWER_SYNCED"]
Source = Literal[
    "LOCKER_OPEN_LINK_CREATED",
    "LOCKER_RESERVED",
    "LOCKER_TOKEN_CREATED",
    "LOCKER_TOKEN_USED",
    "KEYPAD_CODE_USED",
    "RESERVATION_CANCELLED",
    "RESERVATION_EXPIRED",
    "LOCKER_RELEASED",
    "TOKEN_EXPIRED",
    "PICKED_UP",
    "DOOR_FORCED",
    "WRONG_DOOR",
    "DOOR_LEFT_OPEN",
    "TOWER_SYNCED",
]
LinkStatus = Literal["pending", "completed", "expired", "cancelled"]
ReservationEnd = Literal["used", "cancelled", "expired", "ended"]


class Notice(msgspec.Struct, frozen=True, kw_only=True):
    """One webhook event (webhooks.md 2, 3), in the order of its row.

    `organization_id` None: every organization with access to the tower. `at`: ms since 1970; `tower_clock`: it is the
    tower's, in whole seconds. `status`: the locker's after the event, None in TOWER_SYNCED.
    """

    event: EventName
    source: Source
    organization_id: int | None
    tower_id: str
    at: int
    tower_clock: bool = False
    locker_id: int | None = None
    status: str | None = None
    token_id: int | None = None
    reservation_id: int | None = None
    keypad_code: str | None = None
    client_info: str | None = None
    link_id: int | None = None
    event_start: int | None = None
    event_count: int | None = None
    synced_until: int | None = None


class Retire(msgspec.Struct, frozen=True, tag=True):
    """SET_LOCKER_AVAILABLE with #249 (blink-protocol.md 11.3), numbered for the tower's queue.

    `form`: `unused` {73 true, 91 true}: retires an unused assignment. `keep` {73 false, 91 false}: retires tokens but
    leaves the parcel in. `empty` {73 true, 91 false}: empties a locker whose holder gave it up.
    """

    command_id: int
    number: int
    generation: int
    form: Literal["unused", "keep", "empty"]


class Disable(msgspec.Struct, frozen=True, tag=True):
    """SET_LOCKER_DISABLED."""

    command_id: int
    number: int
    disabled: bool


class EraseCode(msgspec.Struct, frozen=True, tag=True):
    """SET_LOCKER_KEYPAD without a code."""

    command_id: int
    number: int


class SetCode(msgspec.Struct, frozen=True, tag=True):
    """SET_LOCKER_KEYPAD with the code of a pick-up link. `locker_token` (hex): what the locker keeps if it persists."""

    command_id: int
    number: int
    code: str
    persists: bool
    locker_token: str

    def __repr__(self) -> str:
        return f"SetCode(command_id={self.command_id}, number={self.number})"


TowerCommand = Retire | Disable | EraseCode | SetCode


class SetClock(msgspec.Struct, frozen=True):
    """SET_CLOCK with the tower's time challenge (hex), blink-protocol.md 10.4. Until done no token dies of age (T7)."""

    command_id: int
    challenge: str


class LinkChange(msgspec.Struct, frozen=True):
    """`code_in_force`: the link's keypad code may be shown from now on."""

    link_id: int
    status: LinkStatus
    code_in_force: bool = False


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """What to write. `row` of locker-states.md 4. `ended`: the assignment that is over. `settled`: tokens by id.

    `end_links`: every link of the locker that is still pending and not in `links` is cancelled, since what it opened is
    over. `incident`: the tower broke a promise (C14, C15); a line for people.
    """

    row: str
    locker: Locker
    notices: tuple[Notice, ...] = ()
    commands: tuple[TowerCommand, ...] = ()
    links: tuple[LinkChange, ...] = ()
    reservation_end: tuple[int, ReservationEnd] | None = None
    settled: tuple[tuple[int, Settlement], ...] = ()
    ended: int | None = None
    end_links: bool = False
    incident: str = ""


class Minted(msgspec.Struct, frozen=True):
    """A token: what changes, and what is sealed for the tower."""

    change: Change
    payload: OpenPayload
