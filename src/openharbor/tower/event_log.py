"""The tower's log: numbered without gaps, bounded, forgotten only at the server's word (blink-protocol.md 8, 9)."""

from typing import Final

import msgspec
from msgspec.structs import replace

from openharbor.blink.batches import MOST_EVENTS, MOST_PLAIN_BYTES, Batch, encode_batch
from openharbor.blink.cbor import Fields, encode
from openharbor.blink.event_maps import write_event
from openharbor.blink.events import (
    Accessed,
    AccessRefused,
    Booted,
    ClientNoted,
    DayReported,
    ErrorOver,
    ErrorSeen,
    Event,
    LockerUpdated,
    SpecialSession,
)
from openharbor.blink.refusals import MSG_ITEM_RANGE, Rejected

CAPACITY: Final = 2048
ROOM_FOR_COUNT: Final = 8  # bytes by which the head of a batch may grow with its numbers
# by exact type: a full log is looked through at every event
REPORTS: Final[frozenset[type[Event]]] = frozenset({DayReported})
LESSER: Final[frozenset[type[Event]]] = frozenset(
    {ErrorSeen, ErrorOver, ClientNoted, SpecialSession, Booted, AccessRefused}
)
STATES: Final[frozenset[type[Event]]] = frozenset({Accessed, LockerUpdated})
LARGEST_RESTART: Final = 2**31 - 2**20  # ids have 31 bits (8.5), and a million must be left


class EventLog(msgspec.Struct, frozen=True, kw_only=True):
    """`first`: first id not marked as seen. `last`: the newest id. `pulled`: the newest id that has left the tower."""

    first: int = 1
    last: int = 0
    epoch: int = 1
    pulled: int = 0
    events: tuple[Event, ...] = ()


class Range(msgspec.Struct, frozen=True):
    """What a pull answers: `count` ids from `first` on, of which `events` are kept."""

    first: int
    count: int
    events: tuple[Event, ...]

    @property
    def dropped(self) -> int:
        """How many of the ids were dropped."""
        return self.count - len(self.events)


def append(log: EventLog, event: Event, capacity: int = CAPACITY) -> EventLog:
    """The log with one event more, whatever id it came with; or merged into the newest, if it is its equal (8.6)."""
    newest = log.events[-1] if log.events else None
    if newest is not None and newest.event_id == log.last > log.pulled and _equal(newest, event):
        merged = replace(newest, dups=(newest.dups or 0) + 1)
        return replace(log, events=(*log.events[:-1], merged))
    number = log.last + 1
    kept = (*log.events, replace(event, event_id=number))
    return replace(log, last=number, events=kept if len(kept) <= capacity else _with_one_dropped(kept))


def _equal(one: Event, other: Event) -> bool:
    match one, other:
        case ErrorSeen(), ErrorSeen():
            return (one.code, one.source, one.locker_number) == (other.code, other.source, other.locker_number)
        case AccessRefused(), AccessRefused():
            return (one.code, one.locker_number, one.token_id) == (other.code, other.locker_number, other.token_id)
    return False


def _with_one_dropped(events: tuple[Event, ...]) -> tuple[Event, ...]:
    """Without the one that matters least. The newest of all stays: it was appended just now."""
    older = events[:-1]
    place = _first_of(older, REPORTS)
    if place is None:
        place = _first_of(older, LESSER)
    if place is None:
        place = _first_superseded(older, _last_words(events))
    if place is None:
        return events  # 2,048 events, and each the last word about one of at most 1,023 lockers: cannot be
    return (*events[:place], *events[place + 1 :])


def _first_of(events: tuple[Event, ...], kinds: frozenset[type[Event]]) -> int | None:
    return next((place for place, event in enumerate(events) if type(event) in kinds), None)


def _last_words(events: tuple[Event, ...]) -> set[int]:
    """The ids of the newest event with each locker's state."""
    newest = {
        event.locker_number: event.event_id
        for event in events
        if type(event) in STATES and isinstance(event, Accessed | LockerUpdated)
    }
    return set(newest.values())


def _first_superseded(events: tuple[Event, ...], kept: set[int]) -> int | None:
    return next((place for place, event in enumerate(events) if event.event_id not in kept), None)


def count(log: EventLog) -> int:
    """How many ids are not marked as seen (#32 of the status)."""
    return log.last - log.first + 1


def pull(log: EventLog, start: int) -> Range:
    """As many ids from `start` as go into a batch. Raises Rejected 104 beyond the next id, and for a negative one."""
    if not 0 <= start <= log.last + 1:
        raise Rejected(MSG_ITEM_RANGE, f"the next event is {log.last + 1}")
    first = max(start, log.first)
    waiting = [event for event in log.events if event.event_id >= first]
    taken: list[Event] = []
    size = ROOM_FOR_COUNT + len(encode_batch(_empty(first)))
    for event in waiting[:MOST_EVENTS]:
        size += len(encode(write_event(event)))
        if taken and size > MOST_PLAIN_BYTES:
            break
        taken.append(event)
    end = log.last if len(taken) == len(waiting) else taken[-1].event_id
    return Range(first, end - first + 1, tuple(taken))


def _empty(first: int) -> Batch:
    # the largest numbers a head may hold; `dropped` adds its own field
    return Batch(
        sealed_at=2**32,
        tower_id=bytes(8),
        first=first,
        count=1,
        events=(),
        dropped=1,
        clock_state=0,
        epoch=2**16,
        boot_count=2**16,
    )


def maps(covered: Range) -> tuple[Fields, ...]:
    """The events of a pull as a batch holds them."""
    return tuple(write_event(event) for event in covered.events)


def left(log: EventLog, covered: Range) -> EventLog:
    """After these ids have left the tower: what has left never changes."""
    return replace(log, pulled=max(log.pulled, covered.first + covered.count - 1))


def marked_seen(log: EventLog, before: int) -> EventLog:
    """Without the events below an id. Raises Rejected 104 beyond the next id."""
    if before > log.last + 1:
        raise Rejected(MSG_ITEM_RANGE, f"the next event is {log.last + 1}")
    first = max(before, log.first)
    return replace(log, first=first, events=tuple(event for event in log.events if event.event_id >= first))


def restarted(log: EventLog, at_least: int) -> EventLog:
    """After RESET_EVENT_COUNTER: all seen, ids go on from `at_least` or the next one, the epoch rises (8.5).

    Raises Rejected 104 for a number that leaves no room.
    """
    if at_least > LARGEST_RESTART:
        raise Rejected(MSG_ITEM_RANGE, f"event ids may go on from {LARGEST_RESTART} at most")
    first = max(at_least, log.last + 1)
    return replace(log, first=first, last=first - 1, pulled=first - 1, epoch=log.epoch + 1, events=())
