"""What carries a phone's frames to a tower and back, and what finds towers (blink-protocol.md 2.2, 2.3)."""

from collections.abc import AsyncIterator
from typing import Protocol

import msgspec


class LinkLost(Exception):
    """The link to the tower is gone. Says why; holds no secret."""


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """A tower that was heard of. `tower_id` None: it has not said it yet. `address`: what its radio connects to."""

    tower_id: bytes | None
    name: str
    firmware: str
    address: str


class Transport(Protocol):
    """A link to one tower. One message is in flight at a time."""

    async def send(self, frame: bytes) -> None:
        """Raises LinkLost."""

    async def receive(self) -> bytes:
        """The next whole frame. Raises LinkLost."""

    async def close(self) -> None:
        """Hangs up; a link that is gone is closed already."""


class Radio(Protocol):
    """What hears towers, and connects to them."""

    def discover(self, seconds: float) -> AsyncIterator[Found]:
        """Towers as they are heard, each once, for that long. Raises Failed without a radio."""

    async def connect(self, found: Found) -> Transport:
        """Raises Failed when the tower cannot be reached."""
