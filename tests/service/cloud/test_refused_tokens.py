"""Which tokens are refused, with which words, by every operation of the contract."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from harness.api import Api, Reply
from harness.clouds import Cloud, CloudDatabase, bearer, cloud, new_client, new_database, token
from harness.postgres import Server
from harness.processes import openharbor, until
from openharbor.cloud.accounts.operator_commands import revoke_client
from openharbor.kit.database.opening import open_database

from .contract import PREFIX, Operation, operations
from .forging import HOUR_S, Mint, decoded, encoded, jwks, mint_of

PROBE = f"{PREFIX}/login/test-token"
MISSING = (401, "Bearer", {"detail": "Not authenticated"})
INVALID = (401, "Bearer", {"detail": "Could not validate credentials"})
FORBIDDEN = (403, None, {"detail": "Not enough permissions"})
IDS = {
    "location_id": 54,
    "tower_id": "0100000000000014",
    "locker_id": 959,
    "reservation_id": 1,
    "request_id": 1,
    "endpoint_id": 1,
    "delivery_id": "msg_01JQRW5T2M8Z4N6P0C3V7X9KDB",
}

Forged = Callable[[Mint], str]


@pytest.fixture(scope="module")
def mint(running: Cloud) -> Mint:
    return mint_of(running)


def told(reply: Reply) -> tuple[int, str | None, Any]:
    return reply.status, reply.headers.get("www-authenticate"), reply.body


def shown(running: Cloud, text: str) -> tuple[int, str | None, Any]:
    """What the cloud says to this token."""
    return told(bearer(running.url, text).post(PROBE))


def asked(running: Cloud, operation: Operation, **headers: str) -> tuple[int, str | None, Any]:
    return told(Api(running.url).call(operation.method, operation.at(IDS), operation.body, **headers))


def test_the_token_that_all_others_are_made_from_is_good(running: Cloud, mint: Mint) -> None:
    assert shown(running, mint.made())[0] == 200


@pytest.mark.parametrize("name", sorted(operations()))
def test_no_operation_does_anything_without_a_token(running: Cloud, name: str) -> None:
    operation = operations()[name]
    assert asked(running, operation) == MISSING
    assert asked(running, operation, Authorization="Basic YWNtZTpzZWNyZXQ=") == MISSING
    assert asked(running, operation, Authorization="Bearer nonsense") == INVALID


@pytest.mark.parametrize("name", sorted(operations()))
def test_no_operation_takes_a_token_for_the_tower(running: Cloud, name: str) -> None:
    operation = operations()[name]
    for_tower = f"Bearer {token(running.url, running.database.acme, 'tower_access')}"
    expected = INVALID if operation.security == "linkToken" else FORBIDDEN
    assert asked(running, operation, Authorization=for_tower) == expected


def test_a_token_for_an_end_user_is_not_one_for_the_provider(running: Cloud) -> None:
    made = running.api().post(f"{PREFIX}/login/authorize", {"userId": "Ada"}).body["access_token"]
    assert shown(running, made) == FORBIDDEN


FORGED: dict[str, Forged] = {
    "another issuer": lambda m: m.made(iss="https://elsewhere.example/realms/harbor"),
    "an issuer with a slash": lambda m: m.made(iss=f"{m.claims['iss']}/"),
    "no issuer": lambda m: m.made(iss=None),
    "another audience": lambda m: m.made(aud="somebody-else"),
    "no audience": lambda m: m.made(aud=None),
    "expired a second ago": lambda m: m.made(iat=m.now_s - 301, exp=m.now_s - 1),
    "expired long ago": lambda m: m.made(iat=m.now_s - 2 * HOUR_S, exp=m.now_s - HOUR_S),
    "without an end": lambda m: m.made(exp=None),
    "made tomorrow": lambda m: m.made(iat=m.now_s + 24 * HOUR_S, exp=m.now_s + 25 * HOUR_S),
    "another key under the same name": lambda m: replace(m, private=Ed25519PrivateKey.generate()).made(),
    "a key that nobody knows": lambda m: m.made({"kid": "other"}),
    "no key's name": lambda m: m.made({"kid": None}),
    "alg none": lambda m: m.unsigned("none"),
    "alg None": lambda m: m.unsigned("None"),
    "alg none with a good signature": lambda m: m.made({"alg": "none"}),
    "no signature": lambda m: m.unsigned("EdDSA"),
    "RS256 of an Ed25519 key": lambda m: m.made({"alg": "RS256"}),
    "a critical header": lambda m: m.made({"crit": ["exp"]}),
    "a scope that does not exist": lambda m: m.made(scope="service_provider admin"),
    "an empty scope": lambda m: m.made(scope=""),
    "an organization in words": lambda m: m.made(organization_id="1"),
    "another organization than the client's": lambda m: m.made(organization_id=m.claims["organization_id"] + 1),
    "no organization": lambda m: m.made(organization_id=None),
    "an end in words": lambda m: m.made(exp=str(m.now_s + 300)),
    "other claims under a good signature": lambda m: with_claims(m, b'{"scope":"service_provider"}'),
    "an altered signature": lambda m: altered(m.made()),
    "a space in it": lambda m: m.made().replace(".", ". ", 1),
    "padding": lambda m: m.made() + "=",
    "four parts": lambda m: m.made() + ".e30",
    "two parts": lambda m: m.made().rsplit(".", 1)[0],
    "nothing": lambda _: "",
    "ten thousand characters": lambda _: "e" * 10_000,
}


@pytest.mark.parametrize("why", sorted(FORGED))
def test_a_token_is_refused_for(running: Cloud, mint: Mint, why: str) -> None:
    assert shown(running, FORGED[why](mint)) == INVALID


def with_claims(mint: Mint, claims: bytes) -> str:
    header, _, signature = mint.made().split(".")
    return f"{header}.{encoded(claims)}.{signature}"


def altered(text: str) -> str:
    signed, signature = text.rsplit(".", 1)
    data = decoded(signature)
    return f"{signed}.{encoded(bytes([data[0] ^ 1]) + data[1:])}"


def test_the_public_key_is_nobody_s_secret(running: Cloud, mint: Mint) -> None:
    (jwk,) = jwks(running)
    for secret in mint.public_forms(jwk):
        assert shown(running, mint.keyed_with_what_is_public(secret)) == INVALID


def test_a_token_of_another_installation_is_refused(running: Cloud, tmp_path: Path) -> None:
    flags = ("--database", f"sqlite:///{tmp_path}/cloud.db", "--master-key-file", str(tmp_path / "master.key"))
    openharbor("cloud", "init", *flags)
    client = new_client(flags, "Acme Parcels")
    assert client.client_id == running.database.acme.client_id
    with cloud(CloudDatabase(flags[1], tmp_path / "master.key", client, client), tmp_path / "log") as other:
        assert shown(running, token(other.url, client)) == INVALID


def test_the_token_of_a_client_that_is_revoked_is_refused_within_seconds(postgres: Server, tmp_path: Path) -> None:
    database = new_database(tmp_path, postgres.database("revoked"))
    with cloud(database, tmp_path / "log") as served:
        kept, revoked = served.api(database.library), served.api(database.acme)
        assert revoked.post(PROBE).status == 200
        anyio.run(revoke, database.url, database.acme.client_id)
        until(lambda: revoked.post(PROBE).status != 200, within=20)
        assert told(revoked.post(PROBE)) == INVALID
        assert kept.post(PROBE).status == 200


async def revoke(url: str, client_id: str) -> None:
    database = open_database(url, threads=1)
    try:
        await revoke_client(database, client_id, now=0)
    finally:
        await database.close()


# Tokens of links --------------------------------------------------------


def drop_off_link(running: Cloud) -> tuple[int, str]:
    """Its id and its token; the link is cancelled, so that its locker is free again."""
    body = {"locationId": 54, "lockerTypeId": 2}
    reply = running.api().post(f"{PREFIX}/locker-open-requests/dropoff-locker-request", body)
    assert reply.status == 200, reply
    assert running.api().delete(f"{PREFIX}/locker-open-requests/{reply.body['id']}").status == 204
    return reply.body["id"], reply.body["linkToken"].rsplit("/", 1)[1]


@pytest.mark.parametrize("name", sorted(name for name, one in operations().items() if one.security == "bearer"))
def test_a_link_s_token_is_good_for_no_other_operation(running: Cloud, link: tuple[int, str], name: str) -> None:
    assert asked(running, operations()[name], Authorization=f"Bearer {link[1]}") == INVALID


@pytest.fixture(scope="module")
def link(running: Cloud) -> tuple[int, str]:
    return drop_off_link(running)


def test_a_link_s_token_is_good_for_its_own_link_only(running: Cloud, link: tuple[int, str]) -> None:
    other, _ = drop_off_link(running)
    holder = bearer(running.url, link[1])
    not_found = (404, None, {"detail": "Locker open request not found"})
    assert told(holder.post(f"{PREFIX}/locker-open-requests/{other}/tokens")) == not_found
    assert told(holder.post(f"{PREFIX}/locker-open-requests/{other + 10_000}/tokens")) == not_found
    assert holder.post(f"{PREFIX}/locker-open-requests/{link[0]}/tokens").status == 409


def test_an_altered_link_token_is_refused(running: Cloud, link: tuple[int, str]) -> None:
    number, text = link
    other = encoded(decoded(text.split(".")[0]).replace(str(number).encode(), str(number + 1).encode()))
    body, signature = text.split(".")
    for bad in (altered(text), f"{other}.{signature}", body, f"{body}.", f"{text}=", f"{text} ", "." * 3):
        path = f"{PREFIX}/locker-open-requests/{number}/tokens"
        reply = bearer(running.url, bad).post(path)
        assert told(reply) == (INVALID if bad.strip() != text else told(bearer(running.url, text).post(path))), bad


def test_nothing_was_done_for_any_of_them(running: Cloud) -> None:
    reply = running.api().get(f"{PREFIX}/users/me/assigned-lockers")
    assert (reply.status, reply.body) == (200, [])
