"""Serving a cloud until it is told to stop: the APIs with the workers, or the workers alone."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import structlog
from msgspec.structs import replace

from openharbor.cloud.app import running
from openharbor.cloud.settings import CloudSettings
from openharbor.kit.clock import Clock, SystemClock
from openharbor.kit.http import server
from openharbor.kit.http.connections import ConnectionLimits
from openharbor.kit.http.error_styles import DETAIL_STYLE
from openharbor.kit.logs import Format, Level, configure
from openharbor.kit.signals import SIGNALS

log = structlog.get_logger("openharbor.cloud")

Say = Callable[[str], None]


def run(
    database_url: str,
    master_key_file: Path | None,
    settings: CloudSettings,
    *,
    log_format: Format,
    log_level: Level,
    say: Say,
) -> int:
    """Serves until SIGTERM or SIGINT; the exit code. `say` gets the ready line. Raises Failed when it cannot start."""
    configure(log_format, log_level)

    def ready(url: str) -> None:
        say(f"openharbor cloud ready {url}")

    server.run(_serve(database_url, master_key_file, settings, SystemClock(), ready))
    log.info("Stopped")
    return 0


async def _serve(
    database_url: str,
    master_key_file: Path | None,
    settings: CloudSettings,
    clock: Clock,
    on_ready: Callable[[str], None],
    stop: asyncio.Event | None = None,
) -> None:
    """Until `stop` is set; None: until SIGTERM or SIGINT."""
    listener = server.listen(settings.host, settings.port)  # first: tokens and links name the address
    public_url = settings.public_url.rstrip("/") or server.url_of(listener, "http")
    async with running(database_url, master_key_file, settings, clock, public_url) as app:
        await server.serve(
            app,
            settings.host,
            settings.port,
            on_ready=on_ready,
            stop=stop,
            signals=stop is None,
            limits=ConnectionLimits(connections=settings.connections),
            clock=clock,
            listener=listener,
            error_style=DETAIL_STYLE,
        )


@asynccontextmanager
async def serving(
    database_url: str, master_key_file: Path | None, settings: CloudSettings, clock: Clock
) -> AsyncIterator[str]:
    """A cloud on an address of its own inside another program, for the time of a block; its URL."""
    ready: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    stop = asyncio.Event()
    task = asyncio.create_task(_serve(database_url, master_key_file, settings, clock, ready.set_result, stop))
    task.add_done_callback(lambda _: ready.cancel())
    await asyncio.wait({ready})
    if ready.cancelled():
        await task
    try:
        yield ready.result()
    finally:
        stop.set()
        await task


def run_worker(
    database_url: str,
    master_key_file: Path | None,
    settings: CloudSettings,
    *,
    log_format: Format,
    log_level: Level,
    say: Say,
) -> int:
    """Sends webhooks and ends reservations until SIGTERM or SIGINT; the exit code."""
    configure(log_format, log_level)
    server.run(_work(database_url, master_key_file, settings, SystemClock(), say))
    log.info("Stopped")
    return 0


async def _work(
    database_url: str, master_key_file: Path | None, settings: CloudSettings, clock: Clock, say: Say
) -> None:
    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    for number in SIGNALS:
        loop.add_signal_handler(number, stop.set)
    async with running(database_url, master_key_file, replace(settings, worker=True), clock, settings.public_url):
        say("openharbor cloud worker ready")
        await stop.wait()
