"""Whatever is sent, the answer is one of the contract's, and never 500."""

import asyncio
import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from openharbor.kit.clock import SteppedClock
from openharbor.kit.http.app import App, make_app
from openharbor.kit.http.error_styles import DETAIL_STYLE, GATEWAY_STYLE, OAUTH_STYLE, ErrorStyle
from openharbor.kit.http.origins import own_origins

from .room import Doings, Door, Room, operations

paths = st.sampled_from(["/parcels", "/parcels/open-all", "/parcels/a", "/parcels/a/open", "/health", "/nothing"])
methods = st.sampled_from(["GET", "POST", "PATCH", "PUT", "DELETE", "HEAD", "OPTIONS"])
DECIDING = ["host", "origin", "x-api-key", "authorization", "content-type", "content-length", "transfer-encoding"]
OTHERS = ["idempotency-key", "x-request-id", "access-control-request-method", "accept"]
names = st.sampled_from([*DECIDING, *OTHERS])
values = st.binary(max_size=30) | st.sampled_from([b"application/json", b"localhost", b"https://shop.example", b"5"])
bodies = st.binary(max_size=60) | st.dictionaries(
    st.sampled_from(["parcelId", "weight", "kind", "x"]), st.text(max_size=5) | st.integers() | st.floats() | st.none()
).map(lambda value: json.dumps(value).encode())

FIELDS = (
    (GATEWAY_STYLE, {"error", "message", "timestamp", "details"}),
    (DETAIL_STYLE, {"detail"}),
    (OAUTH_STYLE, {"error", "error_description"}),
)


@pytest.fixture(scope="module")
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as runner:
        yield runner


@pytest.fixture(scope="module", params=[GATEWAY_STYLE, DETAIL_STYLE, OAUTH_STYLE], ids=["gateway", "detail", "oauth"])
def style(request: pytest.FixtureRequest) -> ErrorStyle:
    given: ErrorStyle = request.param
    return given


@pytest.fixture(scope="module")
def app(runner: asyncio.Runner, style: ErrorStyle) -> App:
    async def made() -> App:
        doings = Doings()
        doings.go_on.set()
        origins = own_origins("tower", allowed=["https://shop.example"])
        safe = [one for one in operations(doings) if one.operation_id != "fail"]
        return make_app(safe, gatekeeper=Door(), clock=SteppedClock(), origins=origins, error_style=style)

    return runner.run(made())


async def answered(app: App, scope: Mapping[str, Any], body: bytes) -> tuple[int, Mapping[bytes, bytes], bytes]:
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    await app(dict(scope), receive, send)
    start, rest = sent
    return start["status"], dict(start["headers"]), rest["body"]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200, deadline=None)
@given(
    method=methods,
    path=paths | st.text(max_size=20).map(lambda text: f"/parcels/{text}"),
    raw=st.binary(max_size=20),
    query=st.binary(max_size=40),
    headers=st.lists(st.tuples(names.map(str.encode), values), max_size=6),
    body=bodies,
)
@example("POST", "/parcels", b"", b"", [(b"content-length", b"\xb2"), (b"content-type", b"application/json")], b"{}")
def test_no_request_is_answered_with_a_defect(
    runner: asyncio.Runner,
    app: App,
    style: ErrorStyle,
    method: str,
    path: str,
    raw: bytes,
    query: bytes,
    headers: list[tuple[bytes, bytes]],
    body: bytes,
) -> None:
    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "raw_path": path.encode("utf-8", "replace") + raw,
        "query_string": query,
        "headers": headers,
        "scheme": "http",
        "client": ("10.0.0.9", 5),
    }
    status, answer_headers, sent = runner.run(answered(app, scope, body))
    assert status in {200, 201, 204, 400, 401, 403, 404, 405, 413, 415, 422}
    assert 1 <= len(answer_headers[b"x-request-id"]) <= 64
    if status >= 400:
        assert (style, json.loads(sent).keys()) in FIELDS
    assert (status == 422) <= (style is DETAIL_STYLE)


async def test_no_bytes_on_a_socket_stop_the_server(room: Room) -> None:
    for number in range(200):
        _, writer = await room.connect()
        writer.write(bytes((number * step) % 256 for step in range(1, 80)) + b"\r\n\r\n")
        writer.close()
    assert (await room.call("GET", "/parcels")).status == 200
