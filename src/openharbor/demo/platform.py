"""What the delivery is played on: a cloud with the example catalog, served over HTTP, and a shop that hears of it."""

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import msgspec

from openharbor.blink import keys, provisioning
from openharbor.blink.opening import OPEN, KeyRing, open_sealed
from openharbor.cloud import commands
from openharbor.cloud.examples import CATALOG
from openharbor.cloud.serve import serving
from openharbor.cloud.settings import CloudSettings
from openharbor.demo.narration import Unseen
from openharbor.kit.clock import Clock

TOWER = "0100000000000014"
REALM = "/realms/harbor/protocol/openid-connect/token"
OK = b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n"


@dataclass(slots=True)
class Shop:
    """A service provider's backend, as far as webhooks are concerned. `heard`: their bodies, in order."""

    url: str
    heard: list[dict[str, Any]] = field(default_factory=list)

    def sources(self, locker_id: int) -> list[str]:
        """What caused each that is about this locker, in order."""
        return [one["data"]["source"] for one in self.heard if one["data"]["locker_id"] == locker_id]


@dataclass(slots=True)
class Platform:
    """The parts of the story. `client_id` and `client_secret`: the shop's. `provision`: the tower's file."""

    cloud: "Cloud"
    url: str
    client_id: str
    client_secret: str
    provision: provisioning.Provision
    shop: Shop
    client: httpx2.AsyncClient

    async def sign_in(self) -> str:
        """The shop's access token, sent with every call from now on."""
        form = {"grant_type": "client_credentials", "scope": "service_provider"}
        answer = await self.client.post(REALM, data=form, auth=(self.client_id, self.client_secret))
        if answer.status_code != 200:
            raise Unseen(f"the token endpoint answered {answer.status_code}: {answer.text}")
        token: str = answer.json()["access_token"]
        self.client.headers["Authorization"] = f"Bearer {token}"
        return token

    async def call(self, method: str, path: str, status: int, body: object = None) -> Any:
        """One request to the service-provider API; its JSON. Raises Unseen for another status than the expected."""
        answer = await self.client.request(method, f"/api/v1{path}", json=body)
        if answer.status_code != status:
            raise Unseen(f"{method} {path} answered {answer.status_code}: {answer.text}")
        return answer.json() if answer.content else None

    async def reserve(self, kind: str) -> dict[str, Any]:
        """A free locker of this type, reserved for 300 s."""
        lockers = await self.call("GET", f"/towers/{TOWER}/lockers", 200)
        free = [one for one in lockers if one["status"]["name"] == "available" and one["type"]["name"] == kind]
        if not free:
            raise Unseen(f"a {kind} locker is available")
        path = f"/towers/{TOWER}/lockers/{free[0]['id']}/reservations"
        reservation = await self.call("POST", path, 200, {"duration": 300})
        locker: dict[str, Any] = reservation["locker"]
        return locker

    async def mint(self, locker: dict[str, Any], client_info: str) -> dict[str, Any]:
        """A drop-off token for it, good for 3,000 s."""
        path = f"/towers/{TOWER}/lockers/{locker['id']}/dropoff-locker-tokens"
        token: dict[str, Any] = await self.call("POST", path, 200, {"client_info": client_info, "duration": 3000})
        return token

    async def locker(self, locker: dict[str, Any]) -> dict[str, Any]:
        """The same locker as it is now."""
        lockers = await self.call("GET", f"/towers/{TOWER}/lockers", 200)
        return next(one for one in lockers if one["id"] == locker["id"])

    async def phone_token(self, user: str) -> str:
        """An access token for a user's phone."""
        token: str = (await self.call("POST", "/login/authorize", 200, {"userId": user}))["access_token"]
        return token

    async def answers(self) -> bool:
        """Whether anybody does, where the cloud was."""
        try:
            await self.client.get("/health")
        except httpx2.TransportError:
            return False
        return True

    def opened(self, token: dict[str, Any]) -> dict[int, Any]:
        """What the tower reads in a locker token, by the only key it has. Raises Rejected where it would refuse it."""
        key = keys.derive(bytes.fromhex(self.provision.key.root), self.provision.key.rotation)
        payload, auth = bytes.fromhex(token["payload"]), bytes.fromhex(token["payload_auth"])
        return dict(open_sealed(OPEN, KeyRing({key.rotation: key}, {}), payload, auth, bytes.fromhex(TOWER)))


class Cloud:
    """The cloud of the story, which can be stopped and started again where it was."""

    def __init__(self, database: str, key: Path, clock: Clock) -> None:
        self._database, self._key, self._clock = database, key, clock
        self._port = 0
        self._running = AsyncExitStack()

    async def start(self) -> str:
        """Its URL."""
        settings = CloudSettings(port=self._port)
        url = await self._running.enter_async_context(serving(self._database, self._key, settings, self._clock))
        self._port = int(url.rpartition(":")[2])
        return url

    async def stop(self) -> None:
        await self._running.aclose()


@asynccontextmanager
async def on_platform(clock: Clock) -> AsyncIterator[Platform]:
    """Sets everything up in a directory of its own, and takes it away afterwards."""
    with tempfile.TemporaryDirectory(prefix="openharbor-demo-") as folder:
        database, key, file = f"sqlite:///{folder}/cloud.db", Path(folder) / "master.key", Path(folder) / "tower.json"
        await commands.initialise(database, key)
        await commands.import_catalog_file(database, CATALOG, CloudSettings())
        made = await commands.create_organization(database, key, "Acme Parcels", None)
        await commands.provision_tower(database, key, TOWER, file, None)
        provision = provisioning.read(await asyncio.to_thread(file.read_bytes))
        cloud = Cloud(database, key, clock)
        async with AsyncExitStack() as stack:
            shop = await stack.enter_async_context(_shop())
            stack.push_async_callback(cloud.stop)
            url = await cloud.start()
            client = await stack.enter_async_context(httpx2.AsyncClient(base_url=url, timeout=20))
            yield Platform(cloud, url, made["clientId"], made["clientSecret"], provision, shop, client)


@asynccontextmanager
async def _shop() -> AsyncIterator[Shop]:
    shop = Shop("")

    async def hear(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
        length = int(head.partition("content-length:")[2].partition("\r\n")[0])
        shop.heard.append(msgspec.json.decode(await reader.readexactly(length)))
        writer.write(OK)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(hear, "127.0.0.1", 0)
    shop.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hooks/lockers"
    try:
        yield shop
    finally:
        server.close()
        await server.wait_closed()
