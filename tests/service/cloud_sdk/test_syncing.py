"""Configuration, commands, events and resets, as a phone carries them (sdk.yaml)."""

from typing import Any

import pytest

from harness.cloud_rig import CLOSED_TOWER, TOWER
from openharbor.blink.cbor import decode
from openharbor.blink.sealing import unseal
from openharbor.cloud.scope import INSTALLATION
from openharbor.cloud.towers.commands import mark_seen, queue_next

from .room import KEY, NEW_TOWER, NOWHERE, TEST_TOWER, Room, details, event_packet

SMALL_LOCKERS = [{1: 102, 70: number, 71: 1, 72: number, 246: 0} for number in (1, 2, 3, 4)]
FORBIDDEN = (403, {"detail": "Not enough permissions"})
NOT_FOUND = (404, {"detail": "Tower not found"})
INVALID = (400, {"detail": "Invalid event packet"})
RECEIVED = (200, {"msg": "Events received"})


def told(answered: Any) -> tuple[int, Any]:
    return answered.status_code, answered.json()


# Configuration ----------------------------------------------------------


async def test_the_configuration_is_the_name_and_each_locker_as_plain_commands(cloud: Room) -> None:
    await cloud.allow("acme", "technician")
    answered = await cloud.get("configuration", tower=TOWER.upper())
    assert answered.status_code == 200
    body = answered.json()
    assert body["towerId"] == TOWER
    assert [decode(bytes.fromhex(one)) for one in body["commands"]] == [{1: 89, 60: "Foyer"}, *SMALL_LOCKERS]
    assert body["commands"][0] == "a20118591 83c65466f796572".replace(" ", "")


async def test_the_configuration_is_for_those_who_may_ask_for_a_staff_claim(cloud: Room) -> None:
    assert told(await cloud.get("configuration")) == FORBIDDEN
    for claim in ("owner", "technician", "developer"):
        await cloud.allow("acme", claim)
        assert (await cloud.get("configuration")).status_code == 200
    assert told(await cloud.get("configuration", token=cloud.of_end_user())) == FORBIDDEN
    for_test = await cloud.get("configuration", token=cloud.of_end_user(), tower=TEST_TOWER)
    assert for_test.status_code == 200


async def test_the_tower_must_exist_and_have_a_key(cloud: Room) -> None:
    await cloud.allow("acme", "owner")
    for tower in (NOWHERE, NEW_TOWER):
        assert told(await cloud.get("configuration", tower=tower)) == NOT_FOUND
        assert told(await cloud.get("commands", tower=tower)) == NOT_FOUND
        assert told(await cloud.post("events", [event_packet(now_s=1)], tower=tower)) == NOT_FOUND
        assert told(await cloud.post("reset-events", tower=tower)) == NOT_FOUND


# Commands ---------------------------------------------------------------


async def test_nothing_waits_at_first_and_what_waits_is_sealed_for_the_answer(cloud: Room) -> None:
    assert told(await cloud.get("commands")) == (200, [])
    two = [mark_seen(5), mark_seen(9)]
    await cloud.database.write(lambda tx: queue_next(INSTALLATION, tx, TOWER, two, cloud.clock.now()))
    answered = [await cloud.get("commands", token=one) for one in (cloud.of_end_user(), cloud.of_link())]
    for body in (one.json() for one in answered):
        (packet,) = body
        assert (packet["towerId"], packet["syncCommandStart"], packet["syncCommandCount"]) == (TOWER, 1, 2)
        assert set(packet) == {"towerId", "syncCommandStart", "syncCommandCount", "payload", "payloadAuth"}
        plain = unseal({1: KEY}, bytes.fromhex(packet["payload"]), bytes.fromhex(packet["payloadAuth"]), 2048)
        assert decode(plain)[35] == [{1: two[0].packet_type, 31: 5}, {1: two[1].packet_type, 31: 9}]
    assert answered[0].json()[0]["payload"] != answered[1].json()[0]["payload"]


# Events -----------------------------------------------------------------


async def test_events_are_stored_once_and_repeats_are_as_good(cloud: Room) -> None:
    now_s = cloud.clock.now() // 1000
    packet = event_packet(_boot(1, now_s), now_s=now_s)
    for _ in range(2):
        assert told(await cloud.post("events", [packet])) == RECEIVED
    upper = {name: value.upper() if isinstance(value, str) else value for name, value in packet.items()}
    assert told(await cloud.post("events", [upper], token=cloud.of_end_user())) == RECEIVED
    assert len(await cloud.rows("SELECT * FROM tower_events")) == 1
    assert cloud.woken, "the tower is synced: that is told"


