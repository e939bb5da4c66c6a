"""What is known of doors and of attempts to open them (lock-boards.md 4.2, 4.5, 4.6)."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from typing import Literal, Protocol

import msgspec

DoorState = Literal["open", "closed", "unknown"]
Feedback = Literal["closed_is_1", "open_is_1", "none"]
Confidence = Literal["ship", "beta"]
Outcome = Literal["opened", "unconfirmed", "jammed", "refused", "unreachable"]
Pulse = Literal["not_sent", "sent", "unknown"]
Acknowledgement = Literal["positive", "negative", "none"]
SafeState = Literal["done", "not_applicable", "failed"]
EventKind = Literal[
    "door_opened",
    "door_closed",
    "door_unknown",
    "uncommanded_open",
    "opened_unseen",
    "jammed",
    "sensor_suspect",
    "board_online",
    "board_offline",
    "bus_down",
    "bus_up",
    "duplicate_address",
    "echo_found",
]


class DoorReading(msgspec.Struct, frozen=True):
    """One door, debounced. Unknown is a value: neither open nor closed.

    `raw` is the board's bit (None: no usable value). `read_at` and `since` are monotonic seconds, None before
    the first reading.
    """

    state: DoorState
    raw: bool | None = None
    read_at: float | None = None
    since: float | None = None


class OpenOutcome(msgspec.Struct, frozen=True):
    """What one attempt came to (lock-boards.md 4.6).

    `confirmed` only if the sensor saw the door go from closed to open. `retry` says whether the caller may send
    the unlock again. `reason` is one of "" | ignored | no_sensor | already_open | unreadable | failed | cooldown |
    busy | exception-NN | rate | journal | expired | offline.
    """

    outcome: Outcome
    pulse: Pulse
    ack: Acknowledgement
    door_before: DoorState
    door_after: DoorState
    confirmed: bool
    retry: bool
    reason: str
    duration_ms: int


class BoardInfo(msgspec.Struct, frozen=True):
    """What a board is, as far as its address and its family tell. `pulse` is "board" or milliseconds."""

    driver: str
    url: str
    locks: int
    feedback: Feedback | None
    can_ack: bool
    can_push: bool
    pulse: Literal["board"] | int
    confidence: Confidence


class BoardState(msgspec.Struct, frozen=True):
    """Whether a board answers. `last_seen_at` is wall time (ms); `failure` says why it is offline."""

    online: bool
    last_seen_at: int | None = None
    failure: str | None = None
    firmware: str | None = None


class BoardEvent(msgspec.Struct, frozen=True):
    """Something a board or its bus showed. `since_pulse_ms` and `during` belong to uncommanded_open."""

    kind: EventKind
    at: int
    lock: int | None = None
    detail: str = ""
    since_pulse_ms: int | None = None
    during: int | None = None


OnFire = Callable[[], Awaitable[None]]
OnResult = Callable[[int, OpenOutcome], None]


class Board(Protocol):
    """One lock board on a bus. Locks are numbered 1..N; another number raises ValueError before anything is sent."""

    @property
    def info(self) -> BoardInfo: ...

    @property
    def state(self) -> BoardState: ...

    async def start(self) -> None:
        """Returns at once; absence of hardware is a state, not an error."""

    async def stop(self) -> None:
        """No frame after it returns."""

    async def safe_state(self) -> SafeState:
        """Every coil off, where the family has such a command."""

    async def open(self, lock: int, *, deadline: float, on_fire: OnFire, ignore_sensor: bool = False) -> OpenOutcome:
        """One attempt: fires once at most, whatever the sensor says, and judges what followed.

        `deadline` (monotonic) is until when the frame may leave. `on_fire` is awaited immediately before the bytes
        leave; if it raises, nothing is sent (reason `journal`).
        """

    def doors(self) -> dict[int, DoorReading]:
        """The last debounced readings; never blocks."""

    async def refresh(self, deadline: float) -> dict[int, DoorReading]:
        """A fresh read, ahead of polls. Doors that could not be read are unknown."""

    async def open_all(
        self,
        locks: Iterable[int],
        *,
        deadline: float,
        on_fire: Callable[[int], Awaitable[None]],
        on_result: OnResult,
        ignore_sensor: frozenset[int] = frozenset(),
    ) -> dict[int, OpenOutcome]:
        """Lock by lock, not waiting for each detection window; cancellation stops before the next pulse."""

    def events(self) -> AsyncIterator[BoardEvent]:
        """What the board shows from now on."""
