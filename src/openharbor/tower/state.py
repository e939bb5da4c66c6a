"""Everything that a tower is at one moment: what it keeps over a power cut (blink-protocol.md 12), and what not."""

from collections.abc import Mapping
from typing import Final, Literal

import msgspec
from msgspec.structs import replace

from openharbor.blink.events import Event
from openharbor.blink.handshake import Draws as GrantDraws
from openharbor.blink.lockout import Failures
from openharbor.blink.provisioning import USUAL_SETTINGS, Settings
from openharbor.blink.session_requests import Requests
from openharbor.blink.sessions import Session, Sessions
from openharbor.blink.tower_session import Asked
from openharbor.tower import activity, device_clock, event_log
from openharbor.tower.activity import Activity
from openharbor.tower.device_clock import Clock
from openharbor.tower.event_log import EventLog
from openharbor.tower.keypad import Tries
from openharbor.tower.lockers import Change, Locker
from openharbor.tower.rotations import Keys

REF_BYTES: Final = 4
DRAWN_BYTES: Final = 136


class Identity(msgspec.Struct, frozen=True, kw_only=True):
    """What the tower is called, and whether it serves users."""

    tower_id: bytes
    name: str
    serial: str = ""
    disabled: bool = False
    reason: str = ""


class Hardware(msgspec.Struct, frozen=True, kw_only=True):
    """What the tower says of its parts; the SDK wants a number where there is no part. Temperature in °C."""

    model: str = "openharbor tower"
    serial: str = ""
    firmware: str = "0.0.0"
    mainboard: int = 0
    shield1: int = 0
    shield2: int = 0
    temperature: int = 0
    battery_percent: int = 0
    battery_mv: int = 0


class Opening(msgspec.Struct, frozen=True, kw_only=True):
    """An access that was decided: the intent in the journal. `started`: s since 1970. `change`: once the door is open.

    `reason`: #77. `session_ref`, `client_id`: of the session that asked, None at the keypad.
    """

    number: int
    reason: int
    started: int
    change: Change | None = None
    token_id: int | None = None
    access_kind: int | None = None
    generation: int = 0
    session_ref: bytes | None = None
    client_id: bytes | None = None
    client_info: bytes | None = None


class LastOpened(msgspec.Struct, frozen=True, kw_only=True):
    """The last opening of a session. `before`, `after`: the record around its change, None while there was none.

    `pending`: a change that waits for a second try (jam), `tried`: the record at the first one.
    `reply`: number of the answer, until it is proven lost.
    `staff_port`: the port that was fired. `no_code`: no keypad code may follow.
    """

    opening: Opening
    port: int
    before: Locker | None = None
    after: Locker | None = None
    pending: Change | None = None
    tried: Locker | None = None
    reply: int | None = None
    reverted: bool = False
    no_code: bool = False


class Visit(msgspec.Struct, frozen=True, kw_only=True):
    """What the tower remembers of the session that speaks. `started`: s since 1970. `special`: staff commands used."""

    session_id: bytes
    client_id: bytes
    permissions: int
    started: int
    last: LastOpened | None = None
    taps: int = 0
    notes: int = 0
    special: tuple[int, ...] = ()


PulseOutcome = Literal["sent", "failed", "unknown"]


class Pending(msgspec.Struct, frozen=True, kw_only=True):
    """An opening on its way. `asked`: None at the keypad. `fired_ms`: uptime of the pulse, None before it.

    `shut`: since the pulse the door was read, and is shut. `doubtful`: the board did not say that the pulse was sent.
    `again`: what the session had opened before, which this opens once more. `iv`: for the answer.
    """

    opening: Opening
    port: int
    asked: Asked | None
    iv: bytes
    no_code: bool = False
    again: LastOpened | None = None
    fired_ms: int | None = None
    doubtful: bool = False
    shut: bool = False


class Faults(msgspec.Struct, frozen=True):
    """What was told of lock boards and is not over. `boards`: the locker that stands for a board, by its lowest port.

    `locks`: lockers whose lock could not be fired.
    """

    boards: Mapping[int, int] = {}
    locks: frozenset[int] = frozenset()


class Late(msgspec.Struct, frozen=True, kw_only=True):
    """An opening whose door stayed shut: it still counts if the door opens within 30 s of the pulse."""

    opening: Opening
    fired_ms: int
    session_id: bytes | None


