"""One service of two contracts: `{"detail": …}` below /api/v1, OAuth's errors at the token endpoint."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated, Any

import msgspec
import pytest
from msgspec import Meta

import openharbor
from openharbor.kit.errors import Refusal, StorageUnavailable
from openharbor.kit.http.connections import ConnectionLimits
from openharbor.kit.http.error_styles import DETAIL_STYLE, OAUTH_STYLE
from openharbor.kit.http.faults import field_fault
from openharbor.kit.http.limits import Limits
from openharbor.kit.http.operation import Answer, AnyObject, Call, Operation
from openharbor.kit.http.origins import bearer_origins

from .room import Answered, Doings, Room, serving

CONTRACTS = Path(openharbor.__file__).parent / "contract"
TOKEN = "/realms/harbor/protocol/openid-connect/token"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
POST = b"POST /api/v1/towers/0000000000000001/lockers HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"


class TowerPath(msgspec.Struct):
    tower_id: Annotated[str, Meta(pattern=r"^[0-9A-Fa-f]{16}\Z")]


class Near(msgspec.Struct):
    lat: Annotated[float, Meta(ge=-90, le=90)]


class Reserve(msgspec.Struct):
    duration: Annotated[int, Meta(ge=1, le=86400)]
    url: str = ""


class TokenRequest(msgspec.Struct):
    grant_type: str
    client_id: str = ""


async def reserve(call: Call) -> Answer | Refusal:
    if call.body.url == "http":
        return field_fault(("body", "url"), "URL scheme should be https", "url_scheme")
    if call.body.url == "storage":
        raise StorageUnavailable
    if call.body.url == "defect":
        raise RuntimeError("the secret is in here")
    return Answer(200, {"duration": call.body.duration, "tower": call.params.tower_id})


async def closest(_: Call) -> Answer:
    return Answer(200, msgspec.Raw(b"null"))


async def nothing(_: Call) -> Answer:
    return Answer(204)


async def echo(call: Call) -> Answer:
    return Answer(200, {"body": msgspec.to_builtins(call.body)})


async def token(call: Call) -> Answer | Refusal:
    if call.body.grant_type == "wrong":
        details = {"challenge": 'Basic realm="harbor"'}
        return Refusal("invalid_client", 401, "Invalid client or Invalid client credentials", details)
    return Answer(200, {"grant_type": call.body.grant_type, "client_id": call.body.client_id})


async def keys(_: Call) -> Answer:
    return Answer(200, {"keys": []}, {"Cache-Control": "public, max-age=300"})


def operations(doings: Doings) -> list[Operation]:
    tower = "/api/v1/towers/{tower_id}"
    return [
        Operation("reserve", "POST", f"{tower}/lockers", reserve, "service_provider", TowerPath, body=Reserve),
        Operation("list", "GET", "/api/v1/locations", nothing, "service_provider", limited=False),
        Operation("closest", "GET", "/api/v1/locations/closest", closest, "service_provider", query=Near),
        Operation("release", "POST", f"{tower}/release", echo, None, TowerPath, body=AnyObject, body_optional=True),
        Operation("token", "POST", TOKEN, token, None, form=TokenRequest, error_style=OAUTH_STYLE),
        Operation("certs", "GET", "/realms/harbor/certs", keys, None, error_style=OAUTH_STYLE),
        Operation("slow", "POST", f"{tower}/open", doings.open_slowly, None, limited=False),
    ]


OPTIONS: dict[str, Any] = {
    "made_of": operations,
    "error_style": DETAIL_STYLE,
    "either_slash": True,
    "origins": bearer_origins(["https://shop.example"]),
    "contracts": [(CONTRACTS / "service-provider.yaml", ""), (CONTRACTS / "accounts.yaml", "/realms/harbor")],
    "limits": Limits(body_bytes=1000),
}
LOCKERS = "/api/v1/towers/0000000000000001/lockers"


@pytest.fixture(scope="module")
async def cloud() -> AsyncIterator[Room]:
    async with serving(**OPTIONS) as room:
        yield room


async def post(room: Room, path: str, body: object, **headers: str) -> Answered:
    return await room.call("POST", path, body, headers)


@pytest.mark.parametrize(
    ("method", "path", "status", "detail"),
    [
        ("GET", "/nothing", 404, "Not Found"),
        ("GET", "/", 404, "Not Found"),
        ("GET", "/realms/harbor/nothing", 404, "Not Found"),
        ("PUT", LOCKERS, 405, "Method Not Allowed"),
        ("PUT", f"{LOCKERS}/", 405, "Method Not Allowed"),
        ("GET", f"{LOCKERS}//", 404, "Not Found"),
        ("GET", "//", 404, "Not Found"),
    ],
)
async def test_what_is_not_there_is_told_in_the_contracts_words(
    cloud: Room, method: str, path: str, status: int, detail: str
) -> None:
    answer = await cloud.call(method, path)
    assert (answer.status, answer.json) == (status, {"detail": detail})
    assert answer.headers.get("allow") == ("POST" if status == 405 else None)


@pytest.mark.parametrize("slash", ["", "/"])
async def test_every_path_is_served_with_and_without_a_slash_and_never_redirects(cloud: Room, slash: str) -> None:
    assert (await post(cloud, LOCKERS + slash, {"duration": 5})).json == {"duration": 5, "tower": "0000000000000001"}
    assert (await cloud.call("GET", f"/api/v1/locations{slash}")).status == 204
    assert (await cloud.call("GET", f"/api/v1/locations/closest{slash}?lat=5")).json is None
    assert (await cloud.call("POST", TOKEN + slash, b"grant_type=a", FORM)).status == 200


async def test_json_null_can_be_an_answer_and_nothing_can_be_one(cloud: Room) -> None:
    answer = await cloud.call("GET", "/api/v1/locations/closest?lat=5")
    assert (answer.status, answer.body, answer.headers["content-type"]) == (200, b"null", "application/json")
    answer = await cloud.call("GET", "/api/v1/locations")
    assert (answer.status, answer.body) == (204, b"")
    assert "content-type" not in answer.headers
    assert "content-length" not in answer.headers


@pytest.mark.parametrize(
    ("path", "body", "loc", "msg", "kind"),
    [
        (LOCKERS, {"duration": 86401}, ["body", "duration"],
         "Input should be less than or equal to 86400", "less_than_equal"),
        (LOCKERS, {}, ["body", "duration"], "Field required", "missing"),
        (LOCKERS, b"", ["body"], "Field required", "missing"),
        (LOCKERS, None, ["body"], "Field required", "missing"),
        (LOCKERS, b"{x", ["body", 1], "JSON decode error", "json_invalid"),
        (LOCKERS, {"duration": 1, "url": "http"}, ["body", "url"], "URL scheme should be https", "url_scheme"),
        ("/api/v1/towers/xyz/lockers", {"duration": 1}, ["path", "tower_id"],
         "String should match pattern '^[0-9A-Fa-f]{16}$'", "string_pattern_mismatch"),
        ("/api/v1/towers/0000000000000001%0A/lockers", {"duration": 1}, ["path", "tower_id"],
         "String should match pattern '^[0-9A-Fa-f]{16}$'", "string_pattern_mismatch"),
        ("/api/v1/towers/0000000000000001/release", b"[]", ["body"],
         "Input should be a valid dictionary or object to extract fields from", "model_attributes_type"),
    ],
)  # fmt: skip
async def test_a_request_that_does_not_fit_gets_a_list_of_faults(
    cloud: Room, path: str, body: object, loc: list[object], msg: str, kind: str
) -> None:
    answer = await post(cloud, path, body)
    assert (answer.status, answer.json) == (422, {"detail": [{"loc": loc, "msg": msg, "type": kind}]})


async def test_a_query_that_does_not_fit_gets_a_list_of_faults(cloud: Room) -> None:
    answer = await cloud.call("GET", "/api/v1/locations/closest?lat=100")
    told = {"loc": ["query", "lat"], "msg": "Input should be less than or equal to 90", "type": "less_than_equal"}
    assert (answer.status, answer.json) == (422, {"detail": [told]})


async def test_json_needs_no_content_type_but_no_other_is_read(cloud: Room) -> None:
    body = json.dumps({"duration": 5}).encode()
    assert (await post(cloud, LOCKERS, body, **{"Content-Type": ""})).status == 200
    head = f"POST {LOCKERS} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    assert (await cloud.raw(head + body)).status == 200
    answer = await post(cloud, LOCKERS, body, **{"Content-Type": "text/plain"})
    assert answer.status == 422
    assert answer.json["detail"][0]["loc"] == ["header", "content-type"]


@pytest.mark.parametrize("body", [None, b"", {}, {"any": [1, {"thing": None}]}])
async def test_a_body_of_which_no_field_is_read_may_be_any_object_or_nothing(cloud: Room, body: object) -> None:
    answer = await post(cloud, "/api/v1/towers/0000000000000001/release", body)
    assert (answer.status, answer.json) == (200, {"body": {}})


async def test_a_body_that_is_too_large_is_told_in_both_styles(cloud: Room) -> None:
    answer = await post(cloud, LOCKERS, b'{"duration":5}' + b" " * 1000)
    assert (answer.status, answer.json) == (413, {"detail": "Request Entity Too Large"})
    answer = await cloud.call("POST", TOKEN, b"grant_type=" + b"a" * 1000, FORM)
    told = {"error": "invalid_request", "error_description": "Request Entity Too Large"}
    assert (answer.status, answer.json) == (413, told)


async def test_without_a_token_the_contracts_challenge_is_sent(cloud: Room) -> None:
    answer = await cloud.call("GET", "/api/v1/locations", headers={"X-API-Key": "wrong"})
    assert (answer.status, answer.headers["www-authenticate"]) == (401, "Bearer")
    assert answer.json == {"detail": "A valid API key is needed"}


async def test_a_defect_is_told_by_its_number_in_a_header(cloud: Room) -> None:
    answer = await post(cloud, LOCKERS, {"duration": 5, "url": "defect"})
    assert (answer.status, answer.json) == (500, {"detail": "Internal Server Error"})
    assert len(answer.headers["x-incident"]) == 8


async def test_what_cannot_work_now_is_told_with_a_time_to_come_back(cloud: Room) -> None:
    answer = await post(cloud, LOCKERS, {"duration": 5, "url": "storage"})
    assert (answer.status, answer.json) == (503, {"detail": "Service Unavailable"})
    assert answer.headers["retry-after"] == "5"


async def test_a_form_is_read_into_its_struct(cloud: Room) -> None:
    answer = await cloud.call("POST", TOKEN, b"grant_type=client_credentials&client_id=a%20b", FORM)
    assert (answer.status, answer.json) == (200, {"grant_type": "client_credentials", "client_id": "a b"})
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("body", "content_type", "description"),
    [
        (b"client_id=a", FORM["Content-Type"], "Missing form parameter: grant_type"),
        (b"", FORM["Content-Type"], "Missing form parameter: grant_type"),
        (None, "", "Missing form parameter: grant_type"),
        (b"grant_type=a&grant_type=a", FORM["Content-Type"] + "; charset=UTF-8", "Repeated form parameter: grant_type"),
        (b"grant_type=%f", FORM["Content-Type"], "The form is not form encoded in UTF-8"),
        (b'{"grant_type":"a"}', "application/json", "The body must be application/x-www-form-urlencoded"),
        (b"grant_type=a", "", "The body must be application/x-www-form-urlencoded"),
    ],
)
async def test_a_form_that_does_not_fit_is_an_oauth_error(
    cloud: Room, body: bytes | None, content_type: str, description: str
) -> None:
    answer = await cloud.call("POST", TOKEN, body, {"Content-Type": content_type})
    assert (answer.status, answer.json) == (400, {"error": "invalid_request", "error_description": description})
    assert answer.headers["cache-control"] == "no-store"


async def test_an_operation_with_a_style_of_its_own_has_it_for_wrong_methods_and_challenges(cloud: Room) -> None:
    answer = await cloud.call("GET", TOKEN)
    assert (answer.status, answer.json["error_description"]) == (405, "Method Not Allowed")
    answer = await cloud.call("POST", TOKEN, b"grant_type=wrong", FORM)
    assert (answer.status, answer.json["error"]) == (401, "invalid_client")
    assert answer.headers["www-authenticate"] == 'Basic realm="harbor"'


async def test_an_answer_may_say_how_long_it_may_be_kept(cloud: Room) -> None:
    assert (await cloud.call("GET", "/realms/harbor/certs")).headers["cache-control"] == "public, max-age=300"


@pytest.mark.parametrize(("prefix", "server"), [("", "/api/v1"), ("/realms/harbor", "/realms/harbor")])
async def test_each_contract_is_served_below_its_own_place(cloud: Room, prefix: str, server: str) -> None:
    contract = await cloud.call("GET", f"{prefix}/openapi.json")
    assert (contract.status, contract.json["servers"]) == (200, [{"url": server}])
    docs = await cloud.call("GET", f"{prefix}/docs")
    assert docs.status == 200
    assert f"Paths are below <code>{server}</code>" in docs.body.decode()
    assert f'href="{prefix}/openapi.json"' in docs.body.decode()


@pytest.mark.parametrize("host", ["evil.example", "lockers.example.com", "10.0.0.1:80", "localhost", ""])
async def test_a_caller_that_shows_a_token_may_use_any_name_and_come_from_any_page(cloud: Room, host: str) -> None:
    answer = await cloud.call("GET", "/api/v1/locations", headers={"Host": host, "Origin": "https://evil.example"})
    assert answer.status == 204
    assert not [name for name in answer.headers if name.startswith("access-control")]


async def test_only_pages_of_configured_origins_may_ask_and_read(cloud: Room) -> None:
    asked = {"Access-Control-Request-Method": "POST"}
    answer = await cloud.call("OPTIONS", LOCKERS, headers={"Origin": "https://shop.example", **asked})
    assert (answer.status, answer.headers["access-control-allow-origin"]) == (204, "https://shop.example")
    answer = await cloud.call("OPTIONS", LOCKERS, headers={"Origin": "https://evil.example", **asked})
    assert answer.status == 405
    assert not [name for name in answer.headers if name.startswith("access-control")]


async def test_operations_outside_of_the_rate_limit_may_still_be_bounded_together() -> None:
    limits = Limits(in_flight=1, bounds_unlimited=True, requests_per_minute=1, loopback_exempt=False)
    async with serving(**{**OPTIONS, "limits": limits}) as room:
        for _ in range(3):
            assert (await room.call("GET", "/api/v1/locations")).status == 204
        slow = asyncio.create_task(room.call("POST", "/api/v1/towers/1/open"))
        await asyncio.wait_for(room.doings.opening.wait(), 10)
        answer = await room.call("GET", "/api/v1/locations")
        assert (answer.status, answer.json) == (503, {"detail": "Service Unavailable"})
        assert answer.headers["retry-after"] == "1"
        room.doings.go_on.set()
        await slow


async def test_what_never_gets_to_the_application_is_told_in_its_style_too() -> None:
    quick = ConnectionLimits(head_seconds=10, body_seconds=0.2, head_bytes=2000)
    async with serving(**{**OPTIONS, "connections": quick}) as room:
        assert (await room.raw(b"nonsense\r\n\r\n")).json == {"detail": "The request is not valid HTTP"}
        answer = await room.raw(b"GET / HTTP/1.1\r\nX: " + b"x" * 5000)
        assert (answer.status, answer.json) == (413, {"detail": "Request Entity Too Large"})
        answer = await room.raw(POST + b"Content-Length: 9\r\n\r\n{")
        assert (answer.status, answer.json) == (408, {"detail": "The request did not arrive in time"})
