"""What requests ask for: rules that no single field can tell, and the limits of the fields (gateway-local.yaml)."""

from typing import Any

import pytest

from openharbor.gateway import messages as m
from openharbor.gateway.allocation import Wish
from openharbor.gateway.fields import is_address
from openharbor.gateway.requests import device_of, service_change_of, settings_change_of, wish_of
from openharbor.gateway.service_state import ServiceChange
from openharbor.gateway.site import Device
from openharbor.kit.errors import Refusal
from openharbor.kit.http.decoding import body_decoder, headers_decoder, params_decoder
from openharbor.kit.timezones import is_timezone

NOW = 1_772_000_000_000
HEARTBEAT = b'"deviceId": "kiosk-1", "deviceType": "kiosk", "status": "ok"'


def body(kind: type, raw: bytes) -> Any:
    return body_decoder(kind)(raw)


def wrong(found: object) -> dict[str, str]:
    assert isinstance(found, Refusal)
    assert (found.code, found.status) == ("INVALID_REQUEST", 400)
    return dict(found.details)


@pytest.mark.parametrize("locker_id", [b"1", b"null", b'"x"', b"[]"])
def test_callers_cannot_pick_the_locker(locker_id: bytes) -> None:
    asked = body(m.CreateTransactionRequest, b'{"transactionId": "a", "lockerId": ' + locker_id + b"}")
    assert wrong(wish_of(asked)) == {"lockerId": "is not accepted here"}


def test_a_create_asks_for_any_type_unless_it_names_one() -> None:
    assert wish_of(body(m.CreateTransactionRequest, b'{"transactionId": "a", "unknown": 1}')) == Wish(
        None, False, False
    )
    raw = b'{"transactionId": "a", "lockerType": "medium", "requireLowLocker": true, "allowLarger": true}'
    assert wish_of(body(m.CreateTransactionRequest, raw)) == Wish("medium", True, True)


@pytest.mark.parametrize("transaction_id", ["", ".a", "a" * 129, "a b", "é", "a\n", "a/b"])
def test_a_transaction_id_has_128_plain_characters_at_most(transaction_id: str) -> None:
    assert "transactionId" in wrong(params_decoder(m.TransactionPath)({"transactionId": transaction_id}))


@pytest.mark.parametrize("transaction_id", ["a", "_", ":", "-.", "parcel-2026:000481", "a" * 128])
def test_transaction_ids_that_are_well_formed(transaction_id: str) -> None:
    assert params_decoder(m.TransactionPath)({"transactionId": transaction_id}) == m.TransactionPath(transaction_id)


@pytest.mark.parametrize("key", ["", "a b", "é", "k" * 256])
def test_an_idempotency_key_is_255_visible_characters_at_most(key: str) -> None:
    rule = {"Idempotency-Key": "must be 1 to 255 visible ASCII characters"}
    assert wrong(headers_decoder(m.IdempotencyHeaders)({"idempotency-key": key})) == rule


@pytest.mark.parametrize(
    ("raw", "details"),
    [
        (b"{}", {"body": "nothing to change"}),
        (b'{"reasonCode": "OTHER"}', {"body": "nothing to change"}),
        (b'{"outOfService": true}', {"reasonCode": "is required"}),
        (b'{"outOfService": true, "brokenLock": true, "reason": "x"}', {"reasonCode": "is required"}),
    ],
)
def test_a_change_of_service_state_needs_a_flag_and_taking_out_a_reason(raw: bytes, details: dict[str, str]) -> None:
    assert wrong(service_change_of(body(m.UpdateLockerRequest, raw))) == details


def test_a_change_of_service_state_is_taken_as_it_is() -> None:
    raw = b'{"outOfService": true, "reasonCode": "CLEANING", "reason": "Spilt"}'
    assert service_change_of(body(m.UpdateLockerRequest, raw)) == ServiceChange(True, None, "CLEANING", "Spilt")
    assert service_change_of(body(m.UpdateLockerRequest, b'{"brokenLock": false}')) == ServiceChange(None, False)


