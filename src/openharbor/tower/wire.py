"""Blink over TCP: a listener that puts a Link on every connection (blink-protocol.md 2.3)."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import structlog

from openharbor.kit.errors import Failed
from openharbor.tower.app import RunningTower
from openharbor.tower.links import Link

log = structlog.get_logger("openharbor.tower")

CHUNK: Final = 4096
SEND_WITHIN_S: Final = 3.0  # for a phone that does not read
BACKLOG: Final = 16


class Wire:
    """The TCP links of a tower, `most` at once: one more takes the place of the one that was silent for longest."""

    def __init__(self, tower: RunningTower, most: int) -> None:
        self._tower, self._most = tower, most
        self._links: dict[Link, asyncio.Task[None]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, until it ends or has to be cut."""
        if self._make_room():
            task = asyncio.create_task(self._serve(reader, writer))
            self._tasks.add(task)
            await asyncio.wait({task})
            self._tasks.discard(task)
            if not task.cancelled() and task.exception() is not None:
                log.warning("A connection failed", reason=repr(task.exception()))
        await _close(writer)

    async def stop(self) -> None:
        """Cuts every link."""
        tasks = [*self._tasks]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async def send(frame: bytes) -> None:
            writer.write(frame)
            async with asyncio.timeout(SEND_WITHIN_S):
                await writer.drain()

        link = Link(self._tower, send, info=self._tower.info)
        running = self._links[link] = asyncio.create_task(link.run())
        reading = asyncio.create_task(_feed(reader, link))
        try:
            await asyncio.wait({running, reading}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            del self._links[link]
            for task in (running, reading):
                task.cancel()
            await asyncio.gather(running, reading, return_exceptions=True)

    def _make_room(self) -> bool:
        if len(self._links) < self._most:
            return True
        silent = {link: link.silent_since for link in self._links}
        waiting = [(since, place, link) for place, (link, since) in enumerate(silent.items()) if since is not None]
        if not waiting:
            return False
        _, _, link = min(waiting)
        self._links[link].cancel()
        return True


async def _close(writer: asyncio.StreamWriter) -> None:
    """What was written still goes out, to a phone that reads it."""
    writer.close()
    try:
        async with asyncio.timeout(SEND_WITHIN_S):
            await writer.wait_closed()
    except OSError:
        writer.transport.abort()


async def _feed(reader: asyncio.StreamReader, link: Link) -> None:
    while data := await reader.read(CHUNK):
        link.feed(data)


@asynccontextmanager
async def listening(tower: RunningTower, host: str, port: int, *, most: int = 16) -> AsyncIterator[str]:
    """The tower on an address of its own, for the time of a block; `tcp://host:port`. Raises Failed."""
    wire = Wire(tower, most)
    try:
        server = await asyncio.start_server(wire.serve, host, port, limit=CHUNK, backlog=BACKLOG)
    except OSError as error:
        raise Failed(f"cannot listen on {host}:{port}: {error.strerror or error}; choose another --listen") from error
    try:
        yield address_of(server)
    finally:
        server.close()
        await wire.stop()


def address_of(server: asyncio.Server) -> str:
    """Where it listens; of several addresses the first."""
    host, port = server.sockets[0].getsockname()[:2]
    return f"tcp://[{host}]:{port}" if ":" in host else f"tcp://{host}:{port}"
