"""/webhook-endpoints of a running cloud, as service-provider.yaml says, and what it sends."""

import asyncio
import re
from collections.abc import Iterator
from typing import Any

import pytest

from harness.api import Api, Reply
from harness.clouds import TOWER, Cloud, cloud, lockers, new_database
from service.cloud_webhooks.receivers import answers, listening

ROOT = "/api/v1/webhook-endpoints"
URL = "https://shop.example.com/hooks/lockers"
MESSAGE_ID = r"msg_[0-9A-HJKMNP-TV-Z]{26}"
EVENTS = "'LOCKER_ASSIGNED', 'LOCKER_OPERATION', 'LOCKER_RELEASED', 'LOCKER_ALARM' or 'TOWER_SYNCED'"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    directory = tmp_path_factory.mktemp("cloud")
    with cloud(new_database(directory), directory / "log") as served:
        yield served


@pytest.fixture(scope="module")
def api(running: Cloud) -> Api:
    return running.api()


@pytest.fixture(scope="module")
def other(running: Cloud) -> Api:
    """Another provider."""
    return running.api(running.database.library)


def create(api: Api, **fields: Any) -> dict[str, Any]:
    reply = api.post(ROOT, {"url": URL, **fields})
    assert reply.status == 201, reply
    made: dict[str, Any] = reply.body
    return made


def patch(api: Api, endpoint: int, **fields: Any) -> Reply:
    return api.call("PATCH", f"{ROOT}/{endpoint}", fields)


def faults(reply: Reply) -> list[tuple[list[Any], str, str]]:
    assert reply.status == 422, reply
    return [(fault["loc"], fault["msg"], fault["type"]) for fault in reply.body["detail"]]


def test_an_endpoint_is_created_with_its_defaults_and_its_secret_is_shown_once(api: Api) -> None:
    made = create(api)
    assert list(made) == ["id", "url", "events", "description", "enabled", "createdAt", "updatedAt", "secret"]
    assert re.fullmatch(r"whsec_[A-Za-z0-9+/]{43}=", made.pop("secret"))
    assert (made["url"], made["events"], made["description"], made["enabled"]) == (URL, [], "", True)
    assert api.get(f"{ROOT}/{made['id']}").body == made
    assert made in api.get(f"{ROOT}/").body


def test_endpoints_are_listed_by_id_and_only_to_their_owner(api: Api, other: Api) -> None:
    first, second = create(api)["id"], create(api)["id"]
    listed = [it["id"] for it in api.get(ROOT).body]
    assert listed == sorted(listed)
    assert {first, second} <= {*listed}
    assert {first, second}.isdisjoint(it["id"] for it in other.get(ROOT).body)


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ({}, (["body", "url"], "Field required", "missing")),
        ({"url": "ftp://shop.example.com"}, (["body", "url"], "URL scheme should be https", "url_scheme")),
        ({"url": "http://8.8.8.8/"}, (["body", "url"], "URL scheme should be https", "url_scheme")),
        (
            {"url": "https://10.0.0.1/hooks"},
            (["body", "url"], "URL resolves to an address that is not allowed", "value_error"),
        ),
        (
            {"url": "https://[::ffff:192.168.1.1]/"},
            (["body", "url"], "URL resolves to an address that is not allowed", "value_error"),
        ),
        (
            {"url": f"https://shop.example.com/{'x' * 2048}"},
            (["body", "url"], "String should have at most 2048 characters", "string_too_long"),
        ),
        ({"url": URL, "events": ["OPENED"]}, (["body", "events", 0], f"Input should be {EVENTS}", "enum")),
        (
            {"url": URL, "events": ["TOWER_SYNCED", "TOWER_SYNCED"]},
            (["body", "events"], "List items should be unique", "value_error"),
        ),
        (
            {"url": URL, "description": "x" * 201},
            (["body", "description"], "String should have at most 200 characters", "string_too_long"),
        ),
        ({"url": URL, "enabled": "yes"}, (["body", "enabled"], "Input should be a valid boolean", "bool_type")),
    ],
)
def test_a_body_that_is_not_valid_is_told_field_by_field(api: Api, body: object, fault: Any) -> None:
    assert faults(api.post(ROOT, body)) == [fault]


