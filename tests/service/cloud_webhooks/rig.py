"""A database with two organizations, a sender on it, and what tests ask of both."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

from msgspec.structs import replace

from openharbor.cloud.lockers.change import Notice
from openharbor.cloud.master_key import Vault
from openharbor.cloud.scope import INSTALLATION, TenantScope
from openharbor.cloud.settings import CloudSettings
from openharbor.cloud.webhooks import outbox, store
from openharbor.cloud.webhooks.dispatch import Pace, Sender
from openharbor.cloud.webhooks.signing import Secrets
from openharbor.kit.clock import Clock
from openharbor.kit.database.face import Database, Row, Transaction
from openharbor.kit.webhooks import new_secret

T = TypeVar("T")

ACME, LIBRARY, SHOP = 1, 2, 3
PUBLIC, PRIVATE = "0100000000000014", "0100000000000175"  # the library alone has access to the second
SECRET = new_secret(b"openharbor example webhook key 1")
LONG_S = 60.0
NEVER_S = 1e9

BASICS = (
    "INSERT INTO organizations (id, name, created_at) VALUES (1, 'Acme', 0), (2, 'Library', 0), (3, 'Shop', 0)",
    "INSERT INTO locations (id, key, name, address1, city, state, zip, country)"
    " VALUES (1, 'here', 'Here', 'A', 'B', 'C', 'D', 'E')",
    "INSERT INTO towers (id, location_id, name, access, for_test, system_id, tower_model_id)"
    f" VALUES ('{PUBLIC}', 1, 'Open', 'public', 0, 1, 1), ('{PRIVATE}', 1, 'Closed', 'private', 0, 1, 1)",
    f"INSERT INTO tower_organizations (tower_id, organization_id) VALUES ('{PRIVATE}', 2)",
)

RESERVED = Notice(
    event="LOCKER_ASSIGNED",
    source="LOCKER_RESERVED",
    organization_id=ACME,
    tower_id=PUBLIC,
    at=1_763_892_000_000,
    locker_id=959,
    status="reserved",
    reservation_id=1,
)
SYNCED = Notice(
    event="TOWER_SYNCED",
    source="TOWER_SYNCED",
    organization_id=None,
    tower_id=PUBLIC,
    at=1_763_892_000_000,
    event_start=1,
    event_count=1,
    synced_until=1_763_892_000,
)


def populate(tx: Transaction) -> None:
    for statement in BASICS:
        tx.execute(statement)


@dataclass
class Rig:
    """Endpoints and events by hand; ids count up."""

    database: Database
    vault: Vault
    clock: Clock
    _numbers: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))

    def new_id(self) -> str:
        return f"msg_{next(self._numbers):026d}"

    async def endpoint(self, url: str, *, organization: int = ACME, events: tuple[str, ...] = ()) -> int:
        """An enabled endpoint with the secret SECRET; its id."""
        endpoint = store.Endpoint(
            id=next(self._numbers),
            organization_id=organization,
            url=url,
            events=events,
            description="",
            enabled=True,
            secrets=Secrets(self.vault.seal(SECRET.encode())),
            created_at=self.clock.now(),
            updated_at=self.clock.now(),
        )
        await self.database.write(partial(store.add, TenantScope(organization), endpoint=endpoint))
        return endpoint.id

    async def record(self, *notices: Notice) -> None:
        await self.database.write(
            partial(outbox.record, INSTALLATION, notices=notices, recorded_at=self.clock.now(), new_id=self.new_id)
        )

    async def happens(self, count: int, locker: int = 959) -> None:
        """So many events of a locker, numbered from 1 by their reservation."""
        await self.record(
            *(replace(RESERVED, locker_id=locker, reservation_id=number) for number in range(1, count + 1))
        )

    async def deliveries(self) -> list[Row]:
        """All, in the order in which they were recorded."""
        return await self.database.read(lambda tx: tx.all("SELECT * FROM webhook_deliveries ORDER BY id"))

    async def delivery(self) -> Row:
        (only,) = await self.deliveries()
        return only

    async def eventually(self, holds: Callable[[list[Row]], bool]) -> list[Row]:
        """The deliveries once they are as wanted."""
        async with asyncio.timeout(LONG_S):
            while not holds(rows := await self.deliveries()):  # noqa: ASYNC110  # a database tells nobody
                await asyncio.sleep(0.005)
        return rows

    async def all_are(self, status: str) -> list[Row]:
        return await self.eventually(lambda rows: all(row["status"] == status for row in rows))

    async def run(self, sql: str, **values: Any) -> int:
        return await self.database.write(lambda tx: tx.execute(sql, **values))

    def sender(self, **options: Any) -> Sender:
        options.setdefault("pace", Pace(attempt=20.0, lease=45.0, poll=NEVER_S, parting=0.0))
        return Sender(self.database, self.vault, CloudSettings(), self.clock, **options)


@asynccontextmanager
async def sending(sender: Sender) -> AsyncIterator[Sender]:
    """Runs it for the time of a block."""
    task = asyncio.create_task(sender.run())
    try:
        yield sender
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
