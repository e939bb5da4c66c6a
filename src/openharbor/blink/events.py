"""The tower's log: one struct for each kind of event (blink-protocol.md 9). Times in seconds since 1970."""

from typing import ClassVar, Final

import msgspec

from openharbor.blink.fields import INT53, Item, Layout, optional

INT32_LOW: Final = -(2**31)
GENERATIONS: Final = 2**32 - 1

# of an access, #77 (7.6)
DROPPED_OFF, PICKED_UP, RELEASED, REOPENED, REPEATED, BY_STAFF, BY_KEYPAD, FIRED, REVERTED, CLOSED, LEFT_OPEN = range(
    1, 12
)


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """What every event has (9.1). `dups`: how many equal ones were merged into it. `session_ref`: 4 bytes."""

    WIRE: ClassVar[tuple[tuple[str, Item], ...]] = ()
    PACKET: ClassVar[int] = 0

    event_id: int
    at: int
    dups: int | None = None
    session_ref: bytes | None = None
    client_id: bytes | None = None


COMMON: Final = (
    ("event_id", Item(30, 1)),
    ("at", Item(5, 0, INT53)),
    ("dups", optional(50)),
    ("session_ref", optional(242, 4, 4)),
    ("client_id", optional(27, 1, 16)),
)
CODE: Final = Item(2, INT32_LOW)
SOURCE: Final = Item(4, 0, 255)
LOCKER: Final = Item(70, 1, 1023)
BATTERY: Final = ("battery_mv", optional(147, INT32_LOW))
CHALLENGE: Final = ("time_challenge", optional(229, 8, 8))
STATE: Final = (
    ("available", Item(73)),
    ("locker_token", Item(75, 0, 32)),
    ("generation", Item(225, 0, GENERATIONS)),
    ("retired", Item(249, 0, GENERATIONS)),
    ("keypad_set", Item(247)),
)


class Booted(Event, frozen=True, kw_only=True):
    """BOOT_EVENT. `time_challenge` only while the clock is unsure (`clock_state` 1)."""

    WIRE = (
        ("firmware", Item(125, 0, 64)),
        ("boot_count", Item(232, 0, INT53)),
        ("reset_cause", Item(233, 0, 255)),
        ("clock_state", Item(230, 0, 1)),
        CHALLENGE,
        BATTERY,
    )
    PACKET = 20

    firmware: str
    boot_count: int
    reset_cause: int
    clock_state: int
    time_challenge: bytes | None = None
    battery_mv: int | None = None


class ErrorSeen(Event, frozen=True, kw_only=True):
    """ERROR_EVENT. `source`: 9.3. `time_challenge` with code 307."""

    WIRE = (
        ("code", CODE),
        ("source", SOURCE),
        ("message", optional(3, 0, 100)),
        ("locker_number", optional(70, 1, 1023)),
        ("lockout_s", optional(245)),
        CHALLENGE,
    )
    PACKET = 21

    code: int
    source: int
    message: str | None = None
    locker_number: int | None = None
    lockout_s: int | None = None
    time_challenge: bytes | None = None


class ErrorOver(Event, frozen=True, kw_only=True):
    """ERROR_RECOVERY_EVENT: what an ErrorSeen reported is over."""

    WIRE = (("code", CODE), ("source", SOURCE), ("locker_number", optional(70, 1, 1023)))
    PACKET = 22

    code: int
    source: int
    locker_number: int | None = None


class CommandsDone(Event, frozen=True, kw_only=True):
    """SYNC_COMMANDS_EVENT: `count` commands from `first` on were dealt with; `failed`: code by command id."""

    WIRE = (("first", Item(33, 1)), ("count", Item(34, 0)), ("failed", Item(237)))
    PACKET = 23

    first: int
    count: int
    failed: dict[int, int]


class DayReported(Event, frozen=True, kw_only=True):
    """ACTIVITY_REPORT: once a day, what was counted since `period_start`. Temperatures in °C."""

    WIRE = (
        ("period_start", Item(243, 0, INT53)),
        ("connections", Item(110)),
        ("wakeups", Item(111)),
        ("doors_opened", Item(112)),
        ("locker_sessions", Item(113)),
        ("special_sessions", Item(114)),
        ("faults", Item(115)),
        ("errors", Item(116)),
        ("failed_sessions", Item(117)),
        ("session_timeouts", Item(118)),
        ("uptime_s", Item(120)),
        ("temperature_low", Item(121, INT32_LOW)),
        ("temperature_high", Item(122, INT32_LOW)),
        ("battery_health", optional(123, INT32_LOW)),
        ("battery_charge", optional(124, INT32_LOW)),
        BATTERY,
    )
    PACKET = 24

    period_start: int
    connections: int
    wakeups: int
    doors_opened: int
    locker_sessions: int
    special_sessions: int
    faults: int
    errors: int
    failed_sessions: int
    session_timeouts: int
    uptime_s: int
    temperature_low: int
    temperature_high: int
    battery_health: int | None = None
    battery_charge: int | None = None
    battery_mv: int | None = None


