"""The SDK API of a cloud in one process: real database, real accounts and seals, a stepped clock, over ASGI."""

import json
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx2

from harness.cloud_rig import ROOT_KEY, TOWER, add_tower
from openharbor.blink.batches import Batch, encode_batch
from openharbor.blink.cbor import Fields, decode
from openharbor.blink.keys import derive
from openharbor.blink.sealing import seal, unseal
from openharbor.cloud.accounts import operator_commands
from openharbor.cloud.accounts.wiring import Accounts, open_accounts
from openharbor.cloud.app import operations
from openharbor.cloud.master_key import Vault
from openharbor.cloud.parts import CloudParts
from openharbor.cloud.settings import CloudSettings
from openharbor.cloud.towers.alarms import TowerAlarms
from openharbor.kit.clock import SteppedClock
from openharbor.kit.database.face import Database, Row, Transaction
from openharbor.kit.database.numbers import Numbers
from openharbor.kit.http.app import App, make_app
from openharbor.kit.http.error_styles import DETAIL_STYLE
from openharbor.kit.metrics import new_registry

PUBLIC = "https://lockers.example.com"
HOME = "203.0.113.7"
TEST_TOWER, NEW_TOWER, NOWHERE = "01000000000000bb", "01000000000000cc", "01000000000000ff"
KEY = derive(ROOT_KEY, 1)
MOST_BYTES = 4096


@dataclass
class Room:
    """One process of the cloud. `woken`: how often webhooks were waked."""

    database: Database
    clock: SteppedClock
    accounts: Accounts
    app: App
    woken: list[int] = field(default_factory=list)

    def token(self, client_id: str = "acme", scope: str = "tower_access", **claims: Any) -> str:
        """An access token of a client, good for an hour."""
        lives_s = claims.pop("lives_s", 3600)
        return self.accounts.access_tokens.issue(client_id, scope, now=self.clock.now(), lives_s=lives_s, **claims)

    def of_end_user(self, user_id: str = "Ada") -> str:
        return self.token(user_id=user_id)

    def of_link(self, tower_id: str = TOWER) -> str:
        return self.token(user_id="link-77", tower_id=tower_id)

    async def request(
        self, method: str, path: str, *, token: str | None = None, address: str = HOME, **sent: Any
    ) -> httpx2.Response:
        headers = {"Authorization": f"Bearer {token}"} if token is not None else {}
        headers |= sent.pop("headers", {})
        transport = httpx2.ASGITransport(self.app, client=(address, 40_000))
        async with httpx2.AsyncClient(transport=transport, base_url="http://localhost/sdk/v1") as client:
            return await client.request(method, path, headers=headers, **sent)

    async def get(self, place: str, *, tower: str = TOWER, token: str | None = None) -> httpx2.Response:
        """Of a tower; with a token of Acme's if none is given."""
        return await self.request("GET", f"/towers/{tower}/{place}", token=token or self.token())

    async def post(
        self, place: str, body: object = None, *, tower: str = TOWER, token: str | None = None, **sent: Any
    ) -> httpx2.Response:
        if body is not None:
            sent["json"] = body
        return await self.request("POST", f"/towers/{tower}/{place}", token=token or self.token(), **sent)

    async def session(self, *claims: str, duration: int = 3600, **asked: Any) -> httpx2.Response:
        return await self.post("session-token", {"duration": duration, "claims": list(claims)}, **asked)

    async def sign_in(self, username: str, password: str, *, address: str = HOME) -> httpx2.Response:
        form = {"username": username, "password": password}
        return await self.request("POST", "/login/access-token", data=form, address=address)

    async def operator(self, email: str, password: str) -> None:
        """What `cloud operator create` does."""
        await operator_commands.create_operator(self.database, email, password, now=self.clock.now(), random=os.urandom)

    async def allow(self, client_id: str, *claims: str) -> None:
        """What `cloud client claims` does."""
        await operator_commands.allow_claims(self.database, client_id, claims, now=self.clock.now())

    async def rows(self, sql: str, **values: object) -> list[Row]:
        return await self.database.read(lambda tx: tx.all(sql, **values))

    async def audited(self, action: str) -> list[Row]:
        return await self.rows(
            "SELECT actor, organization_id, tower_id, outcome, details FROM audit WHERE action = :action ORDER BY id",
            action=action,
        )


def opened(answered: httpx2.Response) -> Fields:
    """What the tower finds in a session token."""
    body = answered.json()
    return decode(unseal({1: KEY}, bytes.fromhex(body["payload"]), bytes.fromhex(body["payload_auth"]), MOST_BYTES))


def event_packet(
    *events: Fields, first: int = 1, now_s: int, tower_id: str = TOWER, rotation: int = 1
) -> dict[str, Any]:
    """A batch as the tower seals it and a phone uploads it."""
    batch = Batch(
        sealed_at=now_s,
        tower_id=bytes.fromhex(tower_id),
        first=first,
        count=len(events),
        events=events,
        clock_state=0,
        epoch=1,
        boot_count=1,
    )
    sealed = seal(derive(ROOT_KEY, rotation), encode_batch(batch), os.urandom(16))
    return {
        "syncEventStart": first,
        "syncEventCount": len(events),
        "payload": sealed.payload.hex(),
        "payloadAuth": sealed.auth.hex(),
    }


def further_towers(tx: Transaction, vault: Vault) -> None:
    """A tower for test, and one that has no key yet."""
    add_tower(tx, vault, TEST_TOWER, 54)
    add_tower(tx, vault, NEW_TOWER, 54)
    tx.execute("UPDATE towers SET for_test = 1, description = 'On the bench' WHERE id = :id", id=TEST_TOWER)
    tx.execute("UPDATE towers SET rotation = NULL WHERE id = :id", id=NEW_TOWER)
    tx.execute("UPDATE clients SET scopes = 'service_provider tower_access'")


@asynccontextmanager
async def running(database: Database, vault: Vault, clock: SteppedClock, **settings: Any) -> AsyncIterator[Room]:
    """A process on a database that is populated."""
    chosen = CloudSettings(public_url=PUBLIC, **settings)
    await operator_commands.ensure_signing_key(database, vault, now=clock.now(), random=os.urandom)
    accounts = await open_accounts(database, vault, clock, chosen, PUBLIC, read_link=no_links)
    woken: list[int] = []
    parts = CloudParts(
        database=database,
        clock=clock,
        numbers=Numbers(database),
        vault=vault,
        access_tokens=accounts.access_tokens,
        settings=chosen,
        public_url=PUBLIC,
        link_secret=bytes(32),
        random=os.urandom,
        wake_webhooks=lambda: woken.append(clock.now()),
    )
    app = make_app(
        operations(parts, accounts, TowerAlarms(new_registry())),
        gatekeeper=accounts.gatekeeper,
        clock=clock,
        error_style=DETAIL_STYLE,
        either_slash=True,
        name="cloud",
    )
    yield Room(database, clock, accounts, app, woken)


def no_links(_text: str) -> int | None:
    return None


def details(row: Row) -> Mapping[str, Any]:
    found: Mapping[str, Any] = json.loads(row["details"])
    return found
