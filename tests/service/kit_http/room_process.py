"""The room as a process: its ready line on stdout, and a line for each step of its end."""

import asyncio

from openharbor.kit.clock import SystemClock
from openharbor.kit.http.app import make_app
from openharbor.kit.http.operation import Answer, Call, Caller, Operation
from openharbor.kit.http.server import run, serve


class Open:
    """Lets everybody in."""

    def admit(self, _operation: object, _headers: object, address: str, _now: int) -> Caller:
        return Caller("loopback", None, address)

    def refused(self, *_: object) -> None:
        """Nobody is refused."""


async def main() -> None:
    stopping, opened = asyncio.Event(), asyncio.Event()

    async def read(_: Call) -> Answer:
        return Answer(200, {"stopping": stopping.is_set()})

    async def go_on(_: Call) -> Answer:
        opened.set()
        return Answer(204)

    async def drain() -> None:
        stopping.set()
        print("draining", flush=True)
        await opened.wait()
        print("drained", flush=True)

    operations = [
        Operation("read", "GET", "/", read, None),
        Operation("goOn", "POST", "/go-on", go_on, None),
    ]
    app = make_app(operations, gatekeeper=Open(), clock=SystemClock())
    await serve(app, "127.0.0.1", 0, on_ready=lambda url: print(f"ready {url}", flush=True), on_stop=drain)
    print("ended", flush=True)


if __name__ == "__main__":
    run(main())
