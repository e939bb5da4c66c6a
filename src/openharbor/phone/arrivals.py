"""What arrives from a tower over the radio, put together to frames, and what goes there, cut to pieces."""

import asyncio
from collections.abc import Iterator
from typing import Final

from openharbor.blink.frames import FrameReader
from openharbor.blink.refusals import Rejected
from openharbor.phone.transport import LinkLost

ATT_HEADER: Final = 3  # bytes of a write or a notification that are not content (blink-protocol.md 2.2)


def chunks(frame: bytes, mtu: int) -> Iterator[bytes]:
    """The frame in pieces of MTU-3 bytes, in order."""
    size = mtu - ATT_HEADER
    return (frame[at : at + size] for at in range(0, len(frame), size))


class Arrivals:
    """Frames of one link, one reader at a time."""

    def __init__(self) -> None:
        self._reader = FrameReader()
        self._news = asyncio.Event()
        self._lost: str | None = None

    def feed(self, data: bytes) -> None:
        """Bytes as they arrived. More than a tower may send loses the link."""
        try:
            self._reader.feed(data)
        except Rejected as rejected:
            self.end(f"the tower sent what is no message: {rejected}")
        self._news.set()

    def end(self, why: str) -> None:
        """The link is gone; the first reason counts."""
        self._lost = self._lost or why
        self._news.set()

    @property
    def lost(self) -> str | None:
        """Why the link is gone; None while it is there."""
        return self._lost

    async def next(self) -> bytes:
        """The next whole frame. Raises LinkLost once the link is gone, or for bytes that are no frame."""
        while True:
            self._news.clear()
            try:
                frame = self._reader.next()
            except Rejected as rejected:
                self.end(f"the tower sent what is no message: {rejected}")
                frame = None
            if frame is not None:
                return frame
            if self._lost is not None:
                raise LinkLost(self._lost)
            await self._news.wait()
