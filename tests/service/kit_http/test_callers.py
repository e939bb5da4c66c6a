"""Web pages, hosts, and callers that ask too much."""

import asyncio

import pytest

from openharbor.kit.http.limits import Limits

from .room import Room, serving

COUNTED = Limits(requests_per_minute=3, loopback_exempt=False)


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "http://localhost.evil.example", "http://127.0.0.1"]
)
async def test_a_page_of_another_origin_is_refused_and_nothing_is_done(room: Room, origin: str) -> None:
    answer = await room.call("POST", "/parcels/a/open", headers={"Origin": origin})
    assert answer.error == (403, "FORBIDDEN", {"origin": origin})
    assert "access-control-allow-origin" not in answer.headers
    assert room.doings.calls == []


@pytest.mark.parametrize(
    "host",
    ["evil.example", "127.0.0.1.evil.example", "tower.evil.example:8080", "localhost:80a", "a@localhost", "0x7f.1", ""],
)
async def test_a_name_that_is_not_this_machines_is_refused(room: Room, host: str) -> None:
    answer = await room.call("GET", "/parcels", headers={"Host": host})
    assert answer.error == (403, "FORBIDDEN", {"host": host})


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "localhost:1",
        "LOCALHOST",
        "[::1]:8080",
        "10.1.2.3:80",
        "tower",
        "Tower.local:8080",
        "lobby.example",
    ],
)
async def test_addresses_and_the_machines_own_and_configured_names_are_served(room: Room, host: str) -> None:
    assert (await room.call("GET", "/parcels", headers={"Host": host})).status == 200


async def test_a_page_of_the_same_origin_is_served(room: Room) -> None:
    assert (await room.call("GET", "/parcels", headers={"Origin": room.url})).status == 200


async def test_a_path_that_is_open_answers_any_host_and_origin(room: Room) -> None:
    foreign = {"Host": "evil.example", "Origin": "https://evil.example"}
    assert (await room.call("GET", "/health", headers=foreign)).status == 200


async def test_a_page_of_an_allowed_origin_may_ask_and_read(room: Room) -> None:
    page = {"Origin": "https://shop.example"}
    asked = await room.call("OPTIONS", "/parcels/a", headers={**page, "Access-Control-Request-Method": "PATCH"})
    assert asked.status == 204
    assert asked.headers["access-control-allow-methods"] == "GET, PATCH"
    answer = await room.call("GET", "/parcels/a", headers=page)
    assert (answer.status, answer.headers["access-control-allow-origin"]) == (200, "https://shop.example")
    assert answer.headers["vary"] == "Origin"


async def test_nobody_else_is_told_what_a_page_may_do(room: Room) -> None:
    page = {"Origin": "https://evil.example", "Access-Control-Request-Method": "PATCH"}
    asked = await room.call("OPTIONS", "/parcels/a", headers=page)
    assert asked.status == 405
    assert not [name for name in asked.headers if name.startswith("access-control")]


async def test_beyond_the_limit_of_a_minute_a_caller_is_told_when_to_come_back() -> None:
    async with serving(limits=COUNTED) as room:
        assert [(await room.call("GET", "/parcels")).status for _ in range(4)] == [200, 200, 200, 429]
        await room.clock.advance(20)
        answer = await room.call("GET", "/parcels")
        assert answer.error == (429, "RATE_LIMITED", {"limitPerMinute": "3"})
        assert answer.headers["retry-after"] == "40"
        await room.clock.advance(40)
        await room.clock.advance(20)
        assert (await room.call("GET", "/parcels")).status == 200


async def test_each_key_has_a_limit_of_its_own() -> None:
    async with serving(limits=COUNTED) as room:
        for key in ("kiosk", "till"):
            calls = [await room.call("GET", "/parcels", headers={"X-API-Key": key}) for _ in range(4)]
            assert [call.status for call in calls] == [200, 200, 200, 429]


async def test_what_is_not_limited_is_answered_beyond_the_limit() -> None:
    async with serving(limits=COUNTED) as room:
        assert {(await room.call("GET", "/health")).status for _ in range(5)} == {200}


async def test_callers_on_this_machine_are_not_limited() -> None:
    async with serving(limits=Limits(requests_per_minute=1)) as room:
        assert {(await room.call("GET", "/parcels")).status for _ in range(5)} == {200}


async def test_beyond_so_many_requests_at_once_one_more_is_refused_but_not_a_health_check() -> None:
    async with serving(limits=Limits(in_flight=1)) as room:
        opening = asyncio.create_task(room.call("POST", "/parcels/a/open"))
        await asyncio.wait_for(room.doings.opening.wait(), 10)
        answer = await room.call("GET", "/parcels")
        assert answer.error == (429, "RATE_LIMITED", {"limitAtOnce": "1"})
        assert answer.headers["retry-after"] == "1"
        assert (await room.call("GET", "/health")).status == 200
        room.doings.go_on.set()
        assert (await opening).status == 200
        assert (await room.call("GET", "/parcels")).status == 200
