"""A tower that a test plays by hand: each link, over real TCP, runs a script; and answers made for it."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from openharbor.blink import wrapper
from openharbor.blink.cbor import encode
from openharbor.blink.frames import FrameReader, tower_frame
from openharbor.blink.phone_session import PhoneSession

WITHIN_S = 20.0
_ivs = itertools.count(1 << 64)


class TowerEnd:
    """The tower's end of one link."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._frames = FrameReader(info=True)

    async def receive(self) -> bytes:
        """The next frame of the phone. Raises EOFError when it hung up."""
        async with asyncio.timeout(WITHIN_S):
            while (frame := self._frames.next()) is None:
                data = await self._reader.read(4096)
                if not data:
                    raise EOFError("the phone hung up")
                self._frames.feed(data)
            return frame

    async def send(self, data: bytes) -> None:
        self._writer.write(data)
        await self._writer.drain()

    async def hung_up(self) -> None:
        """Until the phone hangs up."""
        async with asyncio.timeout(WITHIN_S):
            while await self._reader.read(4096):
                pass

    async def close(self) -> None:
        self._writer.close()
        await asyncio.gather(self._writer.wait_closed(), return_exceptions=True)


Script = Callable[[TowerEnd], Awaitable[None]]


@dataclass
class PlayedTower:
    """`links`: how many the phone made."""

    scripts: list[Script]
    address: str = ""
    links: int = 0
    tasks: list["asyncio.Task[None]"] = field(default_factory=list)

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        end = TowerEnd(reader, writer)
        number, self.links = self.links, self.links + 1
        task = asyncio.create_task(self._play(end, number))
        self.tasks.append(task)

    async def _play(self, end: TowerEnd, number: int) -> None:
        try:
            if number < len(self.scripts):
                await self.scripts[number](end)
        finally:
            await end.close()

    async def played_out(self) -> None:
        """Until every script came to its end; raises what went wrong in one."""
        async with asyncio.timeout(WITHIN_S):
            await asyncio.gather(*self.tasks)


@asynccontextmanager
async def played(*scripts: Script) -> AsyncIterator[PlayedTower]:
    """A tower whose first link runs the first script, and so on; a link too many is cut at once."""
    tower = PlayedTower(list(scripts))
    server = await asyncio.start_server(tower.accept, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    tower.address = f"tcp://{host}:{port}"
    try:
        yield tower
        await tower.played_out()
    finally:
        server.close()
        for task in tower.tasks:
            task.cancel()
        await asyncio.gather(*tower.tasks, return_exceptions=True)


def reply(session: PhoneSession, number: int, packet_type: int, fields: Mapping[int, Any] | None = None) -> bytes:
    """A wrapped answer of the tower to the command `number`."""
    inner = {**(fields or {}), 1: packet_type, 22: session.session_id, 25: number + 1}
    iv = next(_ivs).to_bytes(16)
    return tower_frame(wrapper.wrap(session.key, session.session_id, encode(inner), iv))
