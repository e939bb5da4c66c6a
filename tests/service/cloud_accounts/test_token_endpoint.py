"""POST /realms/harbor/protocol/openid-connect/token (accounts.yaml)."""

from base64 import b64encode
from typing import Any

import pytest
import structlog
from structlog.testing import capture_logs

from openharbor.cloud.accounts import operator_commands
from openharbor.kit.http.operation import Answer

from .cloud import TOKEN, Cloud

FORM = {"grant_type": "client_credentials"}


def basic(client_id: str, secret: str) -> dict[str, str]:
    return {"Authorization": f"Basic {b64encode(f'{client_id}:{secret}'.encode()).decode()}"}


def error(answered: Any, status: int) -> str:
    """The error code; the body and the headers are those of the contract."""
    assert answered.status_code == status, answered.text
    assert answered.headers["cache-control"] == "no-store"
    assert answered.headers["content-type"] == "application/json"
    assert set(answered.json()) == {"error", "error_description"}
    return str(answered.json()["error"])


async def test_client_credentials_yield_a_token_with_every_scope_the_client_has(cloud: Cloud) -> None:
    answered = await cloud.ask_token()
    assert answered.status_code == 200
    assert answered.headers["cache-control"] == "no-store"
    body = answered.json()
    assert body.pop("access_token").count(".") == 2
    assert body == {
        "refresh_token": None,
        "refresh_expires_in": 0,
        "expires_in": 300,
        "token_type": "Bearer",
        "scope": "service_provider tower_access",
    }


async def test_a_client_gets_the_scopes_it_asks_for(cloud: Cloud) -> None:
    assert (await cloud.ask_token(scope="tower_access")).json()["scope"] == "tower_access"
    asked = await cloud.ask_token(scope="openid tower_access")
    assert error(asked, 400) == "invalid_scope"
    assert asked.json()["error_description"] == "Invalid scopes: openid"


async def test_a_client_may_use_http_basic(cloud: Cloud) -> None:
    good = basic("acme", cloud.secrets["acme"])
    assert (await cloud.request("POST", TOKEN, headers=good, data=FORM)).status_code == 200
    assert (await cloud.request("POST", f"{TOKEN}/", headers=good, data=FORM)).status_code == 200


async def test_only_who_tried_basic_is_challenged(cloud: Cloud) -> None:
    by_basic = await cloud.request("POST", TOKEN, headers=basic("acme", "wrong"), data=FORM)
    assert error(by_basic, 401) == "invalid_client"
    assert by_basic.headers["www-authenticate"] == 'Basic realm="harbor"'
    by_form = await cloud.ask_token(client_secret="wrong")
    assert error(by_form, 401) == "invalid_client"
    assert "www-authenticate" not in by_form.headers


async def test_an_unknown_client_is_told_the_same_as_one_with_a_wrong_secret(cloud: Cloud) -> None:
    unknown, wrong = await cloud.ask_token("nobody"), await cloud.ask_token(client_secret="wrong")
    assert unknown.json() == wrong.json()
    assert unknown.json()["error_description"] == "Invalid client or Invalid client credentials"


@pytest.mark.parametrize("client_id", ["acme\0", "a b", "x" * 129, "ä", "'; DROP TABLE clients; --"])
async def test_an_id_that_no_client_can_have_is_an_unknown_client(cloud: Cloud, client_id: str) -> None:
    encoded = b64encode(f"{client_id}:secret".encode()).decode()
    answered = await cloud.request("POST", TOKEN, headers={"Authorization": f"Basic {encoded}"}, data=FORM)
    assert error(answered, 401) == "invalid_client"


async def test_both_ways_at_once_are_refused(cloud: Cloud) -> None:
    form = {**FORM, "client_id": "acme", "client_secret": cloud.secrets["acme"]}
    answered = await cloud.request("POST", TOKEN, headers=basic("acme", cloud.secrets["acme"]), data=form)
    assert error(answered, 400) == "invalid_request"


@pytest.mark.parametrize(
    ("content", "media_type", "code"),
    [
        ("", "application/x-www-form-urlencoded", "invalid_request"),
        ("grant_type=", "application/x-www-form-urlencoded", "invalid_request"),
        ("grant_type=password", "application/x-www-form-urlencoded", "unsupported_grant_type"),
        ("grant_type=client_credentials&grant_type=x", "application/x-www-form-urlencoded", "invalid_request"),
        (
            "grant_type=client_credentials&client_id=" + "x" * 129,
            "application/x-www-form-urlencoded",
            "invalid_request",
        ),
        (
            "grant_type=refresh_token&client_id=a&client_secret=b",
            "application/x-www-form-urlencoded",
            "invalid_request",
        ),
        ('{"grant_type": "client_credentials"}', "application/json", "invalid_request"),
    ],
)
async def test_what_is_no_token_request_is_told_so(cloud: Cloud, content: str, media_type: str, code: str) -> None:
    answered = await cloud.request("POST", TOKEN, content=content, headers={"Content-Type": media_type})
    assert error(answered, 400) == code


async def test_another_method_is_not_offered(cloud: Cloud) -> None:
    assert (await cloud.request("GET", TOKEN)).status_code == 405


async def test_a_revoked_client_gets_no_token(cloud: Cloud) -> None:
    await operator_commands.revoke_client(cloud.database, "acme", now=cloud.clock.now())
    assert error(await cloud.ask_token(), 401) == "invalid_client"


async def test_ten_failures_are_followed_by_429_until_five_minutes_are_over(cloud: Cloud) -> None:
    for _ in range(10):
        assert error(await cloud.ask_token(client_secret="guess"), 401) == "invalid_client"
    held = await cloud.ask_token()
    assert error(held, 429) == "temporarily_unavailable"
    assert held.json()["error_description"] == "Too many failed requests"
    assert held.headers["retry-after"] == "300"
    assert (await cloud.ask_token(address="203.0.113.8")).status_code == 200
    await cloud.clock.advance(300)
    assert (await cloud.ask_token()).status_code == 200


async def test_refused_scopes_and_malformed_requests_hold_nobody_back(cloud: Cloud) -> None:
    for _ in range(12):
        await cloud.ask_token(scope="openid")
        await cloud.ask_token(grant_type="password")
    assert (await cloud.ask_token()).status_code == 200


async def test_guesses_are_logged_and_no_secret_is(cloud: Cloud) -> None:
    structlog.reset_defaults()
    with capture_logs() as logs:
        for _ in range(10):
            await cloud.ask_token(client_secret="my-guess")
        await cloud.ask_token(cloud.secrets["acme"], client_secret="acme")  # the two swapped
        token = await cloud.token("acme", address="203.0.113.9")
    told = repr(logs)
    assert [entry["event"] for entry in logs].count("Token request refused") == 11
    assert "held back" in told
    for secret in ("my-guess", cloud.secrets["acme"], token):
        assert secret not in told


async def test_a_client_made_a_moment_ago_gets_a_token_that_counts(cloud: Cloud) -> None:
    await cloud.organization("Central Library")
    answered = await cloud.call("/api/v1/login/test-token", await cloud.token("central-library"))
    assert answered.status_code == 200
    assert answered.json()["clientId"] == "central-library"
    authorized = await cloud.call("/api/v1/login/authorize", await cloud.token("central-library"), json={"userId": "u"})
    assert authorized.status_code == 200


def test_the_answer_with_a_token_does_not_show_it() -> None:
    from openharbor.cloud.accounts.messages import TokenResponse

    assert "s3cr3t" not in repr(Answer(200, TokenResponse("s3cr3t", "s3cr3t", 0, 300, "Bearer", "tower_access")))
