"""Pages for people beside the operations, the contract, and starting and stopping with the server."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import yaml
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from .room import Room, serving

CONTRACTS = Path(__file__).parents[3] / "contract"


async def page(request: Request) -> Response:
    if request.query_params.get("fail"):
        raise RuntimeError("the secret is in here")
    return HTMLResponse(
        "<!doctype html><title>Hello</title>", headers={"Content-Security-Policy": "default-src 'none'"}
    )


PAGES = [Route("/hello", page, methods=["GET"])]


async def test_a_page_is_served_with_the_headers_of_every_page() -> None:
    async with serving(pages=PAGES) as room:
        answer = await room.call("GET", "/hello")
        assert (answer.status, answer.body) == (200, b"<!doctype html><title>Hello</title>")
        assert answer.headers["x-frame-options"] == "DENY"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["content-security-policy"] == "default-src 'none'"  # its own, stricter one
        assert answer.headers["x-request-id"]


async def test_a_page_is_not_for_foreign_hosts_and_fails_without_telling_secrets() -> None:
    async with serving(pages=PAGES) as room:
        assert (await room.call("GET", "/hello", headers={"Host": "evil.example"})).status == 403
        assert (await room.call("POST", "/hello")).error[:2] == (405, "METHOD_NOT_ALLOWED")
        assert (await room.call("GET", "/hallo")).status == 404
        failed = await room.call("GET", "/hello?fail=1")
        assert failed.error[:2] == (500, "INTERNAL_ERROR")
        assert b"secret" not in failed.body


@pytest.mark.parametrize("name", ["gateway-local", "gateway-admin"])
async def test_the_contract_is_served_whole_with_every_reference_inside(name: str) -> None:
    async with serving(contract=CONTRACTS / f"{name}.yaml", contract_prefix="/admin/api") as room:
        served = json.loads((await room.call("GET", "/admin/api/openapi.json")).body)
    written = yaml.safe_load((CONTRACTS / f"{name}.yaml").read_text())
    assert served["paths"].keys() == written["paths"].keys()
    for reference in re.findall(r'"\$ref":\s*"([^"]+)"', json.dumps(served)):
        found = served
        for part in reference.removeprefix("#/").split("/"):
            found = found[part]
        assert found is not None


async def test_the_docs_show_every_operation_and_ask_for_nothing_from_elsewhere() -> None:
    async with serving(contract=CONTRACTS / "gateway-local.yaml") as room:
        answer = await room.call("GET", "/docs")
        json_answer = await room.call("GET", "/openapi.json")
    text = answer.body.decode()
    for item in json.loads(json_answer.body)["paths"].values():
        for operation in (one for one in item.values() if isinstance(one, dict) and "operationId" in one):
            assert f'id="{operation["operationId"]}"' in text
    assert not re.search(r"<(script|link|img|iframe|object|embed|form)\b|src=|url\(|@import", text)
    assert {link for link in re.findall(r'href="([^"]*)"', text) if not link.startswith("#")} == {"/openapi.json"}
    assert "default-src 'none'; style-src 'sha256-" in answer.headers["content-security-policy"]


async def test_a_contract_that_is_not_there_is_told_at_the_start() -> None:
    with pytest.raises(FileNotFoundError):
        async with serving(contract=CONTRACTS / "nothing.yaml"):
            pass


async def test_what_the_service_needs_starts_before_and_ends_after_the_requests() -> None:
    steps: list[str] = []

    @asynccontextmanager
    async def lifespan() -> AsyncIterator[None]:
        steps.append("started")
        yield
        steps.append("ended")

    async def stopped() -> None:
        steps.append("stopping")

    async with serving(lifespan=lifespan, on_stop=stopped) as room:
        assert (await room.call("GET", "/health")).status == 200
        steps.append("served")
    assert steps == ["started", "served", "stopping", "ended"]


async def test_a_farewell_that_fails_does_not_keep_the_server_up() -> None:
    async def fails() -> None:
        raise RuntimeError("cannot")

    async with asyncio.timeout(10), serving(on_stop=fails) as room:
        assert (await room.call("GET", "/health")).status == 200


async def test_the_same_operation_twice_is_a_defect_of_the_room(room: Room) -> None:
    from openharbor.kit.http.routing import make_routes

    with pytest.raises(ValueError, match="GET /parcels is given twice"):
        make_routes([("GET", "/parcels", 1), ("GET", "/parcels", 2)])
    assert room.url
