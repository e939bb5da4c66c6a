"""Lockers of a cloud in one process: real database, real seals, a stepped clock, its operations over ASGI."""

import asyncio
import base64
import json
import os
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import httpx2
import msgspec

from openharbor.cloud.links import link_tokens
from openharbor.cloud.links import routes as link_routes
from openharbor.cloud.lockers import routes as locker_routes
from openharbor.cloud.lockers.attempts import Attempt
from openharbor.cloud.lockers.change import Change
from openharbor.cloud.lockers.locker import Locker, Status
from openharbor.cloud.lockers.store import keep
from openharbor.cloud.master_key import Vault
from openharbor.cloud.parts import CloudParts
from openharbor.cloud.scope import INSTALLATION, TenantScope
from openharbor.cloud.settings import CloudSettings
from openharbor.kit.clock import SteppedClock
from openharbor.kit.database.face import Database, Row, Transaction
from openharbor.kit.database.numbers import Numbers
from openharbor.kit.errors import Refusal
from openharbor.kit.http.app import App, make_app
from openharbor.kit.http.error_styles import DETAIL_STYLE
from openharbor.kit.http.operation import Caller, Operation

PUBLIC_URL = "https://lockers.example.com"
ACME, RIVAL = 12, 13
TOWER, CLOSED_TOWER, SECOND_TOWER = "0100000000000014", "0100000000000175", "01000000000000aa"
LOCATION, CLOSED_LOCATION, EMPTY_LOCATION = 54, 55, 56
SMALL, MEDIUM, LARGE = 1, 2, 3
ROOT_KEY = bytes(range(32))
LINK_SECRET = bytes(32)
FIRST_LOCKER = 900
CLIENTS = {"acme": ACME, "rival": RIVAL}


class PlainTokens:
    """What a token would say, for tests to read."""

    def issue(
        self,
        client_id: str,
        scope: str,
        *,
        now: int,
        lives_s: int,
        user_id: str | None = None,
        tower_id: str | None = None,
        organization_id: int | None = None,
    ) -> str:
        said = {
            "sub": client_id,
            "scope": scope,
            "exp": now // 1000 + lives_s,
            "user_id": user_id,
            "tower_id": tower_id,
            "organization_id": organization_id,
        }
        return base64.urlsafe_b64encode(json.dumps(said).encode()).decode()


def said_by(token: str) -> dict[str, Any]:
    said: dict[str, Any] = json.loads(base64.urlsafe_b64decode(token))
    return said


class Gatekeeper:
    """`Bearer acme` and `Bearer rival` are clients; what `link_tokens` made is good for its link."""

    def admit(self, operation: Operation, headers: Mapping[str, str], address: str, _now: int) -> Caller | Refusal:
        shown = headers.get("authorization", "").removeprefix("Bearer ")
        if operation.scope == "link":
            link_id = link_tokens.verify(LINK_SECRET, shown)
            if link_id is None:
                return Refusal("UNAUTHORIZED", 401, "Could not validate credentials")
            return Caller("link", None, address, scopes=frozenset({"link"}), claims={"request_id": link_id})
        if shown not in CLIENTS:
            return Refusal("UNAUTHORIZED", 401, "Not authenticated")
        return Caller("client", shown, address, shown, frozenset({"service_provider"}), CLIENTS[shown])

    def refused(self, operation: Operation, refusal: Refusal, caller: Caller | None, address: str) -> None:
        pass


@dataclass
class Reply:
    """`body` as JSON; None where there is none."""

    status: int
    body: Any


