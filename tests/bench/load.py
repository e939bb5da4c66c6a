"""A raw HTTP/1.1 load generator: keep-alive connections that each send the next request when the last is answered.

Run as a process of its own, so that it does not share an interpreter with the server: `python -m tests.bench.load`
reads `{"host", "port", "bursts": [{"template", "connections", "seconds", "first", "limit"}, …]}` on stdin and prints
one result for each burst. `{n}` in a template becomes a number: `first`, and one more for each request. A burst ends
after `seconds` or when `limit` requests were sent, whichever comes first.
"""

import asyncio
import json
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from statistics import quantiles
from typing import Any, cast

import uvloop

Request = Callable[[int], bytes]


class Connection(asyncio.Protocol):
    """One connection: sends, waits for the whole answer, notes the time, sends again."""

    def __init__(self, request: Request, numbers: Iterator[int]) -> None:
        self.request, self.numbers = request, numbers
        self.until = 0.0
        self.statuses: Counter[int] = Counter()
        self.latencies: list[float] = []
        self.ends: list[float] = []
        self.buffer = b""
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's is none by its class

    def start(self, until: float) -> None:
        self.until = until
        self.send()

    def send(self) -> None:
        number = next(self.numbers, None)
        if number is None or time.perf_counter() >= self.until:
            self.transport.close()
            return
        self.sent = time.perf_counter()
        self.transport.write(self.request(number))

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        head, found, body = self.buffer.partition(b"\r\n\r\n")
        if not found or len(body) < content_length(head):
            return
        now = time.perf_counter()
        self.latencies.append(now - self.sent)
        self.ends.append(now)
        self.statuses[int(head[9:12])] += 1
        self.buffer = b""
        self.send()

    def connection_lost(self, _error: Exception | None) -> None:
        if not self.done.done():
            self.done.set_result(None)


def content_length(head: bytes) -> int:
    lower = head.lower()
    at = lower.find(b"content-length:")
    if at < 0:
        return 0
    return int(lower[at + 15 :].split(b"\r\n", 1)[0])


async def burst(host: str, port: int, spec: dict[str, Any]) -> dict[str, Any]:
    """Requests a second, statuses and latencies (ms) of one burst; connecting is not timed."""
    loop = asyncio.get_running_loop()
    request = template(spec["template"].encode())
    numbers = iter(range(spec["first"], spec["first"] + spec["limit"]))
    made: list[Connection] = []
    for _ in range(spec["connections"]):
        _transport, protocol = await loop.create_connection(lambda: Connection(request, numbers), host, port)
        made.append(protocol)
    start = time.perf_counter()
    for one in made:
        one.start(start + spec["seconds"])
    await asyncio.gather(*(one.done for one in made))
    return result(made)


def steady_rate(ends: list[float]) -> float:
    """Answers a second, without the tenth at the start and the one at the end, where not every connection is busy."""
    ends = sorted(ends)
    edge = len(ends) // 10
    inner = ends[edge : len(ends) - edge]
    return (len(inner) - 1) / (inner[-1] - inner[0]) if len(inner) > 1 else 0.0


def result(made: list[Connection]) -> dict[str, Any]:
    latencies = sorted(latency * 1000 for one in made for latency in one.latencies)
    statuses: Counter[int] = Counter()
    for one in made:
        statuses.update(one.statuses)
    cuts = quantiles(latencies, n=100) if len(latencies) > 1 else latencies * 99
    return {
        "rate": steady_rate([end for one in made for end in one.ends]),
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


async def run(plan: dict[str, Any]) -> list[dict[str, Any]]:
    return [await burst(plan["host"], plan["port"], spec) for spec in plan["bursts"]]


if __name__ == "__main__":
    print(json.dumps(uvloop.run(run(json.load(sys.stdin)))))
