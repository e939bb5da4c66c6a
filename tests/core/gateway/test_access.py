"""Who may call what (gateway-local.yaml, "Access")."""

import hashlib

import pytest

from openharbor.gateway.access import admit
from openharbor.gateway.site import ApiKey
from openharbor.kit.errors import Refusal
from openharbor.kit.http.operation import Caller

SECRET = "ohgw_" + "5" * 64
DIGEST = hashlib.sha256(SECRET.encode()).hexdigest()
KEYS = {DIGEST: ApiKey(4, "Lobby kiosk", DIGEST, frozenset({"read"}), 0, expires_at=1000)}


def ask(
    headers: dict[str, str],
    *,
    scope: str | None = "read",
    now: int = 0,
    open_to_all: bool = False,
    at: str = "127.0.0.1",
) -> Caller | Refusal:
    return admit(KEYS, scope, headers, at, now, open_to_all=open_to_all)


@pytest.mark.parametrize("headers", [{"x-api-key": SECRET}, {"authorization": f"Bearer {SECRET}"}])
def test_a_key_may_come_in_either_header(headers: dict[str, str]) -> None:
    caller = ask(headers, at="10.0.0.9")
    assert isinstance(caller, Caller)
    assert (caller.kind, caller.name, caller.key_id) == ("apiKey", "Lobby kiosk", "4")


def test_without_a_key_nothing_is_served_unless_all_are_let_in() -> None:
    refused = ask({})
    assert isinstance(refused, Refusal)
    assert refused.code == "UNAUTHORIZED"
    assert isinstance(ask({}, open_to_all=True), Caller)


@pytest.mark.parametrize(
    "headers", [{"x-api-key": "ohgw_wrong"}, {"authorization": f"Basic {SECRET}"}, {"x-api-key": ""}]
)
def test_a_key_that_is_sent_is_checked_even_where_none_is_needed(headers: dict[str, str]) -> None:
    refused = ask(headers, open_to_all=True)
    assert isinstance(refused, Refusal)
    assert refused.status == 401


def test_an_expired_key_is_no_key() -> None:
    assert isinstance(ask({"x-api-key": SECRET}, now=999), Caller)
    assert isinstance(ask({"x-api-key": SECRET}, now=1000), Refusal)


def test_a_key_without_the_scope_is_forbidden_and_told_which() -> None:
    refused = ask({"x-api-key": SECRET}, scope="maintenance")
    assert isinstance(refused, Refusal)
    assert (refused.status, refused.details) == (403, {"requiredScope": "maintenance"})


def test_open_paths_ask_nobody_for_a_key() -> None:
    assert isinstance(ask({"x-api-key": "wrong"}, scope=None), Caller)


def test_a_caller_on_the_network_is_never_called_loopback() -> None:
    caller = ask({}, open_to_all=True, at="10.0.0.9")
    assert isinstance(caller, Caller)
    assert caller.kind == "anonymous"
