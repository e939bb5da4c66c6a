"""The bodies of webhooks: each example of webhooks.md, byte for byte."""

import json
import re
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from openharbor.cloud.lockers.change import Notice
from openharbor.cloud.webhooks.events import body_of

CONTRACT = Path(__file__).parents[3] / "contract" / "webhooks.md"
EXAMPLES: list[dict[str, Any]] = [
    json.loads(found) for found in re.findall(r"```json\n(.*?)```", CONTRACT.read_text(), re.DOTALL)
]
NOW = 1_763_892_000_214


def milliseconds(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp()) * 1000 + int(text[20:23] if text[19] == "." else 0)


def notice_of(example: Mapping[str, Any]) -> Notice:
    data = example["data"]
    synced = data.get("synced_until")
    return Notice(
        event=example["event"],
        source=data["source"],
        organization_id=1,
        tower_id=data["tower_id"],
        at=milliseconds(data["timestamp"]),
        tower_clock="." not in data["timestamp"],
        locker_id=data["locker_id"],
        status=data["locker_status"],
        token_id=data["open_locker_token_id"],
        reservation_id=data["reservation_id"],
        keypad_code=data["keypad_code"],
        client_info=data["client_info"],
        link_id=data["locker_open_request_id"],
        event_start=data.get("event_start"),
        event_count=data.get("event_count"),
        synced_until=None if synced is None else milliseconds(synced) // 1000,
    )


def in_milliseconds(example: dict[str, Any]) -> bytes:
    """The example, minified. The cloud keeps milliseconds: the last three of six decimals are zeros."""
    text = json.dumps(example, separators=(",", ":"))
    return re.sub(r"(\.\d{3})\d{3}\+00:00", r"\g<1>000+00:00", text).encode()


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda it: f"{it['event']}-{it['data']['source']}")
def test_the_body_is_the_documented_one_byte_for_byte(example: dict[str, Any]) -> None:
    payload = example["data"]["locker_open_request_payload"]
    given = None if payload is None else json.dumps(payload, separators=(",", ":"))
    recorded_at = milliseconds(f"{example['timestamp']}+00:00") + 999
    assert body_of(notice_of(example), given, recorded_at) == in_milliseconds(example)


def test_every_event_with_its_sources_has_an_example() -> None:
    assert len(EXAMPLES) >= 14
    assert {it["event"] for it in EXAMPLES} == {
        "LOCKER_ASSIGNED",
        "LOCKER_OPERATION",
        "LOCKER_RELEASED",
        "LOCKER_ALARM",
        "TOWER_SYNCED",
    }


@pytest.fixture
def created() -> Notice:
    return Notice(
        event="LOCKER_OPERATION",
        source="LOCKER_TOKEN_CREATED",
        organization_id=1,
        tower_id="0100000000000014",
        at=NOW,
        locker_id=959,
        status="rented",
        token_id=52,
    )


def test_the_link_is_never_told_when_a_token_is_created(created: Notice) -> None:
    data = json.loads(body_of(msgspec.structs.replace(created, link_id=56), '{"a":1}', NOW))["data"]
    assert (data["locker_open_request_id"], data["locker_open_request_payload"]) == (None, None)


def test_an_empty_client_info_is_sent_as_null(created: Notice) -> None:
    assert b'"client_info":null' in body_of(msgspec.structs.replace(created, client_info=""), None, NOW)


def test_a_payload_is_sent_as_it_was_given(created: Notice) -> None:
    payload = '{"big":123456789012345678901234567890,"n":1.50,"e":1E5,"a":"\\u0041 \\"b","twice":1,"twice":2}'
    used = msgspec.structs.replace(created, source="LOCKER_TOKEN_USED", link_id=56)
    assert f'"locker_open_request_payload":{payload}}}}}'.encode() in body_of(used, payload, NOW)


def test_text_is_utf_8_and_not_escaped(created: Notice) -> None:
    assert "Zoë 📦".encode() in body_of(msgspec.structs.replace(created, client_info="Zoë 📦"), None, NOW)


def test_the_largest_body_is_below_20_kb(created: Notice) -> None:
    largest = msgspec.structs.replace(created, source="LOCKER_TOKEN_USED", link_id=2**63 - 1, client_info="\0" * 500)
    assert len(body_of(largest, '{"a":"' + "x" * 4088 + '"}', NOW)) < 20_000
