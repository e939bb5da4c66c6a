"""Attached devices and API keys, on a real database."""

import hashlib

import pytest
from msgspec.structs import replace

from openharbor.gateway.api_keys import add_api_key, new_key, parse_expiry, revoke_api_key
from openharbor.gateway.heartbeats import MOST_DEVICES, receive_heartbeat
from openharbor.gateway.journal import found_site, load_state
from openharbor.gateway.site import ApiKey, Device
from openharbor.gateway.site_file import SiteFile, read_site_file
from openharbor.gateway.trail import SYSTEM, State, every_entry
from openharbor.kit.database.face import Transaction as Tx
from openharbor.kit.errors import Failed, Refusal

NOW = 1_772_000_000_000
KIOSK = Device("kiosk-1", "kiosk", "ok", "4.1.0", "10.0.0.31", None, {"brightness": 80.0}, NOW - 5, NOW, NOW)


@pytest.fixture
def start(tx: Tx) -> State:
    made = read_site_file("", gateway_id="gw-1", host_name="box", now=NOW)
    assert isinstance(made, SiteFile)
    return found_site(tx, made.site, "x", NOW)


def actions(tx: Tx) -> list[str]:
    return [entry.action for entry in every_entry(tx)]


def test_a_device_is_registered_by_its_first_heartbeat_and_only_that_is_audited(tx: Tx, start: State) -> None:
    state, _ = receive_heartbeat(tx, start, KIOSK, SYSTEM, NOW)
    later = replace(KIOSK, status="error", last_heartbeat_at=NOW + 60_000, registered_at=NOW + 60_000, metrics={})
    state, stored = receive_heartbeat(tx, state, later, SYSTEM, NOW + 60_000)
    assert stored == replace(later, registered_at=NOW)
    assert actions(tx) == ["GATEWAY_FOUNDED", "DEVICE_REGISTERED"]
    assert load_state(tx) == state


def test_the_last_heartbeat_to_arrive_counts_whatever_its_own_time_says(tx: Tx, start: State) -> None:
    state, _ = receive_heartbeat(tx, start, KIOSK, SYSTEM, NOW)
    state, _ = receive_heartbeat(tx, state, replace(KIOSK, device_time=NOW - 90_000, message="late"), SYSTEM, NOW)
    assert state.site.devices["kiosk-1"].message == "late"


def test_a_thousand_devices_are_registered_at_most_and_known_ones_go_on(tx: Tx, start: State) -> None:
    crowd = {f"d{number}": replace(KIOSK, device_id=f"d{number}") for number in range(MOST_DEVICES)}
    full = replace(start, site=replace(start.site, devices=crowd))
    state, refused = receive_heartbeat(tx, full, KIOSK, SYSTEM, NOW)
    assert isinstance(refused, Refusal)
    assert (refused.code, refused.status, refused.details) == ("CONFLICT", 409, {"maxDevices": "1000"})
    _, stored = receive_heartbeat(tx, state, replace(KIOSK, device_id="d7"), SYSTEM, NOW)
    assert isinstance(stored, Device)


def made(
    name: str = "Lobby kiosk", scopes: tuple[str, ...] = ("read", "devices"), expires_at: int | None = None
) -> ApiKey:
    return new_key(random=b"\x5d" * 32, name=name, scopes=scopes, expires_at=expires_at, now=NOW)[1]


def test_a_key_is_ohgw_and_64_hex_digits_and_only_its_digest_is_stored() -> None:
    secret, key = new_key(random=bytes(range(32)), name="n", scopes=["read"], expires_at=None, now=NOW)
    assert secret == "ohgw_" + bytes(range(32)).hex()
    assert key.digest == hashlib.sha256(secret.encode()).hexdigest()
    assert key.prefix == "ohgw_00010203"
    assert secret not in repr(key)


def test_a_key_counts_until_it_is_revoked_and_its_number_is_never_given_again(tx: Tx, start: State) -> None:
    state, first = add_api_key(tx, start, made(expires_at=NOW + 1), SYSTEM, NOW)
    assert isinstance(first, ApiKey)
    assert state.site.api_keys == {first.digest: first}
    assert load_state(tx) == state
    state, gone = revoke_api_key(tx, state, first.key_id, SYSTEM, NOW)
    assert gone == first
    assert load_state(tx).site.api_keys == {}
    state, second = add_api_key(tx, state, replace(made(), digest="other"), SYSTEM, NOW)
    assert isinstance(second, ApiKey)
    assert second.key_id == first.key_id + 1
    assert actions(tx)[1:] == ["API_KEY_CREATED", "API_KEY_REVOKED", "API_KEY_CREATED"]


def test_revoking_a_key_that_is_not_there_is_refused(tx: Tx, start: State) -> None:
    _, refused = revoke_api_key(tx, start, 7, SYSTEM, NOW)
    assert isinstance(refused, Refusal)
    assert (refused.code, refused.status, refused.details) == ("NOT_FOUND", 404, {"apiKeyId": "7"})


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"name": ""}, "1 to 100 characters"),
        ({"name": "n" * 101}, "1 to 100 characters"),
        ({"scopes": ()}, "read, transactions, maintenance, devices, system"),
        ({"scopes": ("read", "root")}, "not root"),
        ({"expires_at": NOW}, "must lie ahead"),
    ],
)
def test_a_wrong_wish_for_a_key_is_told(wrong: dict[str, object], message: str) -> None:
    with pytest.raises(Failed, match=message):
        made(**wrong)  # type: ignore[arg-type]  # the test names the fields


def test_the_end_of_a_key_is_an_rfc_3339_time() -> None:
    assert parse_expiry("2027-01-01T00:00:00Z") == parse_expiry("2027-01-01T01:00:00+01:00") == 1_798_761_600_000
    for text in ("tomorrow", "2027-01-01", "2027-01-01T00:00:00"):
        with pytest.raises(Failed, match="--expires"):
            parse_expiry(text)
