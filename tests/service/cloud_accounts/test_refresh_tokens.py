"""Refresh tokens: replaced at each use, and what happens to one that is used twice (accounts.yaml)."""

import asyncio
from typing import Any

from openharbor.cloud.accounts import operator_commands, store
from openharbor.cloud.accounts.refresh_tokens import issue_refresh_token
from openharbor.cloud.scope import INSTALLATION
from openharbor.kit.database.face import Transaction

from .cloud import Cloud


async def issued(cloud: Cloud, text: str = "first", user_id: str | None = "user 7") -> str:
    def work(tx: Transaction) -> None:
        issue_refresh_token(
            INSTALLATION, tx, text, client_id="acme", scopes="tower_access", user_id=user_id, now=cloud.clock.now()
        )

    await cloud.database.write(work)
    return text


async def refresh(cloud: Cloud, token: str, client_id: str = "acme", **fields: str) -> Any:
    return await cloud.ask_token(client_id, grant_type="refresh_token", refresh_token=token, **fields)


async def refused(cloud: Cloud, token: str, client_id: str = "acme") -> bool:
    answered = await refresh(cloud, token, client_id)
    invalid = {"error": "invalid_grant", "error_description": "Invalid refresh token"}
    return bool(answered.status_code == 400 and answered.json() == invalid)


async def test_a_refresh_token_yields_an_access_token_and_its_successor(cloud: Cloud) -> None:
    first = await refresh(cloud, await issued(cloud))
    assert first.status_code == 200
    body = first.json()
    assert (body["refresh_expires_in"], body["expires_in"], body["scope"]) == (1800, 300, "tower_access")
    who = await cloud.call("/whoami/tower_access", body["access_token"])
    assert who.json()[4]["user_id"] == "user 7"
    assert (await refresh(cloud, body["refresh_token"])).status_code == 200


async def test_a_token_that_is_used_twice_ends_its_family(cloud: Cloud) -> None:
    other = await issued(cloud, "of another family")
    second = (await refresh(cloud, await issued(cloud))).json()["refresh_token"]
    third = (await refresh(cloud, second)).json()["refresh_token"]
    assert await refused(cloud, "first")
    assert await refused(cloud, third)
    assert (await refresh(cloud, other)).status_code == 200


async def test_of_two_uses_at_once_at_most_one_succeeds(cloud: Cloud) -> None:
    await issued(cloud)
    answers = await asyncio.gather(*(refresh(cloud, "first") for _ in range(4)))
    assert [one.status_code for one in answers].count(200) <= 1
    assert {one.status_code for one in answers} <= {200, 400}
    assert await refused(cloud, "first")


async def test_an_unknown_an_expired_and_anothers_token_are_refused_alike(cloud: Cloud) -> None:
    await cloud.organization("Library")
    await issued(cloud)
    assert await refused(cloud, "unknown")
    assert await refused(cloud, "first", "library")
    await cloud.clock.advance(1800)
    assert await refused(cloud, "first")


async def test_another_client_does_not_use_up_a_token(cloud: Cloud) -> None:
    await cloud.organization("Library")
    await issued(cloud)
    assert await refused(cloud, "first", "library")
    assert (await refresh(cloud, "first")).status_code == 200


async def test_a_scope_that_was_not_granted_is_refused_and_the_token_stays_good(cloud: Cloud) -> None:
    answered = await refresh(cloud, await issued(cloud), scope="service_provider")
    assert (answered.status_code, answered.json()["error"]) == (400, "invalid_scope")
    assert (await refresh(cloud, "first")).status_code == 200


async def test_guessing_refresh_tokens_is_slowed(cloud: Cloud) -> None:
    for number in range(10):
        assert await refused(cloud, f"guess {number}")
    assert (await refresh(cloud, "guess 10")).status_code == 429


async def test_tokens_of_a_revoked_client_are_gone(cloud: Cloud) -> None:
    await issued(cloud)
    await operator_commands.revoke_client(cloud.database, "acme", now=cloud.clock.now())
    assert (await refresh(cloud, "first")).status_code == 401


async def test_only_digests_are_stored_and_expired_ones_are_forgotten(cloud: Cloud) -> None:
    await issued(cloud)
    rows = await cloud.database.read(lambda tx: [row["digest"] for row in tx.all("SELECT digest FROM refresh_tokens")])
    assert len(rows[0]) == 64
    keeping = asyncio.create_task(cloud.accounts.keep())
    try:
        for _ in range(2000):
            await cloud.clock.advance(3)
            await asyncio.sleep(0.001)
            if not await cloud.database.read(lambda tx: tx.all("SELECT digest FROM refresh_tokens")):
                break
        left = await cloud.database.read(lambda tx: tx.all("SELECT digest FROM refresh_tokens"))
        assert left == []
    finally:
        keeping.cancel()


async def test_forgetting_leaves_what_is_still_good(cloud: Cloud) -> None:
    await issued(cloud)
    now = cloud.clock.now()
    assert await cloud.database.write(lambda tx: store.forget_expired(INSTALLATION, tx, now)) == 0
