"""A tower shows itself so that the SDK's fixed offsets find everything (blink-protocol.md 2.2)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from harness.blink_vectors import vectors
from openharbor.blink import advertising
from openharbor.blink.advertising import (
    AskForInfo,
    Identity,
    info_value,
    read_info,
    read_scan,
    server_form,
    tower_form,
)

ROWS = vectors()["advertising"]
TOWER = ROWS["tower"]
ELM_STREET = Identity(bytes.fromhex(TOWER["sdk"]["tower_id"]), TOWER["sdk"]["name"], (1, 4, 2))


def test_the_uuids_are_those_of_the_vectors() -> None:
    assert [ROWS[name] for name in ("service", "rx", "tx", "info")] == [
        advertising.SERVICE,
        advertising.RX,
        advertising.TX,
        advertising.INFO,
    ]


def test_the_tower_form_has_the_bytes_of_the_vector() -> None:
    shown = tower_form(ELM_STREET)
    assert shown.advertising_data.hex() == TOWER["advertising_data"]
    assert shown.scan_response.hex() == TOWER["scan_response"]
    assert (shown.advertising_data + shown.scan_response).hex() == TOWER["scan_record"]


def test_the_server_form_has_the_bytes_of_the_vector() -> None:
    shown = server_form()
    assert (shown.advertising_data.hex(), shown.scan_response.hex()) == (
        ROWS["blink_server"]["advertising_data"],
        ROWS["blink_server"]["scan_response"],
    )
    assert info_value(ELM_STREET).hex() == ROWS["blink_server"]["device_info_value"]


def test_a_phone_reads_both_forms() -> None:
    shown = tower_form(ELM_STREET)
    assert read_scan(shown.advertising_data, shown.scan_response) == ELM_STREET
    assert read_scan(server_form().advertising_data, b"") == AskForInfo()
    assert read_scan(server_form().advertising_data, b"\x04\x08Elm") == AskForInfo()
    assert read_info(info_value(ELM_STREET)) == ELM_STREET


def test_the_sdk_finds_name_id_and_version_where_it_looks() -> None:
    record = bytes.fromhex(TOWER["scan_record"])
    for field, value in (("firmware", bytes(ELM_STREET.firmware)), ("tower_id", ELM_STREET.tower_id)):
        low, high = TOWER["sdk"][f"{field}_bytes"]
        assert record[low : high + 1] == value
    low, high = TOWER["sdk"]["name_bytes"]
    assert record[low : high + 1].replace(b"\0", b"").decode() == ELM_STREET.name


IDENTITIES = st.builds(
    Identity,
    tower_id=st.binary(min_size=8, max_size=8),
    name=st.text(st.characters(exclude_characters="\0", codec="utf-8"), max_size=40),
    firmware=st.tuples(*[st.integers(0, 127)] * 3),
    company=st.integers(0, 0xFFFF),
)


@given(IDENTITIES)
def test_every_identity_fits_and_no_character_of_its_name_is_cut(identity: Identity) -> None:
    shown = tower_form(identity)
    assert len(shown.advertising_data) == len(shown.scan_response) == 28
    found = read_scan(shown.advertising_data, shown.scan_response)
    assert isinstance(found, Identity)
    assert identity.name.startswith(found.name)
    assert len(found.name.encode()) <= 16
    assert replace(found, name=identity.name) == identity
    assert read_info(info_value(identity)) == found


@pytest.mark.parametrize(
    ("name", "shown"),
    [("0123456789abcdef+", "0123456789abcdef"), ("0123456789abcdeü", "0123456789abcde"), ("Straße 12", "Straße 12")],
)
def test_names_are_cut_between_characters(name: str, shown: str) -> None:
    found = read_info(info_value(replace(ELM_STREET, name=name)))
    assert found is not None
    assert found.name == shown


@pytest.mark.parametrize(
    "wrong",
    [
        replace(ELM_STREET, tower_id=bytes(7)),
        replace(ELM_STREET, firmware=(1, 128, 0)),
        replace(ELM_STREET, firmware=(-1, 0, 0)),
        replace(ELM_STREET, company=65536),
    ],
)
def test_what_does_not_fit_is_never_shown(wrong: Identity) -> None:
    with pytest.raises(ValueError, match="must"):
        tower_form(wrong)


@given(st.binary(max_size=31), st.binary(max_size=31))
def test_what_other_devices_show_is_no_tower(advertising_data: bytes, scan_response: bytes) -> None:
    assert read_scan(advertising_data, scan_response) is None


@given(st.binary(max_size=31))
def test_a_broken_record_is_never_an_error(rest: bytes) -> None:
    found = read_scan(server_form().advertising_data + rest, rest)
    assert found is None or isinstance(found, Identity | AskForInfo)


def test_an_info_value_of_another_length_is_no_tower() -> None:
    assert read_info(info_value(ELM_STREET)[:-1]) is None
    assert read_info(b"") is None
