"""Bytes of one bus in, frames out, each sorted by whose answer it is (lock-boards.md 2.2 to 2.4). No I/O, no clock.

The bus calls `begin` before it sends, `feed` with whatever arrives, `silence` when nothing came for `quiet_ms`, and
`end` when the exchange is over. Bytes that arrive between exchanges are judged too: boards push, and answers come late.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from openharbor.boards.protocols.codec import (
    Broken,
    Codec,
    ForeignWhy,
    Found,
    Look,
    More,
    NoFrame,
    Push,
    Reply,
    Request,
)

MOST_BYTES = 4096  # that may wait to be judged; the longest frame has 260
MOST_REFUSED = 64  # refused bytes kept for a diagnosis


@dataclass(frozen=True, slots=True)
class Replied:
    """The answer to the request. The first one only."""

    frame: bytes


@dataclass(frozen=True, slots=True)
class Pushed:
    """A frame a board sent by itself."""

    push: Push
    frame: bytes


@dataclass(frozen=True, slots=True)
class Strange:
    """A valid frame that answers something else."""

    frame: bytes
    why: ForeignWhy


@dataclass(frozen=True, slots=True)
class Extra:
    """It would have answered, but the answer was taken already, or the exchange had ended without one."""

    frame: bytes


@dataclass(frozen=True, slots=True)
class EchoRemoved:
    """Our own bytes, in front of whatever else came."""

    frame: bytes


@dataclass(frozen=True, slots=True)
class EchoDamaged:
    """The copy of our own bytes is missing or not the same: the request may have been sent. No reply will follow."""

    begins: bytes


@dataclass(frozen=True, slots=True)
class Close:
    """The stream cannot be trusted again; `data` shows why. Nothing is judged any more: connect anew."""

    why: Literal["protocol", "length"]
    data: bytes


Event = Replied | Pushed | Strange | Extra | EchoRemoved | EchoDamaged | Close


class Receiver:
    """The bytes of one connection. Any split of them gives the same events.

    `idle`: any codec of the line's family, for what arrives before the first request. `discarded` counts the bytes
    that belong to no event since the connection began, `refused` shows the first of them since `begin`.
    """

    def __init__(self, idle: Codec | None = None) -> None:
        self.discarded = 0
        self.refused = b""
        self._codec = idle
        self._request: Request | None = None
        self._waits = False
        self._echo = b""
        self._buffer = b""
        self._closed = False

    def begin(self, codec: Codec, request: Request, *, echo: bool) -> None:
        """From now on `request` waits for its answer; with `echo` its own bytes come back first.

        The bus was silent before, so what still waits belongs to nothing, except in a stream with headers.
        """
        self.refused = b""
        if codec.family.serial:
            self._drop(len(self._buffer))
        self._codec, self._request = codec, request
        self._waits, self._echo = True, request.data if echo else b""

    def feed(self, data: bytes) -> list[Event]:
        """What these bytes complete."""
        events: list[Event] = []
        for start in range(0, len(data), MOST_BYTES):
            self._buffer += data[start : start + MOST_BYTES]
            events += self._judge(silent=False)
            self._drop(len(self._buffer) - MOST_BYTES)
        return events

    def silence(self) -> list[Event]:
        """The line was quiet for `quiet_ms`: nothing more belongs to the bytes that wait."""
        return list(self._judge(silent=True))

    def end(self) -> None:
        """The exchange is over, answered or not. What would answer it from now on is extra."""
        self._waits, self._echo = False, b""

    def _judge(self, *, silent: bool) -> Iterator[Event]:
        codec = self._codec
        while self._buffer and codec and not self._closed:
            if self._echo and self._buffer.startswith(self._echo):
                echo, self._echo = self._echo, b""
                yield EchoRemoved(self._take(len(echo)))
                continue
            if self._echo.startswith(self._buffer) and not silent:
                return
            look = codec.look(self._buffer, self._request, silent=silent)
            if isinstance(look, More):
                return
            if self._echo and not self._is_push(codec, look):
                yield self._spoilt()
            elif isinstance(look, NoFrame):
                self._drop(look.length)
            else:
                yield self._broken(look) if isinstance(look, Broken) else self._placed(codec, look)
        if self._closed or not codec:
            self._drop(len(self._buffer))

    def _placed(self, codec: Codec, found: Found) -> Event:
        frame = self._take(found.length)
        whose = codec.sort(frame, self._request)
        if isinstance(whose, Push):
            return Pushed(whose, frame)
        if not isinstance(whose, Reply):
            return Strange(frame, whose.why)
        if not self._waits:
            return Extra(frame)
        self._waits = False
        return Replied(frame)

    def _broken(self, look: Broken) -> Close:
        self._closed = True
        self._note(self._buffer)
        return Close(look.why, self._take(look.length))

    def _spoilt(self) -> EchoDamaged:
        begins = self._buffer[: len(self._echo)]
        self.end()
        return EchoDamaged(begins)

    def _is_push(self, codec: Codec, look: Look) -> bool:
        """A push may be under way when we begin to send; it stands in front of the copy of our bytes."""
        if not isinstance(look, Found):
            return False
        return isinstance(codec.sort(self._buffer[: look.length], self._request), Push)

    def _take(self, length: int) -> bytes:
        taken, self._buffer = self._buffer[:length], self._buffer[length:]
        return taken

    def _drop(self, length: int) -> None:
        if length > 0:
            dropped = self._take(length)
            self.discarded += len(dropped)
            self._note(dropped)

    def _note(self, refused: bytes) -> None:
        self.refused = (self.refused + refused)[:MOST_REFUSED]
