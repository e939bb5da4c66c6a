"""What a request meets on its way to the handler, in this order; and what its answer says."""

import pytest

from openharbor.kit.clock import SteppedClock

from .room import Room, read_answer, serving


async def test_a_request_reaches_its_handler_decoded(room: Room) -> None:
    answer = await room.call(
        "PATCH", "/parcels/a%3Ab", {"parcelId": "a:b", "weight": 7}, {"X-API-Key": "kiosk", "X-Request-Id": "r-1"}
    )
    assert answer.status == 200
    assert answer.json == [{"parcelId": "a:b"}, None, {"parcelId": "a:b", "weight": 7}]
    (call,) = room.doings.calls
    assert (call.method, call.path, call.request_id) == ("PATCH", "/parcels/a:b", "r-1")
    assert (call.caller.address, call.caller.key_id) == ("127.0.0.1", "kiosk")
    assert call.received_at == SteppedClock().now()
    assert call.raw_body == b'{"parcelId": "a:b", "weight": 7}'


async def test_an_answer_is_json_that_nobody_keeps_and_bears_the_request_id(room: Room) -> None:
    answer = await room.call("GET", "/parcels", headers={"X-Request-Id": "from-the-caller"})
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-request-id"] == "from-the-caller"


@pytest.mark.parametrize("given", [None, "", "two words", "x" * 65, "umläut"])
async def test_a_request_id_that_is_not_1_to_64_visible_characters_is_replaced(room: Room, given: str | None) -> None:
    answer = await room.call("GET", "/parcels", headers={} if given is None else {"X-Request-Id": given})
    assert len(answer.headers["x-request-id"]) == 16


async def test_an_error_has_the_code_the_words_the_time_and_the_details(room: Room) -> None:
    answer = await room.call("GET", "/parcel")
    assert answer.status == 404
    assert answer.json == {
        "error": "NOT_FOUND",
        "message": "There is nothing at /parcel",
        "timestamp": "2026-02-25T06:13:20.000Z",
        "details": {"path": "/parcel"},
    }


