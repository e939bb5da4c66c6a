"""`cloud organization create` and `cloud operator create` (cli.md), and revoking."""

import os
from typing import Any

import pytest

from openharbor.cloud.accounts import operator_commands, operators, store
from openharbor.cloud.scope import INSTALLATION
from openharbor.kit.errors import Failed

from .cloud import Cloud


async def audited(cloud: Cloud) -> list[tuple[Any, ...]]:
    def read(tx: Any) -> list[tuple[Any, ...]]:
        rows = tx.all("SELECT actor, action, organization_id, outcome FROM audit ORDER BY id")
        return [(row["actor"], row["action"], row["organization_id"], row["outcome"]) for row in rows]

    return await cloud.database.read(read)


async def test_an_organization_gets_a_client_with_both_scopes(cloud: Cloud) -> None:
    made = await cloud.organization("Central Library")
    assert made["clientId"] == "central-library"
    assert made["scopes"] == ["service_provider", "tower_access"]
    assert (await cloud.ask_token("central-library")).status_code == 200
    assert ("command line", "client.create", made["organizationId"], "done") in await audited(cloud)


async def test_an_organization_of_the_catalog_is_not_made_again(cloud: Cloud) -> None:
    await cloud.database.write(
        lambda tx: tx.execute("INSERT INTO organizations (id, key, name, created_at) VALUES (900, 'pc', 'Post Co', 0)")
    )
    assert (await cloud.organization("Post Co"))["organizationId"] == 900


async def test_a_second_client_of_an_organization_has_a_name_of_its_own(cloud: Cloud) -> None:
    second = await cloud.organization(" Acme ")
    assert second["clientId"].startswith("acme-")
    assert second["organizationId"] == 1
    assert (await cloud.ask_token(second["clientId"])).status_code == 200
    assert (await cloud.ask_token("acme")).status_code == 200


async def test_a_client_may_be_named_as_an_external_issuer_knows_it(cloud: Cloud) -> None:
    assert (await cloud.organization("Acme", client_id="acme-sso"))["clientId"] == "acme-sso"
    with pytest.raises(Failed, match="exists already"):
        await cloud.organization("Library", client_id="acme-sso")
    assert [one["clientId"] for one in await operator_commands.list_clients(cloud.database)] == ["acme", "acme-sso"]


async def test_a_refused_name_changes_nothing(cloud: Cloud) -> None:
    before = await audited(cloud)
    with pytest.raises(Failed, match="1 to 200"):
        await cloud.organization(" ")
    assert await audited(cloud) == before


async def test_secrets_are_stored_as_digests(cloud: Cloud) -> None:
    (client,) = await cloud.database.read(lambda tx: store.all_clients(INSTALLATION, tx))
    assert cloud.secrets["acme"] not in client.secret_digest
    assert len(client.secret_digest) == 64


async def test_revoking_is_final_and_told(cloud: Cloud) -> None:
    revoked = await operator_commands.revoke_client(cloud.database, "acme", now=cloud.clock.now())
    assert revoked["revokedAt"] == "2026-02-25T06:13:20.000Z"
    for client_id, why in (("acme", "revoked already"), ("nobody", "No client")):
        with pytest.raises(Failed, match=why):
            await operator_commands.revoke_client(cloud.database, client_id, now=cloud.clock.now())
    assert ("command line", "client.revoke", 1, "done") in await audited(cloud)


async def test_an_operator_gets_a_password_once_or_brings_one(cloud: Cloud) -> None:
    made = await operator_commands.create_operator(cloud.database, "Ops@Example.com", None, now=0, random=os.urandom)
    assert made["email"] == "ops@example.com"
    kept = await cloud.database.read(lambda tx: store.find_operator(INSTALLATION, tx, "ops@example.com"))
    assert kept is not None
    assert operators.is_password(kept, made["password"])
    with pytest.raises(Failed, match="exists already"):
        await operator_commands.create_operator(cloud.database, "ops@example.com", "x" * 12, now=0, random=os.urandom)
    brought = await operator_commands.create_operator(cloud.database, "b@c.d", "x" * 12, now=0, random=os.urandom)
    assert brought == {"email": "b@c.d"}
