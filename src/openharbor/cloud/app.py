"""The composition root: opens the database, wires the parts, serves the APIs and runs the workers beside them."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import structlog
from prometheus_client import CollectorRegistry

import openharbor
from openharbor.cloud import system_routes
from openharbor.cloud.accounts import routes as account_routes
from openharbor.cloud.accounts.wiring import Accounts, open_accounts
from openharbor.cloud.catalog import routes as catalog_routes
from openharbor.cloud.links import link_tokens
from openharbor.cloud.links import routes as link_routes
from openharbor.cloud.location import Opened, link_secret_of, opened
from openharbor.cloud.lockers import routes as locker_routes
from openharbor.cloud.lockers.expiry import keep_expiring
from openharbor.cloud.parts import CloudParts
from openharbor.cloud.sdk import routes as sdk_routes
from openharbor.cloud.settings import CloudSettings
from openharbor.cloud.towers.alarms import TowerAlarms, keep_watching_gaps
from openharbor.cloud.webhooks import routes as webhook_routes
from openharbor.cloud.webhooks.dispatch import Sender
from openharbor.kit.clock import Clock
from openharbor.kit.http.app import App, make_app
from openharbor.kit.http.error_styles import DETAIL_STYLE
from openharbor.kit.http.limits import Limits
from openharbor.kit.http.operation import Operation
from openharbor.kit.http.origins import bearer_origins
from openharbor.kit.metrics import new_registry

log = structlog.get_logger("openharbor.cloud")

CONTRACTS = Path(openharbor.__file__).parent / "contract"


@asynccontextmanager
async def running(
    database_url: str, master_key_file: Path | None, settings: CloudSettings, clock: Clock, public_url: str
) -> AsyncIterator[App]:
    """The APIs on an existing database, with the workers beside them, for the time of a block.

    `public_url`: without a slash at the end. Raises Failed when it cannot start.
    """
    async with AsyncExitStack() as stack:
        cloud = await stack.enter_async_context(
            opened(database_url, master_key_file, threads=settings.database_threads)
        )
        link_secret = await cloud.database.write(partial(link_secret_of, vault=cloud.vault))
        accounts = await open_accounts(
            cloud.database,
            cloud.vault,
            clock,
            settings,
            public_url,
            read_link=partial(link_tokens.verify, link_secret),
        )
        sender = Sender(cloud.database, cloud.vault, settings, clock)
        parts = _parts(cloud, accounts, sender, settings, clock, public_url, link_secret)
        registry = new_registry()
        alarms = TowerAlarms(registry)
        await stack.enter_async_context(_beside(accounts.keep()))
        if settings.worker:
            await stack.enter_async_context(_beside(sender.run()))
            await stack.enter_async_context(_beside(keep_expiring(parts)))
            await stack.enter_async_context(_beside(keep_watching_gaps(parts, alarms, settings.gap_alarm_s)))
        yield _app(parts, accounts, alarms, registry)


def _parts(
    cloud: Opened,
    accounts: Accounts,
    sender: Sender,
    settings: CloudSettings,
    clock: Clock,
    public_url: str,
    link_secret: bytes,
) -> CloudParts:
    return CloudParts(
        database=cloud.database,
        clock=clock,
        numbers=cloud.numbers,
        vault=cloud.vault,
        access_tokens=accounts.access_tokens,
        settings=settings,
        public_url=public_url,
        link_secret=link_secret,
        random=secrets.token_bytes,
        wake_webhooks=sender.wake,
    )


def operations(parts: CloudParts, accounts: Accounts, alarms: TowerAlarms) -> list[Operation]:
    """What the cloud serves."""
    return [
        *account_routes.operations(parts, accounts),
        *catalog_routes.operations(parts),
        *locker_routes.operations(parts),
        *link_routes.operations(parts),
        *webhook_routes.operations(parts),
        *sdk_routes.operations(parts, accounts, alarms),
    ]


def _app(parts: CloudParts, accounts: Accounts, alarms: TowerAlarms, registry: CollectorRegistry) -> App:
    settings = parts.settings
    return make_app(
        [*operations(parts, accounts, alarms), *system_routes.operations(parts, registry)],
        gatekeeper=accounts.gatekeeper,
        clock=parts.clock,
        contracts=[
            (CONTRACTS / "service-provider.yaml", ""),
            (CONTRACTS / "accounts.yaml", account_routes.REALM),
            (CONTRACTS / "sdk.yaml", sdk_routes.PREFIX),
        ],
        error_style=DETAIL_STYLE,
        either_slash=True,
        limits=Limits(body_bytes=settings.body_bytes, bounds_unlimited=True),
        origins=bearer_origins(settings.allowed_origins),
        registry=registry,
        name="cloud",
    )


@asynccontextmanager
async def _beside(work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """A task for the time of a block. Should it end by itself, the block goes on and the log tells."""
    task = asyncio.create_task(work)
    task.add_done_callback(_tell_if_failed)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def _tell_if_failed(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and task.exception() is not None:
        log.error("What runs beside the APIs has ended", exc_info=task.exception())
