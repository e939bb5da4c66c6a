"""The load generator with a path of its own for each request.

Run as a process of its own, as `tests.bench.load`: reads `{"host", "port", "bursts": [{"method", "headers", "body",
"paths", "connections"}, …]}` on stdin and prints one result for each burst. Paths are sent in their order, each once.
"""

import asyncio
import json
import sys
import time
from typing import Any

import uvloop

from .load import Connection, result

LONGEST_S = 240.0


def requests(spec: dict[str, Any]) -> list[bytes]:
    head, body = "".join(f"{name}: {value}\r\n" for name, value in spec["headers"].items()), spec["body"]
    length = f"Content-Length: {len(body.encode())}\r\n" if body else ""
    return [
        f"{spec['method']} {path} HTTP/1.1\r\nHost: localhost\r\n{head}{length}\r\n{body}".encode()
        for path in spec["paths"]
    ]


async def burst(host: str, port: int, spec: dict[str, Any]) -> dict[str, Any]:
    """As `load.burst`."""
    loop, ready = asyncio.get_running_loop(), requests(spec)
    numbers = iter(range(len(ready)))
    made: list[Connection] = []
    for _ in range(spec["connections"]):
        _transport, protocol = await loop.create_connection(lambda: Connection(ready.__getitem__, numbers), host, port)
        made.append(protocol)
    until = time.perf_counter() + LONGEST_S
    for one in made:
        one.start(until)
    await asyncio.gather(*(one.done for one in made))
    return result(made)


async def run(plan: dict[str, Any]) -> list[dict[str, Any]]:
    return [await burst(plan["host"], plan["port"], spec) for spec in plan["bursts"]]


if __name__ == "__main__":
    print(json.dumps(uvloop.run(run(json.load(sys.stdin)))))