@pytest.mark.parametrize(
    "path",
    ["/nothing", "/parcels/", "/parcels/a/", "/parcels//open", "/Parcels", "/parcels/a/b", "//parcels/x", "/%00"],
)
async def test_an_unknown_path_is_not_found(room: Room, path: str) -> None:
    answer = await room.call("GET", path)
    assert (answer.status, answer.json["error"]) == (404, "NOT_FOUND")


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("DELETE", "/parcels", "GET, POST"),
        ("HEAD", "/parcels/a", "GET, PATCH"),
        ("OPTIONS", "/parcels/a", "GET, PATCH"),
        ("GET", "/parcels/open-all", "POST"),
        ("PATCH", "/parcels/open-all", "POST"),
        ("PATCH", "/parcels/open%2Dall", "POST"),
        ("PROPFIND", "/parcels", "GET, POST"),
    ],
)
async def test_a_method_that_a_path_lacks_is_told_with_those_it_has(
    room: Room, method: str, path: str, allow: str
) -> None:
    reader, writer = await room.connect()
    writer.write(f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
    sent = (await reader.read()).decode().lower()
    writer.close()
    assert sent.startswith("http/1.1 405 ")
    assert f"\r\nallow: {allow.lower()}\r\n" in sent


async def test_a_slash_that_is_encoded_divides_no_segments(room: Room) -> None:
    answer = await room.call("GET", "/parcels/a%2Fb")
    assert answer.error == (400, "INVALID_REQUEST", {"parcelId": "must be 1 to 20 characters of a-z 0-9 : -"})


async def test_unknown_paths_come_before_the_host_and_the_key(room: Room) -> None:
    foreign = {"Host": "evil.example", "X-API-Key": "wrong"}
    assert (await room.call("GET", "/nothing", headers=foreign)).status == 404
    assert (await room.call("PUT", "/parcels", headers=foreign)).status == 405
    assert (await room.call("GET", "/parcels", headers=foreign)).status == 403


async def test_the_key_comes_before_the_stop_and_the_stop_before_the_body() -> None:
    async with serving(is_stopping=lambda: True) as room:
        assert (await room.call("POST", "/parcels", b"{", {"X-API-Key": "wrong"})).status == 401
        answer = await room.call("POST", "/parcels", b"{")
        assert answer.error == (503, "SHUTTING_DOWN", {})
        assert answer.headers["retry-after"] == "5"


async def test_while_the_service_stops_reads_are_answered_and_changes_are_not() -> None:
    async with serving(is_stopping=lambda: True) as room:
        assert (await room.call("GET", "/parcels")).status == 200
        assert (await room.call("POST", "/parcels/a/open")).status == 503
        assert room.door.told[-1][:2] == ("openParcel", "SHUTTING_DOWN")


async def test_a_missing_key_is_challenged(room: Room) -> None:
    answer = await room.call("GET", "/parcels", headers={"X-API-Key": "wrong"})
    assert answer.error == (401, "UNAUTHORIZED", {})
    assert answer.headers["www-authenticate"] == 'Bearer realm="openharbor"'


async def test_the_gatekeeper_is_told_of_each_refusal_before_the_handler(room: Room) -> None:
    await room.call("GET", "/parcels", headers={"Host": "evil.example"})
    await room.call("GET", "/parcels", headers={"X-API-Key": "wrong"})
    await room.call("GET", "/parcels?limit=0", headers={"X-API-Key": "kiosk"})
    told = [(operation, code, caller and caller.name) for operation, code, caller in room.door.told]
    assert told == [
        ("listParcels", "FORBIDDEN", None),
        ("listParcels", "UNAUTHORIZED", None),
        ("listParcels", "INVALID_REQUEST", "kiosk"),
    ]


@pytest.mark.parametrize(
    ("query", "rule"),
    [
        ("open=yes", {"open": "must be true or false"}),
        ("open=True", {"open": "must be true or false"}),
        ("open", {"open": "must be true or false"}),
        ("limit=101", {"limit": "must be 1 to 100"}),
        ("limit=1.0", {"limit": "must be 1 to 100"}),
        ("limit=+1", {"limit": "must be 1 to 100"}),
        ("limit=5&limit=5", {"limit": "must be given once"}),
    ],
)
async def test_a_malformed_query_parameter_is_told_with_its_rule(room: Room, query: str, rule: dict[str, str]) -> None:
    answer = await room.call("GET", f"/parcels?{query}")
    assert answer.error == (400, "INVALID_REQUEST", rule)
    assert answer.json["message"] == "A query parameter is malformed"


async def test_unknown_query_parameters_are_ignored(room: Room) -> None:
    answer = await room.call("GET", "/parcels?open=true&x=1&x=2&limit=7")
    assert answer.json == [None, {"open": True, "limit": 7}, None]


@pytest.mark.parametrize("key", ["", "a" * 256, "two words", "\xff"])
async def test_a_malformed_header_is_told_by_its_name(room: Room, key: str) -> None:
    answer = await room.call("POST", "/parcels", {"parcelId": "a"}, {"Idempotency-Key": key})
    assert answer.error == (
        400, "INVALID_REQUEST", {"Idempotency-Key": "must be 1 to 255 visible ASCII characters"},
    )  # fmt: skip


@pytest.mark.parametrize("name", ["Idempotency-Key", "Host", "X-API-Key", "Origin"])
async def test_a_header_that_decides_may_be_given_once(room: Room, name: str) -> None:
    twice = f"{name}: localhost\r\n{name}: localhost\r\n"
    host = "" if name == "Host" else "Host: localhost\r\n"
    body = 'Content-Type: application/json\r\nContent-Length: 16\r\n\r\n{"parcelId":"a"}'
    answer = await room.raw(f"POST /parcels HTTP/1.1\r\n{host}{twice}{body}".encode())
    assert answer.error == (400, "INVALID_REQUEST", {name.lower(): "must be given once"})


async def test_a_connection_takes_one_request_after_another_also_ahead_of_the_answers(room: Room) -> None:
    reader, writer = await room.connect()
    writer.write(b"GET /parcels?limit=1 HTTP/1.1\r\nHost: localhost\r\n\r\n" * 2)
    writer.write(b"GET /nothing HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert [(await read_answer(reader)).status for _ in range(3)] == [200, 200, 404]
    writer.close()


async def test_an_upgrade_that_is_not_offered_is_an_ordinary_request(room: Room) -> None:
    answer = await room.call("GET", "/parcels", headers={"Connection": "Upgrade", "Upgrade": "websocket"})
    assert answer.status == 200
