"""Keys and seals are those of the vectors, and nothing that was touched is opened (blink-protocol.md 4.1, 4.2)."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.blink_vectors import sealed, tower_keys, vectors
from openharbor.blink.keys import derive
from openharbor.blink.refusals import Rejected
from openharbor.blink.sealing import seal, unseal

KINDS = ("session_payloads", "open_payloads", "command_packets", "event_batches")
SEALED = [row for kind in KINDS for row in sealed(kind)]
KEY = derive(bytes(range(32)), 7)


def name_of(row: dict[str, Any]) -> str:
    return str(row["name"])


@pytest.mark.parametrize("row", vectors()["key_derivation"], ids=name_of)
def test_keys_are_derived_as_in_the_vectors(row: dict[str, Any]) -> None:
    key = derive(bytes.fromhex(row["ikm"]), 3)
    assert (key.authentication.hex(), key.encryption.hex()) == (row["authenticate"], row["encrypt"])


@pytest.mark.parametrize("row", SEALED, ids=name_of)
def test_payloads_are_sealed_as_in_the_vectors(row: dict[str, Any]) -> None:
    made = seal(tower_keys()[row["rotation"]], bytes.fromhex(row["plain"]), bytes.fromhex(row["iv"]))
    assert (made.payload.hex(), made.auth.hex()) == (row["payload"], row["payload_auth"])


@pytest.mark.parametrize("row", SEALED, ids=name_of)
def test_what_is_sealed_in_the_vectors_is_opened(row: dict[str, Any]) -> None:
    plain = unseal(tower_keys(), bytes.fromhex(row["payload"]), bytes.fromhex(row["payload_auth"]), 4096)
    assert plain.hex() == row["plain"]


def test_a_key_shows_its_rotation_and_nothing_of_itself() -> None:
    assert repr(KEY) == "TowerKey(rotation=7)"


@pytest.mark.parametrize("rotation", [-1, 256])
def test_a_rotation_is_0_to_255(rotation: int) -> None:
    with pytest.raises(ValueError, match="must be 0 to 255"):
        derive(bytes(32), rotation)


@given(st.binary(min_size=1, max_size=300), st.binary(min_size=16, max_size=16))
def test_what_was_sealed_is_opened_again(plain: bytes, iv: bytes) -> None:
    made = seal(KEY, plain, iv)
    assert unseal({7: KEY}, made.payload, made.auth, 4096) == plain


@settings(max_examples=200)
@given(st.data())
def test_every_flipped_bit_is_refused(data: st.DataObject) -> None:
    made = seal(KEY, b"\xa1\x01\x18\xdc", bytes(16))
    whole = bytearray(made.auth + made.payload)
    bit = data.draw(st.integers(0, len(whole) * 8 - 1))
    whole[bit // 8] ^= 1 << bit % 8
    with pytest.raises(Rejected) as refused:
        unseal({7: KEY}, bytes(whole[33:]), bytes(whole[:33]), 4096)
    assert refused.value.code == (203 if bit < 8 else 207)
    assert refused.value.counts


def code_of(payload: bytes, auth: bytes, most: int = 4096) -> int:
    with pytest.raises(Rejected) as refused:
        unseal({7: KEY}, payload, auth, most)
    return refused.value.code


def test_lengths_come_before_the_key_the_key_before_the_mac_and_the_mac_before_the_version() -> None:
    other = seal(derive(bytes(32), 7), b"x", bytes(16))
    assert code_of(b"", b"") == 105
    assert code_of(bytes(17), bytes(33)) == 105
    assert code_of(bytes(601), bytes([9]) + bytes(32), 600) == 208
    assert code_of(bytes(18), bytes([9]) + bytes(32)) == 203
    assert code_of(b"\x01" + other.payload[1:], other.auth) == 207


def test_an_authentic_payload_of_another_version_is_refused_as_such() -> None:
    import hmac

    payload = b"\x01" + bytes(17)
    assert code_of(payload, b"\x07" + hmac.digest(KEY.authentication, payload, "sha256")) == 106
