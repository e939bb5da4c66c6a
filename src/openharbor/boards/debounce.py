"""Debouncing of one door (lock-boards.md 4.5): raw readings in, the accepted state and its changes out."""

import msgspec
from msgspec.structs import replace

from openharbor.boards.outcomes import DoorState, Feedback

BOUNCE_S = 0.05  # a contact may bounce for so long: the reads that make a change are no closer together
CHANGES = 6  # more of them within CHANGES_S make a sensor suspect
CHANGES_S = 10.0


class Door(msgspec.Struct, frozen=True):
    """One door as read so far. Times in monotonic seconds.

    `candidate` was read `seen` times in a row, first at `candidate_at`, and is not accepted yet. `last_known` outlives
    unknown; it was last read at `known_at`. `flips`: when the raw reading last changed from known to known, the last
    `CHANGES_S`.
    """

    state: DoorState = "unknown"
    raw: bool | None = None
    read_at: float | None = None
    since: float | None = None
    last_known: DoorState = "unknown"
    known_at: float | None = None
    candidate: DoorState = "unknown"
    candidate_at: float = 0.0
    seen: int = 0
    latest: DoorState = "unknown"
    flips: tuple[float, ...] = ()

    @property
    def unsettled(self) -> bool:
        """The last reading differed from the accepted state: read again soon."""
        return self.seen > 0

    @property
    def flutters(self) -> bool:
        return len(self.flips) > CHANGES


class Change(msgspec.Struct, frozen=True):
    """An accepted change. `last_known`: what the door was before it was unknown, last so read at `known_at`."""

    before: DoorState
    after: DoorState
    last_known: DoorState
    known_at: float | None


def door_state(raw: bool | None, feedback: Feedback | None) -> DoorState:
    """What a raw bit says of the door, under the board's polarity (lock-boards.md 2.5)."""
    if raw is None or feedback not in ("closed_is_1", "open_is_1"):
        return "unknown"
    return "closed" if raw == (feedback == "closed_is_1") else "open"


def read(door: Door, state: DoorState, raw: bool | None, at: float, equal: int) -> tuple[Door, Change | None]:
    """The door after one more reading. `equal`: how many equal ones in a row, over `BOUNCE_S` or more, make a change;
    unknown is immediate."""
    if state == "unknown":
        return lose(replace(door, raw=raw), at)
    seen, first_at = (door.seen + 1, door.candidate_at) if door.candidate == state else (1, at)
    kept = tuple(flip for flip in door.flips if flip > at - CHANGES_S)
    flips = (*kept, at) if "unknown" not in (door.latest, state) and door.latest != state else kept
    now = replace(door, raw=raw, read_at=at, latest=state, flips=flips)
    if state == door.state:
        return replace(now, known_at=at, candidate="unknown", seen=0), None
    if seen < equal or at - first_at < BOUNCE_S:
        return replace(now, candidate=state, candidate_at=first_at, seen=seen), None
    change = Change(door.state, state, door.last_known, door.known_at)
    return replace(now, state=state, since=at, last_known=state, known_at=at, candidate="unknown", seen=0), change


def lose(door: Door, at: float) -> tuple[Door, Change | None]:
    """The door after its reading was lost."""
    if door.state == "unknown":
        return replace(door, candidate="unknown", seen=0, latest="unknown"), None
    lost = replace(door, state="unknown", since=at, candidate="unknown", seen=0, latest="unknown")
    return lost, Change(door.state, "unknown", door.last_known, door.known_at)
