"""What happens on the gateway, as it happens, for those who listen (gateway-admin.yaml, streamEvents).

One ring of the last events for everybody: a listener is a place in it, so a hundred of them need no more memory than
one, and one that falls behind by all of it is let go.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator

import msgspec

KEPT = 10_000
MOST_LISTENERS = 200


class TooManyListeners(Exception):
    """No further one is taken."""


class FellBehind(Exception):
    """A listener read too slowly: events that it did not have are gone."""


class Event(msgspec.Struct, frozen=True):
    """`event_id` rises by 1. `data`: JSON."""

    event_id: int
    name: str
    data: bytes


class EventStream:
    """Belongs to the loop that it is used in. `first_id`: higher than any of the run before."""

    def __init__(self, first_id: int, *, kept: int = KEPT, most_listeners: int = MOST_LISTENERS) -> None:
        self._next_id, self._kept = first_id, deque[Event](maxlen=kept)
        self._most, self._listeners = most_listeners, 0
        self._news = asyncio.Event()
        self._ended = False

    @property
    def listeners(self) -> int:
        return self._listeners

    def publish(self, name: str, data: bytes) -> Event:
        """Adds an event; every listener gets it."""
        event = Event(self._next_id, name, data)
        self._next_id += 1
        self._kept.append(event)
        self._wake()
        return event

    def end(self) -> None:
        """The gateway stops: listeners get what they lack, and end."""
        self._ended = True
        self._wake()

    async def listen(self, last_id: int | None = None) -> AsyncIterator[Event]:
        """Events from now on, or those after `last_id` first, as far as they are kept; a jump in the ids tells of
        others. Raises TooManyListeners at the first step, FellBehind later."""
        if self._listeners >= self._most:
            raise TooManyListeners
        self._listeners += 1
        try:
            place = self._start(last_id)
            while True:
                for event in self._after(place):
                    yield event
                    place = event.event_id + 1
                if place < self._oldest:
                    raise FellBehind
                if place == self._next_id:
                    if self._ended:
                        return
                    await self._news.wait()
        finally:
            self._listeners -= 1

    @property
    def _oldest(self) -> int:
        return self._next_id - len(self._kept)

    def _start(self, last_id: int | None) -> int:
        """Where a listener begins. An id of another run, or one never given, says nothing of this one."""
        if last_id is None or last_id >= self._next_id:
            return self._next_id
        return max(last_id + 1, self._oldest)

    def _after(self, place: int) -> list[Event]:
        """What is to be read next, a few at a time, since more may come meanwhile."""
        if place < self._oldest:
            return []
        at = place - self._oldest
        return [self._kept[number] for number in range(at, min(at + 64, len(self._kept)))]

    def _wake(self) -> None:
        self._news.set()
        self._news = asyncio.Event()
