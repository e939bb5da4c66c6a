"""A gateway and the cabinet that it drives in one process, on a clock that a test steps."""

import asyncio
import functools
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2

from harness.sites import site_file
from openharbor.boards.emulator.emulator import Emulator
from openharbor.boards.emulator.lock import Lock
from openharbor.gateway.alarms import Alarm
from openharbor.gateway.app import Gateway, running
from openharbor.gateway.commands import initialise
from openharbor.gateway.location import DATABASE
from openharbor.gateway.opening_journal import Order
from openharbor.gateway.opening_rules import OpenResult, Place
from openharbor.gateway.settings import ServiceSettings
from openharbor.gateway.trail import SYSTEM
from openharbor.kit.clock import SteppedClock
from openharbor.kit.database.driver import connect
from openharbor.kit.http.operation import Caller
from openharbor.kit.logs import LogRing

ADMIN = Caller("admin", "admin", "10.0.0.5")
STEP_S = 0.25
PATIENCE_S = 30.0  # of the clock on the wall


class WallClock(SteppedClock):
    """A stepped clock whose wall time can be set, as by a person or a time server."""

    def __init__(self) -> None:
        super().__init__()
        self.set_by_ms = 0

    def now(self) -> int:
        return super().now() + self.set_by_ms


@dataclass(slots=True)
class Scene:
    """`gateway` is there while it runs (`served`)."""

    data: Path
    clock: WallClock
    cabinet: Emulator
    settings: ServiceSettings
    gateway: Gateway | None = None

    @property
    def on(self) -> Gateway:
        assert self.gateway is not None, "the gateway is not running"
        return self.gateway

    def lock(self, number: int) -> Lock:
        return next(iter(self.cabinet.locks.values()))[number]

    @asynccontextmanager
    async def served(self) -> AsyncIterator[Gateway]:
        """The gateway runs for the time of a block, its board on line."""
        async with running(self.data, self.settings, self.clock, LogRing()) as gateway:
            self.gateway = gateway
            await self.until(lambda: self.get("/health", "status", "ok"))
            yield gateway
            self.gateway = None

    async def passes(self, seconds: float) -> None:
        """So much time goes by; what is written meanwhile is durable in the end."""
        for _ in range(round(seconds / STEP_S)):
            await self.clock.advance(STEP_S)
            await self.on.alarms.note(())  # behind everything that waits to be written

    async def until(self, met: Callable[[], Awaitable[bool]]) -> None:
        """Steps until something is so."""
        async with asyncio.timeout(PATIENCE_S):
            while not await met():
                await self.passes(STEP_S)

    async def alarms(self, *, open_only: bool = True) -> list[Alarm]:
        """Newest first."""
        return list(await self.on.alarms.listed(open_only=open_only, limit=100))

    async def shown(self, *, open_only: bool = True) -> list[tuple[str, bool]]:
        """The alarms by code and whether they last."""
        return [(one.cause.code, one.lasting) for one in await self.alarms(open_only=open_only)]

    async def become(self, *codes: str) -> None:
        """Steps until the alarms that last are these."""

        async def met() -> bool:
            return sorted(one.cause.code for one in await self.alarms() if one.lasting) == sorted(codes)

        await self.until(met)

    async def open(self, locker_id: int) -> OpenResult:
        """Opens a locker; time goes on until it is done."""
        task = asyncio.create_task(self.on.openings.open(Order(Place(locker_id, 1, locker_id), SYSTEM)))

        async def met() -> bool:
            return task.done()

        await self.until(met)
        return task.result()

    async def sql(self, statement: str) -> None:
        """Changes the database behind the gateway's back."""

        def run() -> None:
            with closing(connect(self.data / DATABASE)) as connection:
                connection.execute(statement)

        await asyncio.to_thread(run)

    async def get(self, path: str, field: str, value: object) -> bool:
        """Whether a field of an answer has this value."""
        answer = await self.call("GET", path)
        return bool(answer.json()[field] == value)

    async def call(self, method: str, path: str, body: Any = None) -> httpx2.Response:
        """One request from this machine."""
        transport = httpx2.ASGITransport(app=self.on.app, client=("127.0.0.1", 50_000))
        async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1:8080") as client:
            return await client.request(method, path, json=body)


@asynccontextmanager
async def scene(directory: Path, *, lockers: int = 3, webhook: str = "") -> AsyncIterator[Scene]:
    """A founded site whose one board is a cabinet in memory; the gateway is not running yet."""
    clock = WallClock()
    async with Emulator("wkly", locks=lockers, transport="pipe", name=f"c-{directory.name}", clock=clock) as cabinet:
        file = site_file(directory / "site.toml", [(f"virtual://{cabinet.name}?lockers={lockers}", lockers)])
        data = directory / "data"
        await asyncio.to_thread(functools.partial(initialise, data, file, "correct horse battery staple"))
        yield Scene(data, clock, cabinet, ServiceSettings(alarm_webhook_url=webhook))
