"""A raw HTTP/1.1 load generator: keep-alive connections that each send the next request when the last is answered.

Run as a process of its own, so that it does not share an interpreter with the server:
`python -m tests.bench.load HOST:PORT CONNECTIONS SECONDS` reads a request template on stdin (`{n}` becomes a rising
number) and prints one JSON object.
"""

import asyncio
import itertools
import json
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from statistics import quantiles
from typing import Any

import uvloop

Request = Callable[[int], bytes]


class Connection(asyncio.Protocol):
    """One connection: sends, waits for the whole answer, notes the time, sends again."""

    def __init__(self, request: Request, numbers: Iterator[int], until: float, limit: int) -> None:
        self.request, self.numbers, self.until, self.limit = request, numbers, until, limit
        self.statuses: Counter[int] = Counter()
        self.latencies: list[float] = []
        self.buffer = b""
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.send()

    def send(self) -> None:
        number = next(self.numbers)
        if number >= self.limit or time.perf_counter() >= self.until:
            self.transport.close()
            return
        self.sent = time.perf_counter()
        self.transport.write(self.request(number))

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        head, found, body = self.buffer.partition(b"\r\n\r\n")
        if not found or len(body) < content_length(head):
            return
        self.latencies.append(time.perf_counter() - self.sent)
        self.statuses[int(head[9:12])] += 1
        self.buffer = b""
        self.send()

    def connection_lost(self, error: Exception | None) -> None:
        if not self.done.done():
            self.done.set_result(None)


def content_length(head: bytes) -> int:
    lower = head.lower()
    at = lower.find(b"content-length:")
    if at < 0:
        return 0
    return int(lower[at + 15 :].split(b"\r\n", 1)[0])


async def run(host: str, port: int, connections: int, seconds: float, request: Request, limit: int) -> dict[str, Any]:
    """Requests a second, statuses and latencies (ms) of one run; ends after `seconds` or `limit` requests."""
    loop, numbers = asyncio.get_running_loop(), itertools.count()
    start = time.perf_counter()
    made = [Connection(request, numbers, start + seconds, limit) for _ in range(connections)]
    await asyncio.gather(*(loop.create_connection(lambda one=one: one, host, port) for one in made))  # type: ignore[misc]  # a lambda with a default
    await asyncio.gather(*(one.done for one in made))
    took = time.perf_counter() - start
    latencies = sorted(latency * 1000 for one in made for latency in one.latencies)
    statuses: Counter[int] = Counter()
    for one in made:
        statuses.update(one.statuses)
    cuts = quantiles(latencies, n=100) if len(latencies) > 1 else latencies * 99
    return {
        "rate": len(latencies) / took,
        "statuses": dict(statuses),
        "p50_ms": cuts[49],
        "p99_ms": cuts[98],
        "count": len(latencies),
    }


def template(text: bytes) -> Request:
    """`{n}` in the template's body and path becomes the number; the length header follows the body."""
    head, _, body = text.partition(b"\r\n\r\n")

    def request(number: int) -> bytes:
        digits = b"%d" % number
        filled = body.replace(b"{n}", digits)
        return head.replace(b"{n}", digits) + b"\r\nContent-Length: %d\r\n\r\n" % len(filled) + filled

    return request


def main() -> None:
    address, connections, seconds, *rest = sys.argv[1:]
    host, _, port = address.rpartition(":")
    limit = int(rest[0]) if rest else 1 << 60
    request = template(sys.stdin.buffer.read())
    print(json.dumps(uvloop.run(run(host, int(port), int(connections), float(seconds), request, limit))))


if __name__ == "__main__":
    main()
