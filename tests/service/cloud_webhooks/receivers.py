"""Real receivers of webhooks on loopback sockets, with every way to behave badly."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import msgspec
from standardwebhooks.webhooks import Webhook

LONG_S = 60.0


@dataclass(frozen=True)
class Received:
    """One request as it arrived. `signed`: what the signature covers besides its own header."""

    line: str
    headers: dict[str, str]
    body: bytes

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def event(self) -> Any:
        return msgspec.json.decode(self.body)

    def verified(self, secret: str) -> Any:
        """The event, if the library of Standard Webhooks accepts it."""
        return Webhook(secret).verify(self.body, self.headers)


Behave = Callable[[Received, asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def answers(status: int, *, headers: str = "", body: bytes = b"ok") -> Behave:
    """A whole answer with this status."""

    async def behave(_request: Received, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = f"HTTP/1.1 {status} Whatever\r\ncontent-length: {len(body)}\r\n{headers}\r\n"
        writer.write(head.encode() + body)

    return behave


def sends(raw: bytes, *, then_hangs: bool = False) -> Behave:
    """These bytes, and then the end or nothing more."""

    async def behave(_request: Received, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(raw)
        if then_hangs:
            await reader.read()

    return behave


async def hangs(_request: Received, reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    """Says nothing until the sender goes."""
    await reader.read()


async def floods(_request: Received, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A success with a body that never ends."""
    writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
    with suppress(ConnectionError):
        while True:
            writer.write(bytes(65536))
            await writer.drain()


OK = answers(200)


@dataclass
class Receiver:
    """Listens; `behave` is asked for each request in turn, `received` are those that came whole."""

    behave: Behave = OK
    received: list[Received] = field(default_factory=list)
    connections: int = 0
    url: str = ""
    _changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def got(self, count: int) -> list[Received]:
        """Once there are so many requests."""
        await self.until(lambda: len(self.received) >= count)
        return self.received

    async def until(self, holds: Callable[[], bool]) -> None:
        """Once the requests are as wanted."""
        async with asyncio.timeout(LONG_S), self._changed:
            await self._changed.wait_for(holds)

    def ids(self) -> list[str]:
        return [request.id for request in self.received]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            request = await _read(reader)
            async with self._changed:
                self.received.append(request)
                self._changed.notify_all()
            await self.behave(request, reader, writer)
            with suppress(ConnectionError):
                await writer.drain()
        except (EOFError, ConnectionError):
            pass  # the sender went
        finally:
            writer.close()


async def _read(reader: asyncio.StreamReader) -> Received:
    line, *fields = (await reader.readuntil(b"\r\n\r\n")).decode("ascii").rstrip("\r\n").split("\r\n")
    headers = dict(field.split(": ", 1) for field in fields)
    return Received(line, headers, await reader.readexactly(int(headers["content-length"])))


@asynccontextmanager
async def listening(
    behave: Behave = OK, *, tls: ssl.SSLContext | None = None, port: int = 0, path: str = "/hooks"
) -> AsyncIterator[Receiver]:
    """A receiver for the time of a block."""
    receiver = Receiver(behave)
    server = await asyncio.start_server(receiver.serve, "127.0.0.1", port, ssl=tls)
    port = server.sockets[0].getsockname()[1]
    receiver.url = f"{'https' if tls else 'http'}://127.0.0.1:{port}{path}"
    try:
        yield receiver
    finally:
        server.close()
        for task in asyncio.all_tasks():
            if "Receiver.serve" in repr(task.get_coro()):
                task.cancel()
        await server.wait_closed()