async def test_a_packet_of_no_events_is_accepted(cloud: Room) -> None:
    assert told(await cloud.post("events", [event_packet(now_s=cloud.clock.now() // 1000)])) == RECEIVED


async def test_one_packet_that_is_not_authentic_fails_all(cloud: Room) -> None:
    now_s = cloud.clock.now() // 1000
    good = event_packet(_boot(1, now_s), now_s=now_s)
    for bad in (
        good | {"payloadAuth": good["payloadAuth"][:-2] + "00"},
        good | {"syncEventStart": 2},
        good | {"syncEventCount": 2},
        good | {"payload": "00"},
        event_packet(_boot(1, now_s), now_s=now_s, tower_id=CLOSED_TOWER),
        event_packet(_boot(1, now_s), now_s=now_s, rotation=9),
    ):
        assert told(await cloud.post("events", [good, bad])) == INVALID
    assert await cloud.rows("SELECT * FROM tower_events") == []
    entries = await cloud.audited("upload_tower_events")
    assert {one["outcome"] for one in entries} == {"Invalid event packet"}


@pytest.mark.parametrize(
    ("body", "loc", "msg", "kind"),
    [
        ([], ["body"], "List should have at least 1 item after validation, not 0", "too_short"),
        (
            [{"syncEventStart": 0, "syncEventCount": 0, "payload": "00", "payloadAuth": "00"}] * 101,
            ["body"],
            "List should have at most 100 items after validation, not 101",
            "too_long",
        ),
        (
            [{"syncEventStart": 0, "syncEventCount": 0, "payload": "0g", "payloadAuth": "00"}],
            ["body", 0, "payload"],
            "String should match pattern '^([0-9A-Fa-f]{2})+$'",
            "string_pattern_mismatch",
        ),
        (
            [{"syncEventStart": -1, "syncEventCount": 0, "payload": "00", "payloadAuth": "00"}],
            ["body", 0, "syncEventStart"],
            "Input should be greater than or equal to 0",
            "greater_than_equal",
        ),
        ([{}], ["body", 0, "syncEventStart"], "Field required", "missing"),
        ({}, ["body"], "Input should be a valid list", "list_type"),
    ],
)
async def test_a_body_of_events_that_is_not_valid_is_told(
    cloud: Room, body: object, loc: list[object], msg: str, kind: str
) -> None:
    assert told(await cloud.post("events", body)) == (422, {"detail": [{"loc": loc, "msg": msg, "type": kind}]})


async def test_no_body_of_events_is_told(cloud: Room) -> None:
    fault = {"loc": ["body"], "msg": "Field required", "type": "missing"}
    assert told(await cloud.post("events")) == (422, {"detail": [fault]})


# Resets -----------------------------------------------------------------


@pytest.mark.parametrize("sent", [{}, {"json": {"reason": "Board replaced"}}, {"content": b"null"}, {"json": {}}])
async def test_a_reset_is_queued_and_the_tower_answered(cloud: Room, sent: dict[str, Any]) -> None:
    await cloud.allow("acme", "owner")
    answered = await cloud.post("reset-events", tower=TEST_TOWER.upper(), **sent)
    assert told(answered) == (
        200,
        {
            "name": "Foyer",
            "description": "On the bench",
            "systemId": 1,
            "towerModelId": 1,
            "locationId": 54,
            "pinCode": None,
            "accessModeId": 1,
            "isForTest": True,
            "id": TEST_TOWER,
        },
    )
    (packet,) = (await cloud.get("commands", tower=TEST_TOWER)).json()
    assert packet["syncCommandCount"] == 1
    (entry,) = await cloud.audited("reset_tower_events")
    assert (entry["actor"], entry["outcome"]) == ("client:acme", "queued")
    assert details(entry).get("reason") == sent.get("json", {}).get("reason")


async def test_a_reset_is_for_those_who_may_ask_for_owner_or_technician(cloud: Room) -> None:
    assert told(await cloud.post("reset-events")) == FORBIDDEN
    await cloud.allow("acme", "developer")
    assert told(await cloud.post("reset-events")) == FORBIDDEN
    await cloud.allow("acme", "technician")
    assert told(await cloud.post("reset-events", token=cloud.of_end_user())) == FORBIDDEN
    assert (await cloud.post("reset-events")).status_code == 200
    outcomes = [one["outcome"] for one in await cloud.audited("reset_tower_events")]
    assert outcomes == ["Not enough permissions"] * 3 + ["queued"]


async def test_a_reason_has_500_characters_at_most(cloud: Room) -> None:
    refused = await cloud.post("reset-events", {"reason": "x" * 501})
    msg = "String should have at most 500 characters"
    fault = {"loc": ["body", "reason"], "msg": msg, "type": "string_too_long"}
    assert told(refused) == (422, {"detail": [fault]})


def _boot(event_id: int, at_s: int) -> dict[int, Any]:
    """A BOOT_EVENT with a sure clock (blink-protocol.md 9.2)."""
    return {1: 20, 5: at_s, 30: event_id, 125: "1.0.0", 230: 0, 232: 1, 233: 0}
