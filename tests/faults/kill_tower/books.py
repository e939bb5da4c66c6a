"""What the phones and the server know: of each locker, of the log, of the commands. What is in doubt has no answer."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from openharbor.blink.batches import Batch, Conflict, new_events
from openharbor.blink.cbor import Fields
from openharbor.blink.event_maps import read_event
from openharbor.blink.events import Accessed, AccessRefused, Event, KeyChanged, LockerUpdated
from openharbor.blink.payloads import DROPOFF
from openharbor.blink.phone_session import Declined, Reply

RETIRED: Final = 201
OLDER: Final = 104  # than the newest that was accepted
GONE: Final = (202, 205)  # another session speaks, or the tower started again
NOTHING_OPENED: Final = 504

Wants = Literal["put", "take", "again", "fire", "revert", "try a dead token"]


@dataclass(frozen=True)
class Token:
    token_id: int
    locker: int
    generation: int
    kind: int

    @property
    def locker_token(self) -> bytes:
        return self.locker.to_bytes(8) + self.generation.to_bytes(8)


@dataclass(frozen=True)
class State:
    """What the log said of a locker last."""

    available: bool = True
    locker_token: bytes = b""
    generation: int = 0
    retired: int = 0


def state_of(event: Accessed | LockerUpdated) -> State:
    return State(event.available, event.locker_token, event.generation, event.retired)


@dataclass
class Message:
    """One that opens a lock, or takes an opening back. `answer` None: in doubt. `held`: somebody leaned on the door."""

    wants: Wants
    token: Token | None
    session_ref: bytes
    frame: bytes
    pulses_before: int
    held: bool
    answer: Reply | Declined | None = None
    pulses: int = 0
    event: Accessed | None = None

    @property
    def refused(self) -> bool:
        return isinstance(self.answer, Declined)


@dataclass
class Book:
    """One locker. `tokens`: those that are not known to be retired; `dead`: those that are.

    `asked` and `told`: since the last reckoning, at which the log said `settled`. `doubt`: what had no answer then.
    `jams`: what may still open late. `ordered`: the id of the server's last command for it.
    """

    number: int
    sensor: bool
    state: State = State()
    settled: State = State()
    generation: int = 0
    tokens: list[Token] = field(default_factory=list)
    dead: list[Token] = field(default_factory=list)
    parcel: bool = False
    ordered: int = 0
    asked: list[Message] = field(default_factory=list)
    told: list[Accessed | LockerUpdated] = field(default_factory=list)
    doubt: Message | None = None
    jams: set[tuple[bytes | None, int | None]] = field(default_factory=set)

    @property
    def is_open_ended(self) -> bool:
        """Taken, and no token opens it any more: only the server can free it."""
        return not self.state.available and self.state.retired >= self.state.generation

    def mint(self, token_id: int, kind: int, *, new: bool = False) -> Token:
        """A token of the present assignment, or the first of the next one."""
        if new:
            self.generation += 1
        token = Token(token_id, self.number, self.generation, kind)
        self.tokens.append(token)
        return token

    def used_drop_off(self) -> Token | None:
        """The token that the locker was taken with, where one was."""
        return next(
            (one for one in self.tokens if (one.kind, one.generation) == (DROPOFF, self.state.generation)), None
        )

    def tell(self, event: Accessed | LockerUpdated) -> None:
        self.told.append(event)
        self.state = state_of(event)
        self.bury()

    def bury(self) -> None:
        """Tokens of retired generations are dead from now on."""
        self.dead += [one for one in self.tokens if one.generation <= self.state.retired]
        self.tokens = [one for one in self.tokens if one.generation > self.state.retired]


@dataclass
class Log:
    """Every event that was pulled, for ever. `left`: the newest time that left the tower in a sealed batch."""

    books: Mapping[int, Book]
    events: dict[int, Fields] = field(default_factory=dict)
    left: int = 0
    boot_count: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    updates: Counter[int] = field(default_factory=Counter)  # LOCKER_UPDATE_EVENTs by command
    keys: Counter[tuple[int, int]] = field(default_factory=Counter)  # KEY_UPDATE_EVENTs by rotation and action
    done: list[tuple[int, int]] = field(default_factory=list)  # commands: first and count
    failed: dict[int, int] = field(default_factory=dict)
    refused: int = 0  # openings, by the log
    refusals_heard: int = 0  # by the phones

    @property
    def next(self) -> int:
        return len(self.events) + 1

    def take(self, batch: Batch) -> None:
        """Whole, in order, and never changed: what was pulled before is the same (9.1, 8.6)."""
        assert batch.dropped == 0, batch
        found = new_events(batch, self.events)
        assert not isinstance(found, Conflict), f"event {found} has changed after it left the tower"
        for fields in found:
            assert fields[30] == self.next, f"event {fields[30]} came after {self.next - 1}"
            self.events[self.next] = dict(fields)
            self._tell(read_event(fields))
        self.left = max(self.left, batch.sealed_at, *(one[5] for one in batch.events), 0)
        self.boot_count = max(self.boot_count, batch.boot_count)

    def _tell(self, event: Event) -> None:
        self.kinds[type(event).__name__] += 1
        match event:
            case Accessed() | LockerUpdated():
                self.books[event.locker_number].tell(event)
                if isinstance(event, LockerUpdated) and event.command_id is not None:
                    self.updates[event.command_id] += 1
            case AccessRefused():
                self.refused += 1 + (event.dups or 0)
            case KeyChanged():
                self.keys[event.rotation, event.action] += 1
            case _ if (first := getattr(event, "first", None)) is not None:
                self._commands_done(first, event)

    def _commands_done(self, first: int, event: Any) -> None:
        self.done.append((first, event.count))
        self.failed |= event.failed