@dataclass
class Rig:
    """One process of the cloud, with what it needs of it."""

    database: Database
    clock: SteppedClock
    vault: Vault
    parts: CloudParts
    app: App
    woken: list[int] = field(default_factory=list)

    def clone(self, *, random: Callable[[int], bytes]) -> "Rig":
        """Another process on the same database, with this randomness."""
        parts = replace(self.parts, random=random)
        return Rig(self.database, self.clock, self.vault, parts, app_of(parts), self.woken)

    async def call(self, method: str, path: str, body: object = None, *, by: str = "acme", **sent: Any) -> Reply:
        """One request. `by`: whose token."""
        if body is not None:
            sent["json"] = body
        transport = httpx2.ASGITransport(self.app)
        async with httpx2.AsyncClient(transport=transport, base_url="http://localhost/api/v1") as client:
            answered = await client.request(method, path, headers={"Authorization": f"Bearer {by}"}, **sent)
        return Reply(answered.status_code, answered.json() if answered.content else None)

    async def get(self, path: str, *, by: str = "acme") -> Reply:
        return await self.call("GET", path, by=by)

    async def post(self, path: str, body: object = None, *, by: str = "acme", **sent: Any) -> Reply:
        return await self.call("POST", path, body, by=by, **sent)

    async def delete(self, path: str, *, by: str = "acme") -> Reply:
        return await self.call("DELETE", path, by=by)

    async def rows(self, sql: str, **values: object) -> list[Row]:
        return await self.database.read(lambda tx: tx.all(sql, **values))

    async def audited(self) -> list[tuple[str, str, str]]:
        """Actor, action and outcome of every attempt."""
        rows = await self.rows("SELECT actor, action, outcome FROM audit ORDER BY id")
        return [(row["actor"], row["action"], row["outcome"]) for row in rows]

    async def events(self) -> list[tuple[int, str, str, str | None]]:
        """To which organization, event, source and status: by organization, locker and order."""
        rows = await self.rows(
            "SELECT e.organization_id, d.body FROM webhook_deliveries d"
            " JOIN webhook_endpoints e ON e.id = d.endpoint_id ORDER BY e.id, d.locker_id, d.sequence"
        )
        found = []
        for row in rows:
            body = json.loads(row["body"])
            found.append((row["organization_id"], body["event"], body["data"]["source"], body["data"]["locker_status"]))
        return found

    async def locker(self, locker_id: int) -> Locker:
        rows = await self.rows("SELECT state FROM lockers WHERE id = :id", id=locker_id)
        return msgspec.json.decode(rows[0]["state"], type=Locker)

    async def put(self, locker: Locker, change: Callable[[Locker], Locker]) -> Locker:
        """Writes another state of a locker, as something that its tower reported."""
        after = change(locker)
        await self.database.write(
            partial(keep, INSTALLATION, change=Change(row="C1", locker=after), now=self.clock.now(), new_message_id=str)
        )
        return after

    async def drop_off(self, locker_id: int) -> Locker:
        """Somebody puts a parcel into a rented locker, and the cloud knows of it."""

        def occupied(locker: Locker) -> Locker:
            report = msgspec.structs.replace(
                locker.report,
                taken=True,
                generation=locker.generation,
                locker_token=locker.assignment.locker_token if locker.assignment else "",
            )
            return msgspec.structs.replace(locker, status=Status.OCCUPIED, hold=None, report=report)

        return await self.put(await self.locker(locker_id), occupied)

    async def until(self, condition: Callable[[], Awaitable[bool]]) -> None:
        """Waits for what another task does."""
        while not await condition():  # noqa: ASYNC110  # what is waited for has no event
            await asyncio.sleep(0.01)

    def attempt(self, action: str = "test", actor: str = "client:acme") -> Attempt:
        now = self.clock.now()
        return Attempt(action=action, actor=actor, now=now, new_message_id=lambda: f"msg_{os.urandom(8).hex()}")


def path(locker_id: int = FIRST_LOCKER, tower_id: str = TOWER) -> str:
    """Of a locker in the API."""
    return f"/towers/{tower_id}/lockers/{locker_id}"


def rig(database: Database, vault: Vault, clock: SteppedClock) -> Rig:
    woken: list[int] = []
    parts = CloudParts(
        database=database,
        clock=clock,
        numbers=Numbers(database),
        vault=vault,
        access_tokens=PlainTokens(),
        settings=CloudSettings(),
        public_url=PUBLIC_URL,
        link_secret=LINK_SECRET,
        random=os.urandom,
        wake_webhooks=lambda: woken.append(clock.now()),
    )
    return Rig(database, clock, vault, parts, app_of(parts), woken)


