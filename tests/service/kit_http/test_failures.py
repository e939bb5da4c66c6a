"""What a caller gets when something goes wrong, and what does not go wrong with it."""

import asyncio
import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from openharbor.kit.logs import LogRing, configure
from openharbor.kit.metrics import new_registry, render

from .room import Room, serving


@pytest.fixture
def logs() -> Iterator[LogRing]:
    """What was logged; the configuration of the process is put back."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield configure("json", "debug", stream=io.StringIO())
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


async def test_a_defect_is_logged_under_the_incident_that_the_caller_gets_and_tells_no_secret(
    room: Room, logs: LogRing
) -> None:
    answer = await room.call("GET", "/fail?kind=defect", headers={"X-Request-Id": "r-7"})
    status, code, details = answer.error
    assert (status, code) == (500, "INTERNAL_ERROR")
    assert len(details["incident"]) == 8
    assert b"secret" not in answer.body
    (entry,) = logs.entries("error")
    assert (entry.context["incident"], entry.context["requestId"]) == (details["incident"], "r-7")
    assert "RuntimeError" in str(entry.context["exception"])


@pytest.mark.parametrize("kind", ["unsendable", "split"])
async def test_an_answer_that_cannot_be_sent_is_a_defect(room: Room, logs: LogRing, kind: str) -> None:
    answer = await room.call("GET", f"/fail?kind={kind}")
    assert answer.error[:2] == (500, "INTERNAL_ERROR")
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize(
    ("kind", "status", "code", "message"),
    [
        ("storage", 503, "STORAGE_UNAVAILABLE", "The gateway cannot write its database"),
        ("closed", 503, "SHUTTING_DOWN", "The gateway is shutting down"),
    ],
)
async def test_a_part_that_cannot_work_now_is_told_with_a_time_to_come_back(
    room: Room, kind: str, status: int, code: str, message: str
) -> None:
    answer = await room.call("GET", f"/fail?kind={kind}")
    assert (answer.status, answer.json["error"], answer.json["message"]) == (status, code, message)
    assert answer.headers["retry-after"] == "5"


async def test_a_refusal_may_be_raised(room: Room) -> None:
    assert (await room.call("GET", "/fail?kind=refused")).error == (409, "CONFLICT", {"why": "test"})


async def test_an_answer_without_a_body_has_no_length_and_no_type(room: Room) -> None:
    answer = await room.call("GET", "/fail?kind=nothing")
    assert (answer.status, answer.body) == (204, b"")
    assert "content-type" not in answer.headers


async def test_a_client_that_disconnects_does_not_stop_what_has_begun(room: Room) -> None:
    _, writer = await room.connect()
    writer.write(b"POST /parcels/a/open HTTP/1.1\r\nHost: localhost\r\n\r\n")
    await asyncio.wait_for(room.doings.opening.wait(), 10)
    writer.transport.abort()
    assert (await room.call("GET", "/parcels")).status == 200
    assert not room.doings.opened.is_set()
    room.doings.go_on.set()
    await asyncio.wait_for(room.doings.opened.wait(), 10)


async def test_a_client_that_leaves_before_its_body_is_whole_has_asked_for_nothing(room: Room, logs: LogRing) -> None:
    _, writer = await room.connect()
    writer.write(
        b"POST /parcels HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 16\r\n\r\n"
        b'{"parcelId":"a"'
    )
    await writer.drain()
    writer.close()
    async with asyncio.timeout(10):
        while not [entry for entry in logs.entries() if entry.context.get("status") == 499]:
            assert (await room.call("GET", "/health")).status == 200
    assert [call.path for call in room.doings.calls if call.path == "/parcels"] == []


async def test_requests_are_counted_by_operation_and_status() -> None:
    registry = new_registry()
    async with serving(registry=registry) as room:
        await room.call("GET", "/parcels")
        await room.call("GET", "/parcels?limit=0")
        await room.call("GET", "/nothing")
    text = render(registry).decode()
    assert 'openharbor_http_requests_total{operation="listParcels",status="200"} 1.0' in text
    assert 'openharbor_http_requests_total{operation="listParcels",status="400"} 1.0' in text
    assert 'openharbor_http_requests_total{operation="none",status="404"} 1.0' in text
    assert 'openharbor_http_request_duration_seconds_count{operation="listParcels"} 2.0' in text


async def test_each_request_is_a_line_in_the_log_at_debug(room: Room, logs: LogRing) -> None:
    await room.call("GET", "/parcels?open=true", headers={"X-API-Key": "ohgw_0123456789abcdef"})
    entry = logs.entries("debug")[-1]
    assert (entry.message, entry.context["path"], entry.context["status"]) == ("Request answered", "/parcels", 200)
    assert "0123456789abcdef" not in json.dumps(entry.context)
