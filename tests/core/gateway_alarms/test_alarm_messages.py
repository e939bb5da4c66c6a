"""Alarms as they are shown: field for field as the contract has them."""

from pathlib import Path
from typing import Any

import msgspec
import yaml

from openharbor.gateway.alarm_messages import alarm_body, event_json, webhook_json
from openharbor.gateway.alarms import ALARM_CODES, Alarm, Cause, Change
from openharbor.kit.http.timestamps import parse_rfc3339

CONTRACT: dict[str, Any] = yaml.safe_load(
    (Path(__file__).parents[3] / "contract" / "gateway-admin.yaml").read_text(encoding="utf-8")
)
RAISED = parse_rfc3339("2026-03-02T16:50:17.300Z")
LEFT_OPEN = Alarm(41, Cause("door_left_open", 3, 1), "Door of locker 3 open for 300 s", RAISED)


def example(name: str) -> Any:
    return CONTRACT["components"]["examples"][name]["value"]


def test_alarms_look_like_those_of_the_contract() -> None:
    away = Alarm(
        40,
        Cause("device_offline", device_id="keypad-lobby"),
        "Device keypad-lobby missed 3 heartbeats",
        parse_rfc3339("2026-03-02T15:03:40.000Z"),
        parse_rfc3339("2026-03-02T15:09:02.418Z"),
    )
    assert msgspec.to_builtins([alarm_body(LEFT_OPEN), alarm_body(away)]) == example("alarms")


def test_the_codes_are_those_of_the_contract() -> None:
    assert sorted(ALARM_CODES) == sorted(CONTRACT["components"]["schemas"]["AlarmCode"]["enum"])


def test_the_event_is_the_one_that_the_contract_shows() -> None:
    examples = CONTRACT["paths"]["/events"]["get"]["responses"]["200"]["content"]["text/event-stream"]["examples"]
    assert (
        f"event: alarm\ndata: {event_json(Change('raised', LEFT_OPEN, RAISED)).decode()}\n"
        in (examples["events"]["value"])
    )


def test_the_webhook_is_the_event_in_an_envelope() -> None:
    change = Change("raised", LEFT_OPEN, RAISED)
    sent = msgspec.json.decode(webhook_json(change, RAISED + 1500))
    assert sent == {
        "timestamp": "2026-03-02T16:50:18",
        "event": "ALARM",
        "data": msgspec.json.decode(event_json(change)),
    }
