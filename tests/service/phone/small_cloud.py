"""A small HTTP server that a test plays: it notes what it is asked, and gives the answers that it was told to give."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from openharbor.kit.clock import SteppedClock

CUT = b""  # the connection is closed in place of an answer


class HurriedClock(SteppedClock):
    """A clock on which every sleep is over at once; `slept` remembers how long they were."""

    def __init__(self) -> None:
        super().__init__()
        self.slept: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self._elapsed += seconds


@dataclass
class Asked:
    """A request as it came. `target`: path as it was sent, upper and lower case."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes
    at: float

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class SmallCloud:
    """`answers`: given one after another, the last one again and again."""

    clock: SteppedClock
    answers: list[bytes]
    url: str = ""
    asked: list[Asked] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while (request := await self._request(reader)) is not None:
                self.asked.append(request)
                answer = self.answers[min(len(self.asked), len(self.answers)) - 1]
                if answer == CUT:
                    break
                writer.write(answer)
                await writer.drain()
        except OSError:
            pass  # the phone hung up
        finally:
            writer.close()

    async def _request(self, reader: asyncio.StreamReader) -> Asked | None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
        except asyncio.IncompleteReadError:
            return None
        first, *lines = head.strip().split("\r\n")
        method, target, _ = first.split(" ")
        headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        return Asked(method, target, headers, body, self.clock.monotonic())


def answer(status: int, body: object = None, **headers: str) -> bytes:
    """An HTTP answer; `body` goes as JSON unless it is bytes."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    told = {"Content-Length": str(len(content)), **{name.replace("_", "-"): one for name, one in headers.items()}}
    lines = "".join(f"{name}: {value}\r\n" for name, value in told.items())
    return f"HTTP/1.1 {status} Said\r\n{lines}\r\n".encode() + content


@asynccontextmanager
async def small_cloud(*answers: bytes, clock: SteppedClock | None = None) -> AsyncIterator[SmallCloud]:
    """Serves for the time of a block."""
    cloud = SmallCloud(clock or HurriedClock(), list(answers))
    links: set[asyncio.Task[None]] = set()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(cloud.serve(reader, writer))
        links.add(task)

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    cloud.url = f"http://{host}:{port}"
    try:
        yield cloud
    finally:
        server.close()
        for task in links:
            task.cancel()
        await asyncio.gather(*links, return_exceptions=True)
