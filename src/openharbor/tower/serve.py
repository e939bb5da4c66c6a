"""Serving a tower: as a service until it is told to stop, or for the time of a block inside another program."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import structlog
import uvloop

from openharbor.kit.clock import Clock, SystemClock
from openharbor.kit.logs import Format, Level, configure
from openharbor.kit.signals import stopped_by_signals
from openharbor.tower.app import RunningTower, running
from openharbor.tower.settings import TowerSettings
from openharbor.tower.wire import listening

log = structlog.get_logger("openharbor.tower")


def run(
    data: Path, settings: TowerSettings, *, log_format: Format, log_level: Level, say: Callable[[str], None]
) -> int:
    """Serves until SIGTERM or SIGINT; the exit code. `say` gets the ready line. Raises Failed when it cannot start."""
    configure(log_format, log_level)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(data, settings, SystemClock(), say))
    log.info("Stopped")
    return 0


async def _serve(data: Path, settings: TowerSettings, clock: Clock, say: Callable[[str], None]) -> None:
    stop = asyncio.Event()
    with stopped_by_signals(stop):
        async with running(data, None, clock) as tower, _reachable(tower, settings) as address:
            tower_id = tower.state.identity.tower_id.hex()
            log.info("The tower works", tower=tower_id, lockers=len(tower.state.lockers), address=address)
            say(f"openharbor tower ready {tower_id} {address}")
            await stop.wait()
            await tower.drain()


@asynccontextmanager
async def serving(data: Path, settings: TowerSettings, clock: Clock) -> AsyncIterator[str]:
    """A tower inside another program, for the time of a block; its address. Signals are left to the program."""
    async with running(data, None, clock) as tower, _reachable(tower, settings) as address:
        try:
            yield address
        finally:
            await tower.drain()


def _reachable(tower: RunningTower, settings: TowerSettings) -> AbstractAsyncContextManager[str]:
    if settings.bluetooth:
        return _on_bluetooth(tower, settings.bluetooth)
    return listening(tower, settings.host, settings.port, most=settings.links)


@asynccontextmanager
async def _on_bluetooth(tower: RunningTower, transport: str) -> AsyncIterator[str]:
    from openharbor.tower.bluetooth import on_bluetooth  # a tower on a wire does without its memory

    async with on_bluetooth(tower, transport):
        yield f"bluetooth:{transport}"
