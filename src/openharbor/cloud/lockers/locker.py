"""One locker as decisions see it: its status, its holder, its tokens, what its tower said last (locker-states.md).

Times are ms since 1970 where the cloud's clock is meant, and s (`…_s`) where it is the tower's or a token's. Bytes are
hex, so that the whole struct is one JSON text in its row.
"""

from enum import IntEnum
from typing import Literal

import msgspec


class Status(IntEnum):
    """Section 1; the numbers are those of the API."""

    AVAILABLE = 1
    RESERVED = 2
    RENTED = 3
    OCCUPIED = 4
    DECLINED = 5
    OUT_OF_SERVICE = 6

    @property
    def word(self) -> str:
        """As the API and webhooks spell it."""
        return self.name.lower()


HELD = (Status.RESERVED, Status.RENTED, Status.OCCUPIED, Status.DECLINED)
TokenKind = Literal["dropoff", "pickup", "release", "keypad"]
Settlement = Literal["expired", "superseded", "retired", "revoked", "inspected"]  # S1 to S4, and an operator's word


class Token(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A token of the present assignment, or one that is not settled yet. A keypad code in force has no expiry."""

    token_id: int
    organization_id: int
    kind: TokenKind
    generation: int
    expires_s: int | None
    rotation: int = 1
    link_id: int | None = None
    client_info: str = ""
    reuse: bool = True
    keypad_code: str = ""
    keypad_persists: bool = False
    settled: Settlement | None = None
    log_lost: bool = False  # unsettled when the log was restarted: needs an inspection besides


class Reservation(msgspec.Struct, frozen=True, kw_only=True):
    reservation_id: int
    duration_s: int
    expires_at: int
    created_at: int


class Hold(msgspec.Struct, frozen=True, kw_only=True):
    """The 300 s for which a drop-off link keeps its locker."""

    link_id: int
    ends_at: int
    drawn: int = 0


class Assignment(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Who holds the locker, since when. `locker_token`: 16 random bytes as hex, shared by all its tokens.

    `client_info` of the latest token or link. `minted`: drop-off tokens made, 16 at most. `first_generation` of its
    tokens, 0 before the first. `reservation_id`: the reservation that its first token used up.
    """

    assignment_id: int
    organization_id: int
    since: int
    locker_token: str
    client_info: str = ""
    minted: int = 0
    first_generation: int = 0
    reservation_id: int | None = None


class Access(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An opening whose story may go on: a pick-up until its door closes (C4), a drop-off until it cannot be reverted.

    `before`: the status that a drop-off found (C8, C9). `closed`: the door was closed again. `reverted`: by "doesn't
    fit", and waits for the door to close.
    """

    kind: Literal["dropoff", "pickup"]
    organization_id: int
    generation: int
    token_id: int | None = None
    link_id: int | None = None
    client_info: str = ""
    keypad: bool = False
    keypad_code: str = ""
    before: Status = Status.OCCUPIED
    closed: bool = False
    reverted: bool = False


class Jam(msgspec.Struct, frozen=True, kw_only=True):
    """An opening that jammed. A re-open in its session, `at_s` and up to an hour later, may be its second try."""

    token_id: int
    at_s: int
    dropoff: bool = True


class Queued(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A command to the tower about this locker whose result is not known. `generation`: retired by it, 0 if none.

    `code`: what comes in force when it is carried out.
    """

    command_id: int
    form: Literal["unused", "keep", "empty", "erase", "code"]
    generation: int = 0
    code: Token | None = None


class Report(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The locker's record at the tower, as the last applied event showed it (blink-protocol.md 7.1)."""

    taken: bool = False
    locker_token: str = ""
    generation: int = 0
    retired: int = 0
    disabled: bool = False


class Locker(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The whole state of one locker. `generation`: the last one issued, 0 before the first.

    `renew`: the next token gets a new generation, since a retiring command was queued or the tower retired the last.
    `queued`: commands whose results settle tokens or change `report`, the latest 48. `emptying`: those of a release
    while occupied (A12); the locker is not clear until one was carried out or a drop-off follows. `access`: the last
    opening.
    `jammed`: the last opening, if it jammed.

    `tokens` are bounded by `mint.MOST_TOKENS`; they are dropped when the locker becomes available.
    """

    locker_id: int
    tower_id: str
    number: int
    type_id: int
    status: Status = Status.OUT_OF_SERVICE
    assignment: Assignment | None = None
    reservation: Reservation | None = None
    hold: Hold | None = None
    tokens: tuple[Token, ...] = ()
    generation: int = 0
    renew: bool = False
    queued: tuple[Queued, ...] = ()
    emptying: tuple[int, ...] = ()
    access: Access | None = None
    jammed: Jam | None = None
    report: Report = Report()
    check_contents: bool = False
    incident: str = ""

    @property
    def holder(self) -> int | None:
        return None if self.assignment is None else self.assignment.organization_id

    @property
    def due_at(self) -> int | None:
        """When the cloud's clock changes it: the end of the reservation or of the hold (B1, B2, B3)."""
        if self.reservation is not None:
            return self.reservation.expires_at
        return None if self.hold is None else self.hold.ends_at


class Tower(msgspec.Struct, frozen=True, kw_only=True):
    """What decisions know of a tower. `rotation` of the key to seal with; None: it has no key yet.

    `next_command`: number of the next command to queue. `next_event`: first event id not applied (the frontier).
    `synced_s`: tower time of the last applied event. `corrections`: SET_CLOCK commands whose end is not known (T7).
    """

    tower_id: str
    rotation: int | None
    next_command: int = 1
    next_event: int = 1
    epoch: int = 1
    synced_s: int | None = None
    corrections: tuple[int, ...] = ()
