"""A message is one byte string with one map in it; a tower's is never of a length that the SDK cannot read (2.1)."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.blink_vectors import unshown, vectors
from openharbor.blink.cbor import decode, encode
from openharbor.blink.frames import (
    INFO_QUESTION,
    MOST_CONTENT,
    TRAPS,
    FrameReader,
    phone_frame,
    read_message,
    tower_frame,
)
from openharbor.blink.refusals import Rejected

FRAMING = vectors()["framing"]


@pytest.mark.parametrize("row", FRAMING["phone"], ids=lambda row: str(row["length"]))
def test_a_phones_messages_are_framed_as_in_the_vectors(row: dict[str, Any]) -> None:
    fields = unshown(row["map"])
    assert phone_frame(fields).hex() == row["out"]
    assert read_message(bytes.fromhex(row["out"])) == fields


@pytest.mark.parametrize("row", FRAMING["tower"], ids=lambda row: str(row["length"]))
def test_a_towers_messages_are_framed_and_padded_as_in_the_vectors(row: dict[str, Any]) -> None:
    assert tower_frame(unshown(row["map"])).hex() == row["out"]


@given(st.integers(0, 1000))
def test_no_message_of_a_tower_has_a_length_that_the_sdk_cannot_read(size: int) -> None:
    fields = read_message(tower_frame({1: 3, 3: "x" * size}))
    assert len(encode(fields)) not in TRAPS
    assert fields[3] == "x" * size


@pytest.mark.parametrize("row", FRAMING["accepted_by_tower"], ids=lambda row: str(row["note"]))
def test_whatever_a_tower_has_to_accept_is_read(row: dict[str, Any]) -> None:
    data = bytes.fromhex(row["in"])
    if data == INFO_QUESTION:
        return
    assert isinstance(read_message(data), dict)


@given(st.lists(st.dictionaries(st.integers(1, 200), st.binary(max_size=80), max_size=4), max_size=5), st.data())
def test_frames_are_found_however_the_bytes_arrive(maps: list[dict[int, bytes]], data: st.DataObject) -> None:
    stream = b"".join(phone_frame(one) if place % 2 else tower_frame(one) for place, one in enumerate(maps))
    reader, found = FrameReader(), []
    while stream:
        cut = data.draw(st.integers(1, len(stream)))
        reader.feed(stream[:cut])
        stream = stream[cut:]
        while (frame := reader.next()) is not None:
            found.append({key: value for key, value in read_message(frame).items() if key != 250})
    assert found == [{key: value for key, value in one.items() if key != 250} for one in maps]
    assert not reader.half()


def code_after(data: str, *, info: bool = False) -> int:
    reader = FrameReader(info=info)
    reader.feed(bytes.fromhex(data))
    with pytest.raises(Rejected) as refused:
        reader.next()
    return refused.value.code


@pytest.mark.parametrize("data", ["61a0", "d9d9f861a0", "c041a0", "5f41a0ff", "5c", "00", "a0", "64696e666f"])
def test_what_cannot_become_a_frame_is_refused_with_108(data: str) -> None:
    assert code_after(data) == 108


@pytest.mark.parametrize("data", ["591001", "5a00001001", "5bffffffffffffffff", "d9d9f7591001"])
def test_more_than_4096_bytes_are_refused_once_they_are_announced(data: str) -> None:
    assert code_after(data) == 208


def test_the_largest_message_passes_and_one_byte_more_is_never_sent() -> None:
    fits = {1: 3, 3: "x" * (MOST_CONTENT - 7)}
    assert read_message(tower_frame(fits)) == fits
    with pytest.raises(ValueError, match="may have 4096"):
        phone_frame({1: 3, 3: "x" * (MOST_CONTENT - 6)})


def test_the_info_question_is_a_frame_on_tcp_alone() -> None:
    reader = FrameReader(info=True)
    reader.feed(INFO_QUESTION[:3])
    assert reader.next() is None
    reader.feed(INFO_QUESTION[3:] + b"\x41\xa0")
    assert reader.next() == INFO_QUESTION
    assert reader.next() == b"\x41\xa0"
    assert code_after("64696e6678", info=True) == 108


def test_half_a_frame_can_be_dropped() -> None:
    reader = FrameReader()
    reader.feed(b"\xd9\xd9")
    assert reader.next() is None
    assert reader.half()
    reader.drop()
    assert not reader.half()


def test_a_flood_is_refused_instead_of_kept() -> None:
    reader = FrameReader()
    reader.feed(bytes(4096))
    reader.feed(bytes(4102))
    with pytest.raises(Rejected) as refused:
        reader.feed(b"x")
    assert refused.value.code == 208


@pytest.mark.parametrize("data", ["41a000", "58", "42a0", ""])
def test_a_frame_that_is_not_exactly_one_byte_string_is_refused(data: str) -> None:
    with pytest.raises(Rejected) as refused:
        read_message(bytes.fromhex(data))
    assert refused.value.code == 108


def test_the_broken_frames_of_the_negative_list_get_their_codes() -> None:
    rows = [row for row in vectors()["negative"]["list"] if row["name"].startswith(("frame:", "content:"))]
    for row in rows:
        if row["code"] in (102, 202):
            assert isinstance(decode(encode(read_message(bytes.fromhex(row["in"])))), dict)
            continue
        with pytest.raises(Rejected) as refused:
            read_message(bytes.fromhex(row["in"]))
        assert refused.value.code == row["code"], row["name"]
    assert len(rows) == 13
