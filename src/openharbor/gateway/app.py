"""The composition root: opens the journal, wires boards, openings and the API, serves them, and stops in order."""

import asyncio
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from random import SystemRandom

import openharbor
from openharbor.boards.address import parse
from openharbor.boards.outcomes import BoardState
from openharbor.boards.timing import BoardSettings
from openharbor.boards.wiring import Wiring, wire
from openharbor.gateway.access import Access
from openharbor.gateway.alarm_desk import AlarmDesk
from openharbor.gateway.alarming import Alarming, start_alarms, wire_alarms
from openharbor.gateway.event_stream import EventStream
from openharbor.gateway.housekeeping import end_interrupted, keep_house
from openharbor.gateway.keeper import Keeper
from openharbor.gateway.location import DATABASE, migrate
from openharbor.gateway.messages import Storage
from openharbor.gateway.meters import Meters
from openharbor.gateway.open_all import OpenAll
from openharbor.gateway.open_requests import OpenRequests
from openharbor.gateway.opening import Openings
from openharbor.gateway.opening_journal import OpeningJournal, last_opening
from openharbor.gateway.opening_rules import OpenResult
from openharbor.gateway.parts import GatewayParts
from openharbor.gateway.refusals import Refusals
from openharbor.gateway.routes import operations
from openharbor.gateway.settings import ServiceSettings
from openharbor.gateway.system_views import health_body
from openharbor.gateway.watch import Watch, Watched
from openharbor.kit.clock import Clock
from openharbor.kit.database.sqlite import SqliteDatabase
from openharbor.kit.http.app import App, make_app
from openharbor.kit.http.limits import Limits
from openharbor.kit.http.origins import own_origins
from openharbor.kit.logs import LogRing
from openharbor.kit.metrics import new_registry, render

CONTRACT = Path(openharbor.__file__).parent / "contract" / "gateway-local.yaml"
OPEN_PATHS = ("/", "/admin", "/health")


@dataclass(frozen=True, slots=True)
class Gateway:
    """A gateway that runs. `app` is its API as ASGI; `drain` ends the openings, after which nothing is fired.

    `alarms` and `events`: what the Admin API shows.
    """

    app: App
    openings: Openings
    open_all: OpenAll
    alarms: AlarmDesk
    events: EventStream

    async def drain(self) -> None:
        await self.openings.drain()
        await self.open_all.drain()


@asynccontextmanager
async def running(data: Path, settings: ServiceSettings, clock: Clock, logs: LogRing) -> AsyncIterator[Gateway]:
    """A gateway on the journal in `data`, for the time of a block. Raises Failed when it cannot start."""
    migrate(data, existing=True)
    async with AsyncExitStack() as stack:
        keeper = Keeper()
        database = SqliteDatabase(data / DATABASE, observer=keeper, reserve_bytes=settings.reserve_bytes)
        stack.push_async_callback(database.close)
        await keeper.open(database)
        interrupted = await database.read(last_opening)
        await end_interrupted(keeper, clock, interrupted)  # before anybody asks for one of their keys
        wiring = _wire(keeper, clock)
        meters = Meters(new_registry())
        alarming = wire_alarms(
            keeper,
            database,
            settings,
            clock,
            live=lambda: watch.live,
            boards=partial(_board_states, wiring),
            told=meters.told,
        )
        watch = Watch(clock, alarming.watch.heard)
        _follow(keeper, wiring, watch)
        await start_alarms(stack, alarming, database, settings, clock, data)
        stack.push_async_callback(watch.stop)
        await wiring.start()
        stack.push_async_callback(wiring.stop)
        house = asyncio.create_task(keep_house(keeper, clock, interrupted))
        stack.callback(house.cancel)
        yield _gateway(keeper, database, wiring, watch, meters, alarming, settings, clock, logs)


def _wire(keeper: Keeper, clock: Clock) -> Wiring:
    def current() -> BoardSettings:
        settings = keeper.site.settings
        return BoardSettings(settings.pulse_ms, settings.open_detection_seconds)

    addresses = {one.controller_id: parse(one.address) for one in keeper.site.controllers.values()}
    return wire(addresses, clock=clock, settings=current, random=SystemRandom())


def _follow(keeper: Keeper, wiring: Wiring, watch: Watch) -> None:
    for controller in keeper.site.controllers.values():
        lockers = tuple(one for one in keeper.site.lockers.values() if one.bank_id == controller.controller_id)
        board = wiring.boards[controller.controller_id]
        watch.follow(Watched(controller, board, lockers, parse(controller.address).senses))


def _gateway(
    keeper: Keeper,
    database: SqliteDatabase,
    wiring: Wiring,
    watch: Watch,
    meters: Meters,
    alarming: Alarming,
    settings: ServiceSettings,
    clock: Clock,
    logs: LogRing,
) -> Gateway:
    def ended(result: OpenResult) -> None:
        meters.count(result)
        alarming.watch.ended(result)

    openings = Openings(OpeningJournal(keeper, clock), wiring.boards.__getitem__, clock, ended)
    open_all = OpenAll(openings, wiring.boards.__getitem__, clock)
    refusals = Refusals(keeper, clock)
    parts = GatewayParts(
        keeper=keeper,
        clock=clock,
        opening=OpenRequests(keeper, database, openings, open_all, refusals, clock),
        live=lambda: watch.live,
        boards=partial(_board_states, wiring),
        storage_state=lambda: database.state,
        storage=lambda: Storage(database.size_bytes(), database.free_bytes()),
        logs=logs,
        metrics=partial(render, meters.registry),
        version=openharbor.__version__,
        started_at=clock.now(),
        started=clock.monotonic(),
    )
    meters.show(partial(health_body, parts))
    meters.show_alarms(alarming.desk.counts)
    access = Access(lambda: keeper.site, clock, open_to_all=settings.open_to_all, audit=refusals.note)
    app = make_app(
        operations(parts),
        gatekeeper=access,
        clock=clock,
        contract=CONTRACT,
        limits=Limits(body_bytes=settings.body_bytes, requests_per_minute=settings.requests_per_minute),
        origins=own_origins(
            socket.gethostname(), settings.allowed_hosts, settings.allowed_origins, open_paths=OPEN_PATHS
        ),
        is_stopping=lambda: openings.stopping,
        registry=meters.registry,
    )
    return Gateway(app, openings, open_all, alarming.desk, alarming.events)


def _board_states(wiring: Wiring) -> Mapping[int, BoardState]:
    return {controller_id: board.state for controller_id, board in wiring.boards.items()}
