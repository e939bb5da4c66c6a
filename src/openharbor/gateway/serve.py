"""Serving a gateway: as a service until it is told to stop, or for the time of a block inside another program."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import structlog

from openharbor.gateway.app import running
from openharbor.gateway.settings import ServiceSettings
from openharbor.kit.clock import Clock, SystemClock
from openharbor.kit.http import server
from openharbor.kit.http.connections import ConnectionLimits
from openharbor.kit.logs import Format, Level, LogRing, configure

log = structlog.get_logger("openharbor.gateway")


def run(
    data: Path, settings: ServiceSettings, *, log_format: Format, log_level: Level, say: Callable[[str], None]
) -> int:
    """Serves until SIGTERM or SIGINT; the exit code. `say` gets the ready line. Raises Failed when it cannot start."""
    logs = configure(log_format, log_level)
    if settings.allow_anonymous_lan:
        log.warning("No caller needs a key: whoever reaches this address opens doors", host=settings.host)
    server.run(_serve(data, settings, SystemClock(), logs, say))
    log.info("Stopped")
    return 0


async def _serve(
    data: Path, settings: ServiceSettings, clock: Clock, logs: LogRing, say: Callable[[str], None]
) -> None:
    async with running(data, settings, clock, logs) as gateway:
        await server.serve(
            gateway.app,
            settings.host,
            settings.port,
            on_ready=lambda url: say(f"openharbor gateway ready {url}"),
            on_stop=gateway.drain,
            limits=ConnectionLimits(connections=settings.connections),
            clock=clock,
        )


@dataclass(frozen=True, slots=True)
class Served:
    """A gateway served by this program. Setting `stop` ends it; `ended` is set when it was."""

    url: str
    stop: asyncio.Event


@asynccontextmanager
async def serving(data: Path, settings: ServiceSettings, clock: Clock) -> AsyncIterator[Served]:
    """A gateway on an address of its own, for the time of a block; signals are left to the program."""
    ready: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    stop = asyncio.Event()
    async with running(data, settings, clock, LogRing()) as gateway:
        task = asyncio.create_task(
            server.serve(
                gateway.app,
                settings.host,
                settings.port,
                on_ready=ready.set_result,
                on_stop=gateway.drain,
                stop=stop,
                signals=False,
                clock=clock,
            )
        )
        task.add_done_callback(lambda _: ready.cancel())
        await asyncio.wait({ready})
        if ready.cancelled():
            await task
        try:
            yield Served(ready.result(), stop)
        finally:
            stop.set()
            await task
