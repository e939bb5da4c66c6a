"""Connections of one server: how many, how long each may take for a request, and who goes when there is no room.

uvicorn's protocol bounds neither the number of connections nor the time and size of a request's head; a few thousand
silent sockets would keep everybody else out.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import OrderedDict
from collections.abc import Callable

import msgspec
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from openharbor.kit.errors import Refusal
from openharbor.kit.http.bodies import READS_BODY
from openharbor.kit.http.error_styles import GATEWAY_STYLE, ErrorStyle


class ConnectionLimits(msgspec.Struct, frozen=True):
    """Times in seconds, sizes in bytes.

    `head_seconds`: from connecting, or from the first byte of a later request, to the end of its headers.
    `body_seconds`: from there to the end of its body, while it is waited for. `idle_seconds`: between requests.
    `stalled_seconds`: for a client that does not read its answer. `unread_bytes`: of a body that nobody wanted.
    """

    connections: int = 4096
    head_seconds: float = 10
    body_seconds: float = 30
    idle_seconds: int = 75
    stalled_seconds: float = 30
    head_bytes: int = 32_768
    unread_bytes: int = 1_048_576


NOT_HTTP = Refusal("INVALID_REQUEST", 400, "The request is not valid HTTP", {"request": "must be HTTP/1.1"})
TIMED_OUT = 408
REASONS = {400: b"Bad Request", 408: b"Request Timeout", 413: b"Content Too Large"}


class _Dropped(list[tuple[bytes, bytes]]):
    """Takes the trailers after a body, which nobody reads and nothing else bounds."""

    def append(self, _: tuple[bytes, bytes]) -> None:
        """Keeps nothing."""


TRAILERS = _Dropped()


class Ledger:
    """Every open connection; those without a request in progress, and those that send a body, longest first."""

    def __init__(self, limits: ConnectionLimits, now_ms: Callable[[], int], style: ErrorStyle = GATEWAY_STYLE) -> None:
        self.limits, self.now_ms, self.style = limits, now_ms, style
        self.open: set[Connection] = set()
        self.idle: OrderedDict[Connection, None] = OrderedDict()
        self.sending: OrderedDict[Connection, None] = OrderedDict()

    def enter(self, connection: Connection) -> None:
        """Takes a connection in; when full, the one idle for longest makes room, or that waited for longest, or it."""
        self.open.add(connection)
        self.idle[connection] = None
        if len(self.open) > self.limits.connections:
            self._least_wanted(connection).cut()

    def leave(self, connection: Connection) -> None:
        self.open.discard(connection)
        self.idle.pop(connection, None)
        self.sending.pop(connection, None)

    def _least_wanted(self, newest: Connection) -> Connection:
        idle = next(iter(self.idle))
        if idle is not newest:
            return idle
        return next((one for one in self.sending if one.is_waited_for()), newest)

    def sweep(self, now: float) -> None:
        """Closes whatever has been late since before `now` (the loop's time)."""
        for connection in list(self.open):
            connection.check(now)


async def keep_sweeping(ledger: Ledger) -> None:
    """Looks at every connection about once a second, oftener where a limit is shorter. Ends by being cancelled."""
    limits = ledger.limits
    period = min(1.0, limits.head_seconds / 4, limits.body_seconds / 4, limits.stalled_seconds / 4)
    loop = asyncio.get_running_loop()
    while True:
        await asyncio.sleep(period)
        ledger.sweep(loop.time())


class Connection(HttpToolsProtocol):
    """uvicorn's protocol with deadlines and bounds. Subclassed with its ledger by `protocol_of`."""

    ledger: Ledger
    head_since: float | None = None  # waiting for the rest of a head
    body_since: float | None = None  # waiting for the rest of a body
    stalled_since: float | None = None  # the client does not read
    broken = False  # what came is not HTTP, so that nothing after it can be read
    fresh = True  # not one byte came yet
    head_bytes = 0
    unread_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in uvicorn
        super().connection_made(transport)
        self.head_since = self.loop.time()
        self.ledger.enter(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self.ledger.leave(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self.fresh = False
        super().data_received(data)
        if self.head_since is not None and not self.transport.is_closing():
            self.head_bytes += len(data)
            if self.head_bytes > self.ledger.limits.head_bytes:
                self.refuse(large_head(self.ledger.limits.head_bytes))

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.head_bytes = self.unread_bytes = 0
        if self.head_since is None:
            self.head_since = self.loop.time()

    def on_headers_complete(self) -> None:
        super().on_headers_complete()
        self.headers = TRAILERS
        self.head_since = None
        self.body_since = self.loop.time()
        self.ledger.idle.pop(self, None)
        self.ledger.sending[self] = None

    def on_body(self, body: bytes) -> None:
        if self.cycle.response_complete:
            self.unread_bytes += len(body)
            if self.unread_bytes > self.ledger.limits.unread_bytes:
                self.cut()
        super().on_body(body)

    def on_message_complete(self) -> None:
        self.body_since = None
        self.ledger.sending.pop(self, None)
        super().on_message_complete()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self.body_since is not None:  # of the next request; it was not read until now
            self.body_since = self.loop.time()
        if self in self.ledger.open and self.cycle.response_complete:
            self.ledger.idle[self] = None
            self.ledger.idle.move_to_end(self)

    def pause_writing(self) -> None:
        self.stalled_since = self.loop.time()
        super().pause_writing()

    def resume_writing(self) -> None:
        self.stalled_since = None
        super().resume_writing()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002  # uvicorn's text; ours is the contract's body
        self.broken = True
        self.refuse(NOT_HTTP)

    def check(self, now: float) -> None:
        """Closes the connection if it is late: with an answer where a request has begun, else without."""
        limits = self.ledger.limits
        if self.stalled_since is not None and now - self.stalled_since >= limits.stalled_seconds:
            self.cut()
        elif self.head_since is not None and now - self.head_since >= limits.head_seconds:
            self.cut() if self.fresh else self.refuse(late("headers", limits.head_seconds), TIMED_OUT)
        elif self.body_since is not None and now - self.body_since >= limits.body_seconds:
            self._end_late_body()
        elif self.broken and self.is_waited_for():
            self.refuse(NOT_HTTP)

    def _end_late_body(self) -> None:
        """Late is who is waited for: not a client whose body nobody reads, nor one that was answered already."""
        if self.cycle.response_complete:
            self.cut()
        elif self.is_waited_for():
            self.refuse(late("body", self.ledger.limits.body_seconds), TIMED_OUT)

    def is_waited_for(self) -> bool:
        """Whether the application waits for the rest of a body from here, and has answered nothing yet."""
        waits = self.body_since is not None and READS_BODY in self.scope
        return waits and not self.cycle.response_started

    def refuse(self, refusal: Refusal, status: int | None = None) -> None:
        """Answers outside of the application and closes; what is in progress is answered instead, and then closed.

        Anything written now would be taken for the answer to that.
        """
        if self.cycle is None or self.cycle.response_complete:
            self._answer(refusal, status or refusal.status)
        elif self.is_waited_for():
            self._answer(refusal, status or refusal.status)
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        else:
            self.cycle.keep_alive = False
            self.flow.pause_reading()

    def _answer(self, refusal: Refusal, status: int) -> None:
        body = self.ledger.style.body(refusal, self.ledger.now_ms())
        if not self.transport.is_closing():
            self.transport.write(
                b"HTTP/1.1 %d %s\r\ncontent-type: application/json\r\ncontent-length: %d\r\nconnection: close\r\n\r\n%s"
                % (status, REASONS[status], len(body), body)
            )
            self.transport.close()

    def cut(self) -> None:
        """Closes at once, and makes room now rather than when the loop gets to it."""
        self.ledger.leave(self)
        with contextlib.suppress(RuntimeError):
            self.transport.abort()


def late(part: str, seconds: float) -> Refusal:
    """Sent as 408, for which the contract has no code of its own."""
    details = {part: f"must arrive within {seconds:g} s"}
    return Refusal("INVALID_REQUEST", 400, "The request did not arrive in time", details)


def large_head(limit: int) -> Refusal:
    return Refusal("PAYLOAD_TOO_LARGE", 413, "The request's headers are larger than allowed", {"maxBytes": str(limit)})


def protocol_of(ledger: Ledger) -> type[Connection]:
    """The class that a server makes its connections of."""
    return type("LedgerConnection", (Connection,), {"ledger": ledger})
