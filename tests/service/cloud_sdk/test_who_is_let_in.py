"""Which tokens are good for the SDK API, and what it answers to the others; what every path has in common."""

from collections.abc import Callable
from typing import Any

import pytest

from harness.cloud_rig import ACME, CLOSED_TOWER, TOWER
from openharbor.cloud.accounts.jws import sign
from openharbor.cloud.accounts.signing_keys import signing_algorithm
from openharbor.cloud.accounts.tokens import Issuer, claims_for, header_for

from .room import PUBLIC, Room

PATHS: list[tuple[str, str, object]] = [
    ("GET", "/services", None),
    ("GET", "/services/", None),
    ("POST", f"/towers/{TOWER}/session-token", {"duration": 60, "claims": ["sync_packet"]}),
    ("GET", f"/towers/{TOWER}/configuration", None),
    ("GET", f"/towers/{TOWER}/commands", None),
    ("POST", f"/towers/{TOWER}/events", []),
    ("POST", f"/towers/{TOWER}/reset-events", None),
]
MISSING = (401, {"detail": "Not authenticated"}, "Bearer")
INVALID = (401, {"detail": "Could not validate credentials"}, "Bearer")
FORBIDDEN = (403, {"detail": "Not enough permissions"}, None)
Told = tuple[int, object, str | None]


async def told(cloud: Room, method: str, path: str, body: object, token: str | None) -> Told:
    sent: dict[str, Any] = {} if body is None else {"json": body}
    answered = await cloud.request(method, path, token=token, **sent)
    return answered.status_code, answered.json(), answered.headers.get("www-authenticate")


def made(cloud: Room, issuer: str = f"{PUBLIC}/realms/harbor", audience: str = "openharbor", ago_s: int = 0) -> str:
    """A token signed with the cloud's own key."""
    key = cloud.accounts.keeper.signer()
    claims = claims_for(
        Issuer(issuer, audience, own=True),
        client_id="acme",
        organization_id=ACME,
        scope="tower_access",
        now=cloud.clock.now() - ago_s * 1000,
        lives_s=300,
        token_id="t",
    )
    return sign(header_for(key.kid, signing_algorithm(key)), claims, key.private)


@pytest.mark.parametrize(("method", "path", "body"), PATHS)
async def test_no_operation_does_anything_without_a_token_or_with_one_that_is_none(
    cloud: Room, method: str, path: str, body: object
) -> None:
    assert await told(cloud, method, path, body, None) == MISSING
    assert await told(cloud, method, path, body, "nonsense") == INVALID


@pytest.mark.parametrize(("method", "path", "body"), PATHS)
async def test_a_service_provider_s_token_is_not_one_for_the_tower(
    cloud: Room, method: str, path: str, body: object
) -> None:
    assert await told(cloud, method, path, body, cloud.token(scope="service_provider")) == FORBIDDEN


FORGED: dict[str, Callable[[Room], str]] = {
    "expired": lambda cloud: made(cloud, ago_s=300),
    "another issuer": lambda cloud: made(cloud, issuer="https://elsewhere.example/realms/harbor"),
    "another audience": lambda cloud: made(cloud, audience="somebody-else"),
    "made in an hour": lambda cloud: made(cloud, ago_s=-3600),
}


@pytest.mark.parametrize("why", sorted(FORGED))
async def test_a_token_is_refused_that_is(cloud: Room, why: str) -> None:
    assert (await told(cloud, "GET", "/services", None, made(cloud)))[0] == 200
    for method, path, body in PATHS:
        assert await told(cloud, method, path, body, FORGED[why](cloud)) == INVALID


async def test_a_tower_that_is_not_open_to_the_token_is_open_for_nothing(cloud: Room) -> None:
    for method, path, body in PATHS[2:]:
        closed = path.replace(TOWER, CLOSED_TOWER)
        sent = [_packet()] if path.endswith("/events") else body
        assert await told(cloud, method, closed, sent, None) == MISSING
        for token in (cloud.token(), cloud.of_link()):
            assert await told(cloud, method, closed, sent, token) == FORBIDDEN


async def test_the_services_to_scan_for_are_the_blink_service(cloud: Room) -> None:
    for path in ("/services/", "/services"):
        answered = await cloud.request("GET", path, token=cloud.of_end_user())
        uuid = "6E400001-B5A3-F393-E0A9-E50E24DCCA9E"
        assert (answered.status_code, answered.json()) == (200, [{"name": "Harbor Tower", "uuid": uuid}])


async def test_what_is_not_there_or_not_offered_or_too_large_is_told_in_the_contract_s_words(cloud: Room) -> None:
    token = cloud.token()
    assert await told(cloud, "GET", "/nowhere", None, token) == (404, {"detail": "Not Found"}, None)
    assert await told(cloud, "GET", f"/towers/{TOWER}/events", None, token) == (
        405,
        {"detail": "Method Not Allowed"},
        None,
    )
    large = await cloud.request("POST", f"/towers/{TOWER}/events", token=token, content=b" " * (2**20 + 1))
    assert (large.status_code, large.json()) == (413, {"detail": "Request Entity Too Large"})


def _packet() -> dict[str, object]:
    return {"syncEventStart": 1, "syncEventCount": 0, "payload": "00", "payloadAuth": "00"}