class Draws(msgspec.Struct, frozen=True):
    """Random values for one message. `iv`, `batch_iv`: 16 bytes. `seed`: 32 bytes for everything else."""

    grant: GrantDraws
    iv: bytes
    batch_iv: bytes
    seed: bytes

    def __repr__(self) -> str:
        return "Draws()"


def draws_from(random: bytes) -> Draws:
    """The draws in 136 random bytes. Raises ValueError for another number."""
    if len(random) != DRAWN_BYTES:
        raise ValueError(f"{DRAWN_BYTES} random bytes are needed, and {len(random)} were given")
    grant = GrantDraws(random[:16], random[16:24], random[24:56], random[56:72])
    return Draws(grant, random[72:88], random[88:104], random[104:])


class Tower(msgspec.Struct, frozen=True, kw_only=True):
    """The device. The second half is not kept over a power cut."""

    identity: Identity
    keys: Keys
    lockers: Mapping[int, Locker]
    clock: Clock
    code_key: bytes
    settings: Settings = USUAL_SETTINGS
    hardware: Hardware = Hardware()
    last_command: int = 0
    log: EventLog = EventLog()
    boot_count: int = 0
    intent: Opening | None = None
    late: Mapping[int, Late] = {}
    activity: Activity = Activity()
    faults: Faults = Faults()

    sessions: Sessions = Sessions()
    requests: Requests = Requests()
    failures: Failures = Failures()
    visit: Visit | None = None
    pending: Pending | None = None
    doors: Mapping[int, bool | None] = {}  # True: open, None: cannot be read
    pulses: Mapping[int, int] = {}  # uptime in ms of the last pulse, by locker
    tries: Tries = Tries()
    answering: Mapping[int, int] = {}  # uptime in ms since which a board with a fault answers again, by its lowest port
    restart: bool = False  # REBOOT_DEVICE was carried out

    def __repr__(self) -> str:
        return f"Tower({self.identity.tower_id.hex()}, {len(self.lockers)} lockers, events to {self.log.last})"


class Answer(msgspec.Struct, frozen=True):
    """Send this frame. `cut`: then cut the link."""

    frame: bytes
    cut: bool = False


class Fire(msgspec.Struct, frozen=True):
    """Fire a lock once, for `pulse_ms`, and report with `device.fired`. Only after the state is durable."""

    number: int
    port: int
    pulse_ms: int


class Tap(msgspec.Struct, frozen=True):
    """Fire a lock `times` more times, `interval_ms` apart; nothing is reported."""

    number: int
    port: int
    pulse_ms: int
    times: int
    interval_ms: int


class KeypadSays(msgspec.Struct, frozen=True):
    """What the keypad shows. `number`: the locker that opened."""

    outcome: Literal["opened", "jammed", "wrong", "asleep", "refused", "failed"]
    number: int | None = None


class Restart(msgspec.Struct, frozen=True):
    """Start again, as after a power cut, with reset cause 2 (command). Always the last effect of its step."""


Effect = Answer | Fire | Tap | KeypadSays | Restart


class Step(msgspec.Struct, frozen=True):
    """What came of an input: store what changed, then carry out the effects in their order.

    `counted`: an authentication failure, for the link that it came from.
    """

    tower: Tower
    effects: tuple[Effect, ...] = ()
    counted: bool = False


def now(tower: Tower, at_ms: int) -> int:
    """The tower's time, s since 1970."""
    return device_clock.now(tower.clock, at_ms)


def logged(tower: Tower, event: Event, at_ms: int) -> Tower:
    """With one event more; the floor of the clock goes along (10.1). The event's id is given here."""
    clock = device_clock.floored(tower.clock, at_ms)
    counts = activity.counted_event(tower.activity, event)
    return replace(tower, log=event_log.append(tower.log, event), clock=clock, activity=counts)


def counted(tower: Tower, counter: int) -> Tower:
    """With one more in a counter of `activity`, 110 to 118."""
    return replace(tower, activity=activity.counted(tower.activity, counter))


def with_locker(tower: Tower, locker: Locker) -> Tower:
    """With this record."""
    return replace(tower, lockers={**tower.lockers, locker.number: locker})


def reference(session: Session) -> bytes:
    """How events name a session: the first 4 bytes of its id."""
    return session.session_id[:REF_BYTES]
