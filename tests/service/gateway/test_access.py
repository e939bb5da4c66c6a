"""Who may call what over HTTP: keys, scopes, foreign origins and hosts (gateway-local.yaml, "Access")."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from harness.api import Api
from harness.processes import openharbor
from harness.virtual_site import await_boards, found, served, virtual

SCOPES = ("read", "transactions", "maintenance", "devices", "system")

# One request for each scope, and the status it has for a caller who may.
REQUESTS: dict[str, list[tuple[str, str, object, int]]] = {
    "read": [("GET", "/lockers", None, 200), ("GET", "/transactions", None, 200), ("GET", "/metrics", None, 200)],
    "transactions": [("POST", "/transactions", {"transactionId": "t"}, 201), ("DELETE", "/transactions/t", None, 204)],
    "maintenance": [("PATCH", "/lockers/1", {"brokenLock": False}, 200), ("POST", "/lockers/99/open", None, 404)],
    "devices": [
        ("POST", "/system/heartbeat", {"deviceId": "kiosk", "deviceType": "kiosk", "status": "ok"}, 200),
    ],
    "system": [("PATCH", "/system", {"pulseMs": 500}, 200), ("GET", "/system/logs", None, 200)],
}


@dataclass(frozen=True)
class Guarded:
    """A gateway beyond loopback, and a key for each scope alone."""

    api: Api
    keys: dict[str, str]


def new_key(data: Path, name: str, *scopes: str, expires: str | None = None) -> str:
    words = [word for scope in scopes for word in ("--scope", scope)]
    more = [] if expires is None else ["--expires", expires]
    return openharbor("gateway", "api-key", "create", "--data", str(data), "--name", name, *words, *more).stdout.strip()


def on_loopback(url: str) -> Api:
    """The same server, called through 127.0.0.1 whatever it listens on."""
    return Api(f"http://127.0.0.1:{url.rsplit(':', 1)[1]}")


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    data = found(tmp_path_factory.mktemp("access"), [virtual("a", 2)])
    keys = {scope: new_key(data, f"only {scope}", scope) for scope in SCOPES}
    with served(data, "--host", "0.0.0.0") as service:
        api = on_loopback(service.url)
        await_boards(api, 1)
        yield Guarded(api, keys)


def test_beyond_loopback_every_caller_needs_a_key_callers_on_loopback_too(guarded: Guarded) -> None:
    for requests in REQUESTS.values():
        for method, path, body, _ in requests:
            answer = guarded.api.call(method, path, body)
            assert (answer.status, answer.error) == (401, "UNAUTHORIZED"), path


def test_the_root_the_admin_page_and_health_stay_open(guarded: Guarded) -> None:
    assert guarded.api.get("/").status == 307
    assert guarded.api.get("/admin").status == 200
    assert guarded.api.get("/health").status == 200
    assert guarded.api.get("/openapi.json").status == 200
    assert guarded.api.get("/docs").status == 200


@pytest.mark.parametrize("scope", SCOPES)
def test_a_key_may_do_what_its_scope_says_and_nothing_else(guarded: Guarded, scope: str) -> None:
    mine = guarded.api.with_key(guarded.keys[scope])
    for method, path, body, status in REQUESTS[scope]:
        assert mine.call(method, path, body).status == status, path
    for other in set(SCOPES) - {scope}:
        for method, path, body, _ in REQUESTS[other]:
            answer = mine.call(method, path, body)
            assert (answer.status, answer.error) == (403, "FORBIDDEN"), path
            assert answer.body["details"] == {"requiredScope": other}


def test_a_key_may_come_as_bearer_token(guarded: Guarded) -> None:
    key = guarded.keys["read"]
    assert guarded.api.get("/lockers", Authorization=f"Bearer {key}").status == 200
    assert guarded.api.get("/lockers", Authorization=f"bearer {key}").status == 200
    assert guarded.api.get("/lockers", Authorization=f"Basic {key}").status == 401


def test_a_wrong_key_is_refused_and_open_paths_do_not_mind_it(guarded: Guarded) -> None:
    wrong = guarded.api.with_key("ohgw_" + "0" * 64)
    assert wrong.get("/lockers").error == "UNAUTHORIZED"
    assert wrong.get("/health").status == 200


def test_nothing_of_a_key_stands_in_the_logs_or_in_an_error(guarded: Guarded) -> None:
    key = guarded.keys["read"]
    refused = guarded.api.with_key(key).post("/transactions", {"transactionId": "t"})
    assert key not in str(refused.body)
    logs = guarded.api.with_key(guarded.keys["system"]).get("/system/logs?level=debug&limit=1000").body
    assert logs
    assert not any(one in str(logs) for one in guarded.keys.values())


def test_a_page_of_another_origin_may_call_nothing(guarded: Guarded) -> None:
    answer = guarded.api.with_key(guarded.keys["read"]).get("/lockers", Origin="https://example.com")
    assert (answer.status, answer.error) == (403, "FORBIDDEN")
    assert answer.body["details"]["origin"] == "https://example.com"


def test_a_foreign_host_gets_nothing_but_the_three_open_paths(guarded: Guarded) -> None:
    mine = guarded.api.with_key(guarded.keys["read"])
    assert (mine.get("/lockers", Host="rebound.example").status, mine.get("/lockers", Host="localhost").status) == (
        403,
        200,
    )
    for path in ("/", "/admin", "/health"):
        assert guarded.api.get(path, Host="rebound.example").status in (200, 307)


@pytest.mark.slow
def test_on_loopback_nobody_needs_a_key_but_one_that_is_sent_is_checked(tmp_path: Path) -> None:
    data = found(tmp_path, [virtual("a", 1)])
    key = new_key(data, "reader", "read")
    with served(data) as service:
        api = Api(service.url)
        assert api.get("/lockers").status == 200
        assert api.with_key("wrong").get("/lockers").status == 401
        assert api.with_key(key).get("/lockers").status == 200
        assert api.with_key(key).post("/transactions", {"transactionId": "t"}).status == 403
        answer = api.post("/lockers/1/open", Origin="https://example.com")
        assert (answer.status, answer.error) == (403, "FORBIDDEN")


@pytest.mark.slow
def test_with_allow_anonymous_lan_nobody_needs_a_key_and_each_start_warns_of_it(tmp_path: Path) -> None:
    data = found(tmp_path, [virtual("a", 1)])
    with served(data, "--host", "0.0.0.0", "--allow-anonymous-lan") as service:
        api = on_loopback(service.url)
        await_boards(api, 1)
        assert api.post("/transactions", {"transactionId": "t"}).status == 201
        assert api.with_key("wrong").get("/lockers").status == 401
        lines = [json.loads(line) for line in service.log.read_text().splitlines()]
        assert any(one["level"] == "warning" and "No caller needs a key" in one["message"] for one in lines)


@pytest.mark.slow
def test_a_key_that_expired_or_was_revoked_is_refused(tmp_path: Path) -> None:
    data = found(tmp_path, [virtual("a", 1)])
    revoked, kept = new_key(data, "revoked", "read"), new_key(data, "kept", "read", expires="2126-01-01T00:00:00Z")
    openharbor("gateway", "api-key", "revoke", "--data", str(data), "1")
    with served(data, "--host", "0.0.0.0") as service:
        api = on_loopback(service.url)
        assert api.with_key(revoked).get("/lockers").status == 401
        assert api.with_key(kept).get("/lockers").status == 200