class KeyChanged(Event, frozen=True, kw_only=True):
    """KEY_UPDATE_EVENT. `action`: 1 installed, 2 sunset, 3 revoked, 4 expired. `expires` 0: never."""

    WIRE = (
        ("key_id", Item(40)),
        ("rotation", Item(43, 0, 255)),
        ("action", Item(239, 0, 255)),
        ("expires", Item(46, 0, INT53)),
        ("valid", Item(47)),
    )
    PACKET = 25

    key_id: int
    rotation: int
    action: int
    expires: int
    valid: bool


class Accessed(Event, frozen=True, kw_only=True):
    """LOCKER_ACCESS_EVENT of an access that was done, with the locker's state after it.

    `reason`: 7.6. `confirmed` None: no usable sensor, or unknown. `closed_at` with 10. `access_kind`: 1 drop-off,
    2 pick-up, 3 release.
    """

    WIRE = (
        ("locker_number", LOCKER),
        ("reason", Item(77, 0, 255)),
        ("token_id", optional(224, 1, INT53)),
        ("access_kind", optional(226, 0, 255)),
        ("client_info", optional(62, 0, 500)),
        ("confirmed", optional(234)),
        ("opened_at", optional(235, 0, INT53)),
        ("closed_at", optional(236, 0, INT53)),
        *STATE,
    )
    PACKET = 26

    locker_number: int
    reason: int
    available: bool
    locker_token: bytes
    generation: int
    retired: int
    keypad_set: bool
    token_id: int | None = None
    access_kind: int | None = None
    client_info: bytes | None = None
    confirmed: bool | None = None
    opened_at: int | None = None
    closed_at: int | None = None


class AccessRefused(Event, frozen=True, kw_only=True):
    """LOCKER_ACCESS_EVENT of an access that was refused; of the token what could be read."""

    WIRE = (
        ("code", CODE),
        ("locker_number", optional(70, 1, 1023)),
        ("token_id", optional(224, 1, INT53)),
        ("generation", optional(225, 0, GENERATIONS)),
        ("access_kind", optional(226, 0, 255)),
    )
    PACKET = 26

    code: int
    locker_number: int | None = None
    token_id: int | None = None
    generation: int | None = None
    access_kind: int | None = None


class DoorForced(Event, frozen=True, kw_only=True):
    """CROWBAR_EVENT: a door opened without a pulse in the 30 s before. `since_pulse_ms` None: none since boot."""

    WIRE = (
        ("locker_number", LOCKER),
        ("port", Item(72, -1, 4095)),
        ("available", Item(73)),
        ("since_pulse_ms", optional(241, 0, INT53)),
    )
    PACKET = 27

    locker_number: int
    port: int
    available: bool
    since_pulse_ms: int | None = None


class WrongDoor(Event, frozen=True, kw_only=True):
    """WRONG_DOOR_EVENT: `locker_number` was fired, and `other_number` opened."""

    WIRE = (
        ("locker_number", LOCKER),
        ("other_number", Item(240, 1, 1023)),
        ("since_pulse_ms", optional(241, 0, INT53)),
    )
    PACKET = 28

    locker_number: int
    other_number: int
    since_pulse_ms: int | None = None


class ClientNoted(Event, frozen=True, kw_only=True):
    """CLIENT_EVENT: what an app wanted in the log."""

    WIRE = (("client_info", Item(62, 0, 500)),)
    PACKET = 29

    client_info: bytes


class SpecialSession(Event, frozen=True, kw_only=True):
    """SPECIAL_SESSION_EVENT: a session that used commands of owners, technicians or developers has ended."""

    WIRE = (("permissions", Item(26, 0, 65535)), ("started", Item(243, 0, INT53)), ("command_types", Item(244)))
    PACKET = 30

    permissions: int
    started: int
    command_types: list[int]


class LockerUpdated(Event, frozen=True, kw_only=True):
    """LOCKER_UPDATE_EVENT: the locker's whole record. `reason`: 9.3. `keypad_code`: one that the tower made up."""

    WIRE = (
        ("locker_number", LOCKER),
        ("type_id", Item(71, 0, 255)),
        ("port", Item(72, -1, 4095)),
        ("disabled", Item(74)),
        *STATE,
        ("door_sensor", Item(246, 0, 2)),
        ("reason", Item(238, 0, 255)),
        ("command_id", optional(33, 1)),
        ("keypad_code", optional(80, 0, 10)),
    )
    PACKET = 31

    locker_number: int
    type_id: int
    port: int
    disabled: bool
    available: bool
    locker_token: bytes
    generation: int
    retired: int
    keypad_set: bool
    door_sensor: int
    reason: int
    command_id: int | None = None
    keypad_code: str | None = None

    def __repr__(self) -> str:
        return f"LockerUpdated({self.event_id}, locker_number={self.locker_number}, reason={self.reason})"


KINDS: Final[tuple[type[Event], ...]] = (
    Booted,
    ErrorSeen,
    ErrorOver,
    CommandsDone,
    DayReported,
    KeyChanged,
    Accessed,
    DoorForced,
    WrongDoor,
    ClientNoted,
    SpecialSession,
    LockerUpdated,
)


def layout_of(kind: type[Event]) -> Layout:
    """The fields that an event of this kind has."""
    return tuple(item for _, item in (*COMMON, *kind.WIRE))
