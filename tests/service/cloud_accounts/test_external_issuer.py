"""Trusting another OpenID Connect issuer instead of the own accounts (accounts.yaml, introduction)."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from openharbor.cloud.accounts.issuer_keys import REFRESH_S, SOONEST_S
from openharbor.cloud.accounts.jws import PrivateKey, algorithm_of, sign
from openharbor.cloud.accounts.signing_keys import make_key, read_private_key
from openharbor.cloud.accounts.wiring import open_accounts
from openharbor.cloud.master_key import Vault
from openharbor.cloud.settings import CloudSettings
from openharbor.kit.clock import SteppedClock
from openharbor.kit.database.face import Database
from openharbor.kit.errors import Failed

from .cloud import CERTS, PUBLIC, TOKEN, Cloud, running

TEST = "/api/v1/login/test-token"


@pytest.fixture
def database_url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/cloud.db"


@dataclass
class Sso:
    """An issuer on a socket. `pages`: what it answers by path; `asked`: the paths it was asked for."""

    url: str = ""
    private: dict[str, PrivateKey] = field(default_factory=dict)
    pages: dict[str, bytes] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def show(self) -> None:
        """Publishes its keys."""
        about = {"issuer": self.url, "jwks_uri": f"{self.url}/certs"}
        self.pages["/realms/shop/.well-known/openid-configuration"] = json.dumps(about).encode()

    def add_key(self, algorithm: Any, name: bytes) -> str:
        made = make_key(algorithm, name, 0)
        self.private[made.kid] = read_private_key(made.private)
        keys = json.loads(self.pages.get("/realms/shop/certs", b'{"keys": []}'))["keys"]
        self.pages["/realms/shop/certs"] = json.dumps({"keys": [*keys, made.jwk]}).encode()
        return made.kid

    def token(self, clock: SteppedClock, kid: str, **claims: Any) -> str:
        now = clock.now() // 1000
        good = {"iss": self.url, "sub": "5f0c", "aud": ["account", "openharbor"], "azp": "acme", "typ": "Bearer"}
        times = {"iat": now, "exp": now + 300, "scope": "profile service_provider"}
        key = self.private[kid]
        return sign({"alg": algorithm_of(key), "kid": kid, "typ": "JWT"}, {**good, **times, **claims}, key)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await reader.readuntil(b"\r\n\r\n")
        path = request.split(b" ")[1].decode()
        self.asked.append(path)
        body = self.pages.get(path)
        status = b"200 OK" if body is not None else b"404 Not Found"
        head = b"HTTP/1.1 %b\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % (status, len(body or b""))
        writer.write(head + (body or b""))
        await writer.drain()
        writer.close()


@asynccontextmanager
async def issuer() -> AsyncIterator[Sso]:
    sso = Sso()
    server = await asyncio.start_server(sso.serve, "127.0.0.1", 0)
    sso.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/realms/shop"
    sso.show()
    sso.add_key("RS256", b"rsa1")
    try:
        yield sso
    finally:
        server.close()
        await server.wait_closed()


@pytest.fixture
async def sso() -> AsyncIterator[Sso]:
    async with issuer() as sso:
        yield sso


@pytest.fixture
async def trusting(stored: tuple[Database, Vault], clock: SteppedClock, sso: Sso) -> AsyncIterator[Cloud]:
    """A cloud that trusts it, with the client `acme`."""
    async with running(*stored, clock, issuer=sso.url) as cloud:
        await cloud.organization("Acme")
        await cloud.accounts.keeper.load()
        yield cloud


async def test_its_tokens_are_let_in_for_the_organization_of_the_client(trusting: Cloud, sso: Sso) -> None:
    (kid,) = sso.private
    answered = await trusting.call(TEST, sso.token(trusting.clock, kid))
    assert answered.status_code == 200
    assert answered.json()["clientId"] == "acme"
    assert answered.json()["organizationId"] == 1
    assert answered.json()["scopes"] == ["service_provider"]


async def test_a_client_we_do_not_know_is_refused(trusting: Cloud, sso: Sso) -> None:
    (kid,) = sso.private
    for claims in ({"azp": "nobody"}, {"azp": None, "client_id": None}, {"aud": "account"}, {"iss": f"{sso.url}/x"}):
        answered = await trusting.call(TEST, sso.token(trusting.clock, kid, **claims))
        assert answered.status_code == 401, claims
    assert (await trusting.call(TEST, sso.token(trusting.clock, kid, scope="profile"))).status_code == 403


async def test_our_own_accounts_are_not_served(trusting: Cloud) -> None:
    for method, path in (("POST", TOKEN), ("GET", CERTS), ("GET", "/realms/harbor/.well-known/openid-configuration")):
        answered = await trusting.request(method, path)
        assert (answered.status_code, answered.json()) == (404, {"detail": "Not Found"})


async def test_end_users_still_get_their_tokens_from_us_and_clients_do_not(trusting: Cloud, sso: Sso) -> None:
    (kid,) = sso.private
    answered = await trusting.call("/api/v1/login/authorize", sso.token(trusting.clock, kid), json={"userId": "user 7"})
    token = answered.json()["access_token"]
    assert (await trusting.call("/whoami/tower_access", token)).json()[4]["user_id"] == "user 7"
    own = trusting.accounts.access_tokens.issue("acme", "tower_access", now=trusting.clock.now(), lives_s=60)
    assert (await trusting.call("/whoami/tower_access", own)).status_code == 401


async def test_a_key_that_it_added_is_fetched_soon_but_not_at_every_token(trusting: Cloud, sso: Sso) -> None:
    new = sso.add_key("EdDSA", b"edw1")
    keeping = asyncio.create_task(trusting.accounts.keep())
    begun, asked = trusting.clock.monotonic(), len(sso.asked)
    while (await trusting.call(TEST, sso.token(trusting.clock, new))).status_code == 401:
        await trusting.clock.advance(3)
        await asyncio.sleep(0.01)
        assert trusting.clock.monotonic() < begun + REFRESH_S - 10
    assert trusting.clock.monotonic() >= begun + SOONEST_S
    assert len(sso.asked) == asked + 2
    keeping.cancel()


async def test_keys_it_took_back_are_trusted_no_more_and_known_tokens_neither(trusting: Cloud, sso: Sso) -> None:
    (old,) = sso.private
    token = sso.token(trusting.clock, old, exp=trusting.clock.now() // 1000 + 9999)
    assert (await trusting.call(TEST, token)).status_code == 200
    del sso.pages["/realms/shop/certs"]
    sso.add_key("EdDSA", b"edw2")
    keeping = asyncio.create_task(trusting.accounts.keep())
    begun = trusting.clock.monotonic()
    while (await trusting.call(TEST, token)).status_code == 200:
        await trusting.clock.advance(3)
        await asyncio.sleep(0.01)
        assert trusting.clock.monotonic() < begun + 4000
    keeping.cancel()


async def test_while_it_is_away_the_keys_it_had_stay_good(trusting: Cloud, sso: Sso) -> None:
    (kid,) = sso.private
    sso.pages.clear()
    asked = len(sso.asked)
    keeping = asyncio.create_task(trusting.accounts.keep())
    while len(sso.asked) < asked + 2:
        await trusting.clock.advance(3)
        await asyncio.sleep(0.01)
    assert (await trusting.call(TEST, sso.token(trusting.clock, kid))).status_code == 200
    keeping.cancel()


@pytest.mark.parametrize("path", [".well-known/openid-configuration", "certs"])
@pytest.mark.parametrize("body", [None, b"{", b"[]", b"{}", b"x" * (2 << 20)])
async def test_an_issuer_that_cannot_be_used_is_told_at_the_start(
    stored: tuple[Database, Vault], clock: SteppedClock, sso: Sso, path: str, body: bytes | None
) -> None:
    sso.pages.pop(f"/realms/shop/{path}")
    if body is not None:
        sso.pages[f"/realms/shop/{path}"] = body
    with pytest.raises(Failed, match="cannot be used") as raised:
        await open_accounts(*stored, clock, CloudSettings(issuer=sso.url), PUBLIC, read_link=lambda _: None)
    assert raised.value.exit_code == 4


async def test_an_issuer_that_does_not_listen_is_told_at_the_start(
    stored: tuple[Database, Vault], clock: SteppedClock
) -> None:
    async with issuer() as gone:
        url = gone.url
    with pytest.raises(Failed, match="did not answer"):
        await open_accounts(*stored, clock, CloudSettings(issuer=url), PUBLIC, read_link=lambda _: None)
