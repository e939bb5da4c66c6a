"""The accounts of a cloud in one process: real database, real keys, a stepped clock, its operations over ASGI."""

import os
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2

from openharbor.cloud import migrations
from openharbor.cloud.accounts import operator_commands, routes
from openharbor.cloud.accounts.issuer_keys import Fetch
from openharbor.cloud.accounts.wiring import Accounts, open_accounts
from openharbor.cloud.master_key import Vault, load_vault
from openharbor.cloud.parts import CloudParts
from openharbor.cloud.settings import CloudSettings
from openharbor.kit.clock import SteppedClock
from openharbor.kit.database.face import Database
from openharbor.kit.database.migrations import upgrade
from openharbor.kit.database.numbers import Numbers
from openharbor.kit.database.opening import open_database
from openharbor.kit.http.app import App, make_app
from openharbor.kit.http.error_styles import DETAIL_STYLE
from openharbor.kit.http.operation import Answer, Call, Operation

PUBLIC = "https://lockers.example.com"
TOKEN, CERTS = routes.TOKEN, routes.CERTS
HOME = "203.0.113.7"
LINKS = {"link-token": 77}


@dataclass
class Cloud:
    """One process. `clients`: secrets by client id."""

    database: Database
    clock: SteppedClock
    vault: Vault
    accounts: Accounts
    app: App
    numbers: Numbers
    secrets: dict[str, str] = field(default_factory=dict)

    async def organization(self, name: str, **options: Any) -> dict[str, Any]:
        """What the command line does; the running process learns of it by itself."""
        made = await operator_commands.create_organization(
            self.database, self.numbers, name, now=self.clock.now(), random=os.urandom, **options
        )
        self.secrets[made["clientId"]] = made["clientSecret"]
        return made

    async def request(
        self, method: str, path: str, *, address: str = HOME, headers: Mapping[str, Any] | None = None, **sent: Any
    ) -> httpx2.Response:
        transport = httpx2.ASGITransport(self.app, client=(address, 40_000))
        async with httpx2.AsyncClient(transport=transport, base_url="http://localhost") as client:
            return await client.request(method, path, headers=headers, **sent)

    async def ask_token(self, client_id: str = "acme", *, address: str = HOME, **fields: str) -> httpx2.Response:
        """A token request with the credentials in the form; `fields` are put instead."""
        form = {"grant_type": "client_credentials", "client_id": client_id, "client_secret": "", **fields}
        form["client_secret"] = form["client_secret"] or self.secrets.get(client_id, "unknown")
        return await self.request("POST", TOKEN, address=address, data=form)

    async def token(self, client_id: str = "acme", **fields: str) -> str:
        answered = await self.ask_token(client_id, **fields)
        assert answered.status_code == 200, answered.text
        return str(answered.json()["access_token"])

    async def call(self, path: str, token: str | None = None, **sent: Any) -> httpx2.Response:
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        return await self.request("POST", path, headers=headers, **sent)


async def whoami(call: Call) -> Answer:
    caller = call.caller
    return Answer(200, [caller.kind, caller.name, caller.tenant, sorted(caller.scopes), dict(caller.claims)])


WHOAMI = [
    Operation(f"whoami_{scope}", "POST", f"/whoami/{scope}", whoami, scope)
    for scope in ("service_provider", "tower_access", "link")
] + [Operation("whoami_none", "POST", "/whoami/none", whoami, None)]


@asynccontextmanager
async def running(
    database: Database, vault: Vault, clock: SteppedClock, *, fetch: Fetch | None = None, **settings: Any
) -> AsyncIterator[Cloud]:
    """A process on a database that has a signing key."""
    chosen = CloudSettings(public_url=PUBLIC, **settings)
    accounts = await open_accounts(database, vault, clock, chosen, PUBLIC, read_link=LINKS.get, fetch=fetch)
    numbers = Numbers(database)
    parts = CloudParts(
        database=database,
        clock=clock,
        numbers=numbers,
        vault=vault,
        access_tokens=accounts.access_tokens,
        settings=chosen,
        public_url=PUBLIC,
        link_secret=bytes(32),
        random=os.urandom,
        wake_webhooks=lambda: None,
    )
    app = make_app(
        [*routes.operations(parts, accounts), *WHOAMI],
        gatekeeper=accounts.gatekeeper,
        clock=clock,
        error_style=DETAIL_STYLE,
        either_slash=True,
        name="cloud",
    )
    yield Cloud(database, clock, vault, accounts, app, numbers)


@asynccontextmanager
async def opened(
    url: str, key_file: Path, clock: SteppedClock, *, algorithm: Any = "EdDSA"
) -> AsyncIterator[tuple[Database, Vault]]:
    """A database with its first signing key, as `cloud init` leaves it."""
    upgrade(url, migrations.FOLDER, migrations.HEAD)
    vault = load_vault(key_file, create=True)
    async with AsyncExitStack() as stack:
        database = open_database(url, threads=4)
        stack.push_async_callback(database.close)
        await operator_commands.ensure_signing_key(
            database, vault, now=clock.now(), random=os.urandom, algorithm=algorithm
        )
        yield database, vault
