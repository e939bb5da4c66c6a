"""A cloud process on a database made for one test, with the example catalog and two organizations."""

import base64
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

from harness.api import Api, Reply
from harness.processes import Service, openharbor, serving, start

TOWER = "0100000000000014"
PRIVATE_TOWER = "0100000000000175"
TOKEN_PATH = "/realms/harbor/protocol/openid-connect/token"


@dataclass(frozen=True)
class Client:
    """A client of an organization."""

    client_id: str
    secret: str


@dataclass(frozen=True)
class CloudDatabase:
    """An initialised database: its URL, its master key file, a client of each organization."""

    url: str
    master_key_file: Path
    acme: Client
    library: Client

    @property
    def flags(self) -> tuple[str, ...]:
        return ("--database", self.url, "--master-key-file", str(self.master_key_file))


@dataclass(frozen=True)
class Cloud:
    """A running cloud."""

    database: CloudDatabase
    service: Service

    @property
    def url(self) -> str:
        return self.service.url

    def api(self, client: Client | None = None) -> Api:
        """The service-provider API for one organization's client; Acme's if left out."""
        return bearer(self.url, token(self.url, client or self.database.acme))


def token(url: str, client: Client, scope: str = "service_provider") -> str:
    """A fresh access token."""
    basic = base64.b64encode(f"{client.client_id}:{client.secret}".encode()).decode()
    form = urlencode({"grant_type": "client_credentials", "scope": scope}).encode()
    reply = Api(url).call(
        "POST", TOKEN_PATH, form, Content_Type="application/x-www-form-urlencoded", Authorization=f"Basic {basic}"
    )
    assert reply.status == 200, reply
    return str(reply.body["access_token"])


def bearer(url: str, access_token: str) -> Api:
    return Api(url, {"Authorization": f"Bearer {access_token}"})


def new_database(directory: Path, url: str | None = None, *, catalog: Path | None = None) -> CloudDatabase:
    """`cloud init`, `import`, `organization create` twice and `tower provision` of the public tower."""
    directory.mkdir(parents=True, exist_ok=True)
    url = url or f"sqlite:///{directory}/cloud.db"
    key = directory / "master.key"
    flags = ("--database", url, "--master-key-file", str(key))
    openharbor("cloud", "init", *flags)
    openharbor("cloud", "import", "--database", url, str(catalog or example_catalog()))
    acme, library = (new_client(flags, name) for name in ("Acme Parcels", "Central Library"))
    for tower in (TOWER, PRIVATE_TOWER) if catalog is None else ():
        openharbor("cloud", "tower", "provision", *flags, tower, "--out", str(directory / f"{tower}.json"))
    return CloudDatabase(url, key, acme, library)


def new_client(flags: tuple[str, ...], name: str) -> Client:
    made = json.loads(openharbor("cloud", "organization", "create", *flags, name, "--json").stdout)
    return Client(made["clientId"], made["clientSecret"])


def example_catalog() -> Path:
    """The catalog that ships."""
    from openharbor.cloud.examples import CATALOG

    return CATALOG


@contextmanager
def cloud(database: CloudDatabase, log: Path, *flags: str, env: dict[str, str] | None = None) -> Iterator[Cloud]:
    """Serves for the time of a block and must end cleanly."""
    with serving("cloud", "serve", *database.flags, "--port", "0", *flags, log=log, env=env) as service:
        yield Cloud(database, service)


def start_cloud(database: CloudDatabase, log: Path, *flags: str, env: dict[str, str] | None = None) -> Cloud:
    """Serves until it is stopped or killed."""
    return Cloud(database, start("cloud", "serve", *database.flags, "--port", "0", *flags, log=log, env=env))


def lockers(api: Api, tower: str = TOWER) -> list[dict[str, object]]:
    reply: Reply = api.get(f"/api/v1/towers/{tower}/lockers")
    assert reply.status == 200, reply
    found: list[dict[str, object]] = reply.body
    return found