def test_http_may_lead_to_a_loopback_address(api: Api) -> None:
    assert create(api, url="http://localhost:8081/hooks")["url"] == "http://localhost:8081/hooks"


def test_what_is_left_out_of_a_change_stays_as_it_is(api: Api) -> None:
    made = create(api, events=["TOWER_SYNCED"], description="One \u0000 two")
    reply = patch(api, made["id"], enabled=False)
    assert reply.status == 200
    expected = {**made, "enabled": False, "updatedAt": reply.body["updatedAt"]}
    del expected["secret"]
    assert reply.body == expected
    assert patch(api, made["id"], events=[], url="https://other.example.com/").body["events"] == []


def test_a_change_of_nothing_and_a_change_to_a_private_address_are_refused(api: Api) -> None:
    endpoint = create(api)["id"]
    assert faults(patch(api, endpoint)) == [(["body"], "Dictionary should have at least 1 item", "too_short")]
    assert faults(patch(api, endpoint, url="https://192.168.0.1/"))[0][0] == ["body", "url"]
    assert patch(api, endpoint, unknown=1).status == 200


def test_a_rotation_makes_a_new_secret_and_shows_it_once(api: Api) -> None:
    made = create(api)
    rotated = patch(api, made["id"], rotateSecret=True).body
    assert rotated["secret"] != made["secret"]
    assert "secret" not in patch(api, made["id"], rotateSecret=False).body


def test_a_deleted_endpoint_and_another_provider_s_are_not_found(api: Api, other: Api) -> None:
    endpoint, theirs = create(api)["id"], create(other)["id"]
    assert api.call("DELETE", f"{ROOT}/{endpoint}").status == 204
    for number in (endpoint, theirs, 2**63 - 1):
        one = f"{ROOT}/{number}"
        replies = [
            api.get(one),
            patch(api, number, enabled=False),
            api.call("DELETE", one),
            api.get(f"{one}/deliveries"),
            api.post(f"{one}/test"),
            api.post(f"{one}/deliveries/msg_{'0' * 26}/redeliver"),
        ]
        assert [(it.status, it.body) for it in replies] == [(404, {"detail": "Webhook endpoint not found"})] * 6
    assert other.get(f"{ROOT}/{theirs}").status == 200


def test_an_id_that_is_none_is_refused(api: Api) -> None:
    assert faults(api.get(f"{ROOT}/0"))[0][0] == ["path", "endpoint_id"]
    assert faults(api.post(f"{ROOT}/1/deliveries/x/redeliver"))[0][0] == ["path", "delivery_id"]
    assert faults(api.get(f"{ROOT}/1/deliveries?limit=101"))[0][0] == ["query", "limit"]
    assert faults(api.get(f"{ROOT}/1/deliveries?status=lost"))[0][0] == ["query", "status"]


@pytest.mark.parametrize(
    ("event", "source", "status"),
    [
        ("LOCKER_ASSIGNED", "LOCKER_RESERVED", "reserved"),
        ("LOCKER_OPERATION", "LOCKER_TOKEN_USED", "occupied"),
        ("LOCKER_RELEASED", "PICKED_UP", "available"),
        ("LOCKER_ALARM", "DOOR_FORCED", "available"),
        ("TOWER_SYNCED", "TOWER_SYNCED", None),
    ],
)
async def test_a_test_sends_a_signed_sample(api: Api, event: str, source: str, status: str | None) -> None:
    locker = None if event == "TOWER_SYNCED" else 0
    async with listening() as receiver:
        made = await asyncio.to_thread(create, api, url=receiver.url, events=["LOCKER_ALARM"])
        reply = await asyncio.to_thread(api.post, f"{ROOT}/{made['id']}/test", {"event": event})
        (request,) = await receiver.got(1)
    assert reply.status == 202
    assert re.fullmatch(MESSAGE_ID, reply.body["id"])
    assert (reply.body["source"], reply.body["towerId"], reply.body["lockerId"]) == (source, "0" * 16, locker)
    assert (reply.body["status"], reply.body["attempts"]) == ("pending", [])
    assert reply.body["nextAttemptAt"] == reply.body["createdAt"]
    data = request.verified(made["secret"])["data"]
    assert (request.id, request.event["event"]) == (reply.body["id"], event)
    assert (data["tower_id"], data["locker_id"], data["source"], data["locker_status"]) == (
        "0" * 16,
        locker,
        source,
        status,
    )