@pytest.mark.parametrize(
    ("raw", "details"),
    [
        (b"{}", {"body": "nothing to change"}),
        (b'{"gatewayId": "x"}', {"body": "nothing to change"}),
        (b'{"timezone": "Mars/Olympus"}', {"timezone": "must be an IANA time zone name"}),
        (b'{"timezone": "../etc/passwd", "pulseMs": 500}', {"timezone": "must be an IANA time zone name"}),
    ],
)
def test_a_change_of_settings_needs_one_that_exists(raw: bytes, details: dict[str, str]) -> None:
    assert wrong(settings_change_of(body(m.UpdateSystemRequest, raw))) == details


def test_a_change_of_settings_has_only_what_was_given() -> None:
    asked = body(m.UpdateSystemRequest, b'{"timezone": "America/Los_Angeles", "doorLeftOpenSeconds": 0}')
    assert settings_change_of(asked) == {"timezone": "America/Los_Angeles", "door_left_open_seconds": 0}


@pytest.mark.parametrize(
    ("kind", "raw", "details"),
    [
        (m.UpdateSystemRequest, b'{"pulseMs": 49}', {"pulseMs": "must be 50 to 2000"}),
        (m.UpdateSystemRequest, b'{"pulseMs": null}', {"pulseMs": "must be 50 to 2000"}),
        (m.UpdateSystemRequest, b'{"doorLeftOpenSeconds": 86401}', {"doorLeftOpenSeconds": "must be 0 to 86400"}),
        (m.UpdateSystemRequest, b'{"openDetectionSeconds": 19}', {"openDetectionSeconds": "must be 1 to 18"}),
        (m.UpdateLockerRequest, b'{"reason": null}', {"reason": "must be at most 500 characters"}),
        (m.CreateTransactionRequest, b"{}", {"transactionId": "is required"}),
        (m.OpenAllLockersRequest, b'{"lockerIds": [1]}', {"lockerIds": "is not accepted here"}),
        (m.OpenAllLockersRequest, b'{"bankId": 0}', {"bankId": "must be an integer of 1 to 2147483647"}),
        (
            m.DeviceHeartbeatRequest,
            b'{"deviceId": "k", "deviceType": "tv", "status": "ok"}',
            {"deviceType": "must be kiosk, screen, keypad, camera or other"},
        ),
    ],
)
def test_a_field_beyond_its_limit_is_named_with_it(kind: type, raw: bytes, details: dict[str, str]) -> None:
    assert wrong(body(kind, raw)) == details


def test_a_heartbeat_tells_what_it_knows_and_the_rest_is_filled_in() -> None:
    device = device_of(body(m.DeviceHeartbeatRequest, b"{" + HEARTBEAT + b"}"), "fe80::1%eth0", NOW)
    assert device == Device("kiosk-1", "kiosk", "ok", None, "fe80::1", None, {}, None, NOW, NOW)
    more = b', "metrics": {"brightness": 80}, "timestamp": "2026-03-02T18:05:00.0009+01:00", "ipAddress": "10.0.0.31"}'
    told = device_of(body(m.DeviceHeartbeatRequest, b"{" + HEARTBEAT + more), "10.0.0.9", NOW)
    assert isinstance(told, Device)
    assert (told.ip_address, told.metrics, told.device_time) == ("10.0.0.31", {"brightness": 80.0}, 1_772_471_100_000)


def test_a_heartbeat_from_nowhere_is_refused() -> None:
    asked = body(m.DeviceHeartbeatRequest, b"{" + HEARTBEAT + b', "ipAddress": "kiosk.local"}')
    assert wrong(device_of(asked, "10.0.0.9", NOW)) == {"ipAddress": "must be an IPv4 or IPv6 address"}


@pytest.mark.parametrize("name", ["UTC", "Europe/Berlin", "America/Argentina/Ushuaia"])
def test_time_zones_that_exist(name: str) -> None:
    assert is_timezone(name)


@pytest.mark.parametrize("name", ["", "Europe", "europe\0", "/etc/localtime", "..", "X" * 64])
def test_time_zones_that_do_not(name: str) -> None:
    assert not is_timezone(name)


def test_addresses_are_ip_addresses_without_scope() -> None:
    assert is_address("10.0.0.1")
    assert is_address("::1")
    assert not is_address("fe80::1%eth0")
    assert not is_address("localhost")
