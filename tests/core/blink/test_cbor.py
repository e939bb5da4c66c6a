"""One map with integer keys, and nothing that could be read in two ways (blink-protocol.md 2.1)."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.blink_vectors import sealed, unshown, vectors
from openharbor.blink.cbor import decode, encode
from openharbor.blink.refusals import Rejected

LEAVES = st.one_of(st.integers(-(2**63), 2**63 - 1), st.binary(max_size=20), st.text(max_size=20), st.booleans())


def code_of(data: bytes) -> int:
    try:
        decode(data)
    except Rejected as refused:
        return refused.code
    return 0


KEYS = st.integers(-(2**31), 2**31)
MAPS = st.dictionaries(KEYS, st.one_of(LEAVES, st.lists(LEAVES, max_size=3), st.dictionaries(KEYS, LEAVES, max_size=3)))


@given(MAPS)
def test_what_was_encoded_is_decoded_again(fields: dict[int, Any]) -> None:
    assert decode(encode(fields)) == fields


@given(MAPS)
def test_keys_ascend(fields: dict[int, Any]) -> None:
    assert list(decode(encode(fields))) == sorted(fields)


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused_with_108(data: bytes) -> None:
    assert code_of(data) in (0, 108)


@given(MAPS, st.binary(min_size=1, max_size=5))
def test_nothing_may_follow_the_map(fields: dict[int, Any], more: bytes) -> None:
    with pytest.raises(Rejected):
        decode(encode(fields) + more)


@pytest.mark.parametrize("kind", ["session_payloads", "open_payloads", "command_packets", "event_batches"])
def test_every_sealed_map_of_the_vectors_is_read_and_written_byte_for_byte(kind: str) -> None:
    for row in sealed(kind):
        if row["map"]:
            assert encode(unshown(row["map"])).hex() == row["plain"]
            assert decode(bytes.fromhex(row["plain"])) == unshown(row["map"])


def test_every_event_of_the_vectors_is_read_and_written_byte_for_byte() -> None:
    for row in vectors()["events"]:
        assert encode(unshown(row["map"])).hex() == row["cbor"]


@pytest.mark.parametrize(
    ("data", "why"),
    [
        ("", "is no map"),
        ("80", "is no map"),
        ("a10102ff", "goes on"),
        ("a1", "ends early"),
        ("a101", "ends early"),
        ("bf0102ff", "indefinite"),
        ("a1015f4101ff", "indefinite"),
        ("a1019f01ff", "indefinite"),
        ("a201020103", "key 1 twice"),
        ("a2010218010f", "key 1 twice"),
        ("a1616102", "no integer"),
        ("a1f502", "no integer"),
        ("a10144010203", "ends early"),
        ("a10162c328", "UTF-8"),
        ("a101c100", "tag"),
        ("a101d9d9f740", "tag"),
        ("a101f93c00", "float"),
        ("a101fb3ff8000000000000", "float"),
        ("a101f7", "simple value"),
        ("a101f814", "reserved"),
        ("a1011c", "reserved"),
        ("a1019b7fffffffffffffff", "ends early"),
        ("a1018181818180", "nested"),
        ("a101a101a101a101a101a0", "nested"),
    ],
)
def test_everything_else_is_refused_with_its_reason(data: str, why: str) -> None:
    with pytest.raises(Rejected, match=why) as refused:
        decode(bytes.fromhex(data))
    assert refused.value.code == 108


@pytest.mark.parametrize("data", ["a10181818180", "a101a101a101a101a0"])
def test_five_containers_in_one_another_are_allowed(data: str) -> None:
    assert decode(bytes.fromhex(data))


def test_numbers_need_not_come_in_their_shortest_form() -> None:
    assert decode(bytes.fromhex("b90001190001190002")) == {1: 2}


def test_null_is_read_so_that_it_can_be_refused_as_another_kind() -> None:
    assert decode(bytes.fromhex("a101f6")) == {1: None}


@pytest.mark.parametrize("value", [1.5, None, object()])
def test_what_blink_does_not_have_is_never_sent(value: object) -> None:
    with pytest.raises(TypeError, match="Blink has no"):
        encode({1: value})