def app_of(parts: CloudParts) -> App:
    return make_app(
        [*locker_routes.operations(parts), *link_routes.operations(parts)],
        gatekeeper=Gatekeeper(),
        clock=parts.clock,
        error_style=DETAIL_STYLE,
        either_slash=True,
        name="cloud",
    )


# What is in the database ------------------------------------------------------


def populate(tx: Transaction, vault: Vault, *, lockers: int = 4) -> None:
    """Two organizations, a public tower with small lockers and one of the rival's own, each with a key."""
    for name, number in CLIENTS.items():
        _insert(tx, "organizations", id=number, name=name, created_at=0)
        _insert(
            tx,
            "clients",
            client_id=name,
            organization_id=number,
            secret_digest="",
            scopes="service_provider",
            created_at=0,
        )
        _endpoint(tx, number)
    for number, name in ((SMALL, "small"), (MEDIUM, "medium"), (LARGE, "large")):
        _insert(
            tx,
            "locker_types",
            id=number,
            name=name,
            display_name=name.title(),
            width_mm=1,
            height_mm=1,
            depth_mm=number,
        )
    for number, key in ((LOCATION, "library"), (CLOSED_LOCATION, "staff-room"), (EMPTY_LOCATION, "empty")):
        _insert(
            tx,
            "locations",
            id=number,
            key=key,
            name=key,
            address1="1 Street",
            city="City",
            state="NC",
            zip="1",
            country="US",
        )
    add_tower(tx, vault, TOWER, LOCATION)
    add_tower(tx, vault, CLOSED_TOWER, CLOSED_LOCATION, access="private")
    _insert(tx, "tower_organizations", tower_id=CLOSED_TOWER, organization_id=RIVAL)
    for place in range(lockers):
        add_locker(tx, FIRST_LOCKER + place, TOWER, place + 1)
    add_locker(tx, 800, CLOSED_TOWER, 1)


def add_tower(tx: Transaction, vault: Vault, tower_id: str, location_id: int, *, access: str = "public") -> None:
    _insert(
        tx,
        "towers",
        id=tower_id,
        location_id=location_id,
        name="Foyer",
        access=access,
        for_test=0,
        system_id=1,
        tower_model_id=1,
        rotation=1,
    )
    _insert(
        tx,
        "tower_keys",
        tower_id=tower_id,
        rotation=1,
        state="active",
        sealed_root=vault.seal(ROOT_KEY),
        created_at=0,
        changed_at=0,
    )


def add_locker(
    tx: Transaction,
    locker_id: int,
    tower_id: str,
    number: int,
    *,
    type_id: int = SMALL,
    low: bool = False,
    status: Status = Status.AVAILABLE,
) -> None:
    state = Locker(locker_id=locker_id, tower_id=tower_id, number=number, type_id=type_id, status=status)
    _insert(
        tx,
        "lockers",
        id=locker_id,
        tower_id=tower_id,
        number=number,
        name=str(number),
        type_id=type_id,
        low=int(low),
        port=number,
        door_sensor="normal",
        status=int(status),
        state=msgspec.json.encode(state).decode(),
    )


def _endpoint(tx: Transaction, organization_id: int) -> None:
    _insert(
        tx,
        "webhook_endpoints",
        id=organization_id,
        organization_id=organization_id,
        url="https://receiver.example",
        events="[]",
        description="",
        enabled=1,
        sealed_secret="",
        created_at=0,
        updated_at=0,
    )


def _insert(tx: Transaction, table: str, **values: object) -> None:
    columns = ", ".join(values)
    named = ", ".join(f":{name}" for name in values)
    tx.execute(f"INSERT INTO {table} ({columns}) VALUES ({named})", **values)


def scope(organization_id: int = ACME) -> TenantScope:
    return TenantScope(organization_id)