async def test_without_a_body_a_test_sends_an_operation(api: Api) -> None:
    async with listening() as receiver:
        endpoint = (await asyncio.to_thread(create, api, url=receiver.url))["id"]
        await asyncio.to_thread(api.post, f"{ROOT}/{endpoint}/test")
        (request,) = await receiver.got(1)
    assert request.event["event"] == "LOCKER_OPERATION"


async def test_a_reservation_is_told_listed_and_sent_again_on_request(api: Api) -> None:
    free = next(it["id"] for it in lockers(api) if it["status"] == {"name": "available", "id": 1})
    locker = f"/api/v1/towers/{TOWER}/lockers/{free}"
    async with listening() as receiver:
        made = await asyncio.to_thread(create, api, url=receiver.url)
        reserved = await asyncio.to_thread(api.post, f"{locker}/reservations", {"duration": 600})
        assert reserved.status in (200, 201), reserved
        (request,) = await receiver.got(1)
        data = request.verified(made["secret"])["data"]
        assert (data["source"], data["locker_id"], data["locker_status"]) == ("LOCKER_RESERVED", free, "reserved")
        (listed,) = await delivered(api, made["id"])
        assert (listed["id"], listed["event"], listed["nextAttemptAt"]) == (request.id, "LOCKER_ASSIGNED", None)
        assert [(it["responseStatus"], it["error"]) for it in listed["attempts"]] == [(200, None)]
        again = f"{ROOT}/{made['id']}/deliveries/{request.id}/redeliver"
        reply = await asyncio.to_thread(api.post, again)
        assert (reply.status, reply.body["status"]) == (202, "pending")
        _, repeated = await receiver.got(2)
        assert (repeated.id, repeated.body) == (request.id, request.body)
        (listed,) = await delivered(api, made["id"])
        assert len(listed["attempts"]) == 2
        assert (await asyncio.to_thread(patch, api, made["id"], enabled=False)).status == 200
        refused = await asyncio.to_thread(api.post, again)
        assert (refused.status, refused.body) == (409, {"detail": "Webhook endpoint is disabled"})
        refused = await asyncio.to_thread(api.post, f"{ROOT}/{made['id']}/test")
        assert (refused.status, refused.body) == (409, {"detail": "Webhook endpoint is disabled"})


async def delivered(api: Api, endpoint: int) -> list[dict[str, Any]]:
    """The deliveries of an endpoint once the newest is delivered."""
    async with asyncio.timeout(60):
        while True:
            reply = await asyncio.to_thread(api.get, f"{ROOT}/{endpoint}/deliveries")
            assert reply.status == 200, reply
            listed: list[dict[str, Any]] = reply.body
            if listed and listed[0]["status"] == "delivered":
                return listed
            await asyncio.sleep(0.01)


async def test_a_pending_delivery_cannot_be_sent_again_and_an_unknown_one_is_not_found(api: Api) -> None:
    async with listening(answers(500)) as receiver:
        endpoint = (await asyncio.to_thread(create, api, url=receiver.url))["id"]
        sent = await asyncio.to_thread(api.post, f"{ROOT}/{endpoint}/test")
        await receiver.got(1)
    deliveries = f"{ROOT}/{endpoint}/deliveries"
    reply = await asyncio.to_thread(api.post, f"{deliveries}/{sent.body['id']}/redeliver")
    assert (reply.status, reply.body) == (409, {"detail": "Webhook delivery is pending"})
    reply = await asyncio.to_thread(api.post, f"{deliveries}/msg_{'0' * 26}/redeliver")
    assert (reply.status, reply.body) == (404, {"detail": "Webhook delivery not found"})
    assert api.get(f"{deliveries}?status=dead").body == []
    assert len(api.get(f"{deliveries}?status=pending&limit=1").body) == 1
    assert api.get(f"{deliveries}?skip=1").body == []
