"""Signing keys: published, rotated, retired, and known to every process (accounts.yaml, get_certs)."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet

from openharbor.cloud.accounts import operator_commands
from openharbor.cloud.accounts.signing_keys import LISTED_AFTER_MS, PUBLISHED_AHEAD_MS
from openharbor.cloud.accounts.wiring import open_accounts
from openharbor.cloud.master_key import Vault, rotate_master_key
from openharbor.cloud.settings import CloudSettings
from openharbor.kit.clock import SteppedClock
from openharbor.kit.database.face import Database
from openharbor.kit.errors import Failed

from .cloud import CERTS, PUBLIC, Cloud, opened, running


async def rotate(cloud: Cloud, algorithm: Any = "EdDSA") -> str:
    made = await operator_commands.rotate_signing_key(
        cloud.database, cloud.vault, now=cloud.clock.now(), random=os.urandom, algorithm=algorithm
    )
    return str(made["keyId"])


async def listed(cloud: Cloud) -> list[str]:
    answered = await cloud.request("GET", CERTS)
    assert answered.status_code == 200
    return [key["kid"] for key in answered.json()["keys"]]


async def until(clock: SteppedClock, condition: Callable[[], Awaitable[bool]]) -> None:
    """Steps the clock by reloads until it is so."""
    for _ in range(200):
        if await condition():
            return
        await clock.advance(3)
        await asyncio.sleep(0.01)
    raise AssertionError("it did not come to pass")


async def test_keys_are_published_for_all_and_may_be_kept(cloud: Cloud) -> None:
    answered = await cloud.request("GET", CERTS)
    assert answered.headers["cache-control"] == "public, max-age=300"
    (key,) = answered.json()["keys"]
    assert (key["kty"], key["use"], key["alg"], key["crv"]) == ("OKP", "sig", "EdDSA", "Ed25519")


@pytest.mark.filterwarnings("ignore:EdDSA is deprecated")
@pytest.mark.parametrize("algorithm", ["EdDSA", "RS256"])
async def test_another_library_reads_our_tokens_by_the_published_keys(
    tmp_path: Path, clock: SteppedClock, algorithm: Any
) -> None:
    url = f"sqlite:///{tmp_path}/cloud.db"
    async with (
        opened(url, tmp_path / "master.key", clock, algorithm=algorithm) as stored,
        running(*stored, clock) as cloud,
    ):
        await cloud.organization("Acme")
        keys = KeySet.import_key_set((await cloud.request("GET", CERTS)).json())
        read = jwt.decode(await cloud.token(), keys, algorithms=[algorithm])
    assert read.header["alg"] == algorithm
    jti = read.claims.pop("jti")
    assert len(jti) == 32
    now = clock.now() // 1000
    assert read.claims == {
        "iss": f"{PUBLIC}/realms/harbor",
        "sub": "acme",
        "aud": "openharbor",
        "scope": "service_provider tower_access",
        "exp": now + 300,
        "iat": now,
        "organization_id": 1,
    }


async def test_discovery_names_every_address_and_algorithm(cloud: Cloud) -> None:
    await rotate(cloud, "RS256")
    await cloud.accounts.keeper.load()
    found = (await cloud.request("GET", "/realms/harbor/.well-known/openid-configuration")).json()
    assert found == {
        "issuer": "https://lockers.example.com/realms/harbor",
        "token_endpoint": "https://lockers.example.com/realms/harbor/protocol/openid-connect/token",
        "jwks_uri": "https://lockers.example.com/realms/harbor/protocol/openid-connect/certs",
        "grant_types_supported": ["client_credentials", "refresh_token"],
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
        "scopes_supported": ["service_provider", "tower_access"],
        "response_types_supported": [],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["EdDSA", "RS256"],
    }


async def test_a_new_key_is_published_in_every_process_before_it_signs(
    stored: tuple[Database, Vault], clock: SteppedClock
) -> None:
    async with running(*stored, clock) as one, running(*stored, clock) as other:
        await one.organization("Acme")
        (old,) = await listed(one)
        tasks = [asyncio.create_task(process.accounts.keep()) for process in (one, other)]
        new = await rotate(one)
        begun = clock.now()

        async def both_list_it() -> bool:
            return await listed(one) == [old, new] == await listed(other)

        await until(clock, both_list_it)
        assert clock.now() < begun + PUBLISHED_AHEAD_MS
        before = await one.token()
        assert one.accounts.keeper.signer().kid == old
        await clock.advance(PUBLISHED_AHEAD_MS / 1000)
        assert one.accounts.keeper.signer().kid == new
        assert other.accounts.keeper.signer().kid == new
        assert await listed(other) == [new, old]
        after = await one.token()
        assert (await other.call("/whoami/tower_access", after)).status_code == 200
        assert (await other.call("/whoami/tower_access", before)).status_code == 401  # long expired
        for task in tasks:
            task.cancel()


async def test_a_retired_key_is_trusted_until_its_last_token_has_expired(cloud: Cloud) -> None:
    (old,) = await listed(cloud)
    new = await rotate(cloud)
    await cloud.accounts.keeper.load()
    await cloud.clock.advance(PUBLISHED_AHEAD_MS / 1000 - 1)
    answered = await cloud.call("/api/v1/login/authorize", await cloud.token(), json={"userId": "u"})
    last = answered.json()["access_token"]
    await cloud.clock.advance(3599)
    assert (await cloud.call("/whoami/tower_access", last)).status_code == 200
    assert await listed(cloud) == [new, old]
    await cloud.clock.advance(LISTED_AFTER_MS / 1000)
    assert await listed(cloud) == [new]


async def test_one_rotation_must_be_over_before_the_next(cloud: Cloud) -> None:
    await rotate(cloud)
    with pytest.raises(Failed, match="not over"):
        await rotate(cloud)
    await cloud.clock.advance(PUBLISHED_AHEAD_MS / 1000)
    await rotate(cloud)
    await cloud.clock.advance((LISTED_AFTER_MS + PUBLISHED_AHEAD_MS) / 1000 + 1)
    await rotate(cloud)
    rows = await cloud.database.read(lambda tx: tx.all("SELECT kid FROM signing_keys"))
    assert len(rows) == 2, "keys long retired are forgotten"


async def test_of_two_rotations_at_once_one_counts(cloud: Cloud) -> None:
    done = await asyncio.gather(rotate(cloud), rotate(cloud), return_exceptions=True)
    assert sorted(type(one).__name__ for one in done) == ["Failed", "str"]


async def test_the_first_key_is_made_once(cloud: Cloud) -> None:
    made = await operator_commands.ensure_signing_key(cloud.database, cloud.vault, now=0, random=os.urandom)
    assert not made
    assert len(await listed(cloud)) == 1


async def test_private_keys_are_stored_sealed(cloud: Cloud) -> None:
    rows = await cloud.database.read(lambda tx: tx.all("SELECT sealed_private, public_jwk FROM signing_keys"))
    assert rows[0]["sealed_private"].startswith("oh1.")
    assert '"d"' not in rows[0]["public_jwk"]


async def test_a_running_process_outlives_a_change_of_the_master_key(cloud: Cloud, tmp_path: Path) -> None:
    await rotate_master_key(cloud.database, tmp_path / "master.key", cloud.clock)
    await cloud.accounts.keeper.load()
    await rotate(cloud)
    await cloud.accounts.keeper.load()
    assert len(await listed(cloud)) == 2


async def test_without_a_signing_key_nothing_starts(stored: tuple[Database, Vault], clock: SteppedClock) -> None:
    database, vault = stored
    await database.write(lambda tx: tx.execute("DELETE FROM signing_keys"))
    with pytest.raises(Failed, match="cloud init"):
        await open_accounts(database, vault, clock, CloudSettings(), PUBLIC, read_link=lambda _: None)
