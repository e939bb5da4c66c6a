"""What the server makes of event batches: the `server` vectors, and the order of blink-protocol.md 13.4."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.blink_vectors import sealed, tower_id, tower_keys, unshown, vectors
from openharbor.blink.batches import Batch, BatchRefused, Conflict, encode_batch, new_events, open_batch
from openharbor.blink.cbor import Fields, decode, encode
from openharbor.blink.sealing import seal

KNOWN = {number: key for number, key in tower_keys().items() if number in (1, 2, 3)}
STORED = {one[30]: one for one in (unshown(row["map"]) for row in vectors()["events"][:4])}
SERVER = vectors()["server"]["list"]
KEY = KNOWN[3]


def judge(payload: bytes, auth: bytes, first: int, count: int, epoch: int = 1) -> Batch | BatchRefused:
    return open_batch(KNOWN, payload, auth, tower_id=tower_id(), epoch=epoch, first=first, count=count)


def words(item: dict[str, Any]) -> str:
    payload, auth = bytes.fromhex(item["payload"]), bytes.fromhex(item["payloadAuth"])
    batch = judge(payload, auth, item["syncEventStart"], item["syncEventCount"])
    if isinstance(batch, BatchRefused):
        return f"refuse: {batch.fault}"
    stored = {number: event for number, event in STORED.items() if batch.first <= number < batch.end}
    fresh = new_events(batch, stored)
    if isinstance(fresh, Conflict):
        return "alarm: conflict"
    return "accept" if fresh or not batch.events else "accept: nothing new"


@pytest.mark.parametrize("row", SERVER, ids=lambda row: f"{row['id']} {row['name']}")
def test_the_server_judges_each_batch_as_the_vectors_say(row: dict[str, Any]) -> None:
    assert words(row["item"]) == row["expect"]


def test_every_batch_of_the_vectors_is_written_and_read_byte_for_byte() -> None:
    for row in sealed("event_batches"):
        fields = unshown(row["map"])
        batch = judge(bytes.fromhex(row["payload"]), bytes.fromhex(row["payload_auth"]), fields[31], fields[32])
        assert isinstance(batch, Batch), row["name"]
        assert encode_batch(batch).hex() == row["plain"]


def event(number: int) -> Fields:
    return {1: 29, 5: 100, 30: number, 62: b""}


FIELDS: Fields = {
    1: 213,
    5: 200,
    31: 1,
    32: 2,
    35: [event(1), event(2)],
    61: tower_id(),
    230: 0,
    231: 4,
    232: 1,
}


def fault(fields: Fields, *, epoch: int = 4, first: int = 1, count: int = 2) -> str:
    made = seal(KEY, encode(fields), bytes(16))
    batch = judge(made.payload, made.auth, first, count, epoch)
    return batch.fault if isinstance(batch, BatchRefused) else "none"


def test_each_check_comes_before_the_next() -> None:
    fields: Fields = {**FIELDS, 1: 220, 61: bytes(8), 232: -1, 231: 3, 31: 7, 35: [event(9)]}
    for number, word in ((1, "type"), (61, "tower"), (232, "fields"), (231, "epoch"), (31, "range"), (35, "events")):
        assert fault(fields) == word
        fields[number] = FIELDS[number]
    assert fault(fields) == "none"


@pytest.mark.parametrize(
    "events",
    [
        [],
        [event(1)],
        [event(2), event(1)],
        [event(1), event(1)],
        [event(1), event(3)],
        [event(1), event(2), event(3)],
        [event(1), "text"],
        [event(1), {**event(2), 1: 32}],
        [event(1), {**event(2), 1: 19}],
        [event(1), {1: 29, 30: 2}],
        [event(1), {1: 29, 5: 1}],
        [event(1), {**event(2), 5: "now"}],
    ],
)
def test_events_that_do_not_cover_the_range_exactly_are_refused(events: list[Any]) -> None:
    assert fault({**FIELDS, 35: events}) == "events"


def test_dropped_events_are_counted() -> None:
    assert fault({**FIELDS, 35: [event(2)], 51: 1}) == "none"
    assert fault({**FIELDS, 35: [], 51: 2}) == "none"
    assert fault({**FIELDS, 51: 1}) == "events"


def test_a_later_epoch_is_taken() -> None:
    assert fault(FIELDS, epoch=3) == "none"


def test_a_boolean_is_no_packet_type() -> None:
    assert fault({**FIELDS, 1: True}) == "type"


@given(st.binary(max_size=120), st.binary(max_size=40))
def test_any_bytes_are_refused_without_a_crash(payload: bytes, auth: bytes) -> None:
    assert isinstance(judge(payload, auth, 1, 1), BatchRefused)


@given(st.binary(max_size=120))
def test_any_authentic_bytes_are_refused_or_read_without_a_crash(plain: bytes) -> None:
    made = seal(KEY, plain, bytes(16))
    assert isinstance(judge(made.payload, made.auth, 1, 1), BatchRefused)


@given(st.dictionaries(st.sampled_from(sorted(FIELDS)), st.one_of(st.none(), st.integers(), st.binary(max_size=9))))
def test_any_fields_are_refused_or_read_without_a_crash(changed: dict[int, Any]) -> None:
    sent = {number: value for number, value in (FIELDS | changed).items() if value is not None and _fits(value)}
    assert fault(sent) in ("none", "type", "tower", "fields", "epoch", "range", "events")


def _fits(value: object) -> bool:
    return not isinstance(value, int) or -(2**63) <= value < 2**63


def test_events_that_are_stored_are_not_new() -> None:
    batch = judge(*seal(KEY, encode(FIELDS), bytes(16)), 1, 2)
    assert isinstance(batch, Batch)
    assert new_events(batch, {}) == (event(1), event(2))
    assert new_events(batch, {1: event(1)}) == (event(2),)
    assert new_events(batch, {1: {**event(1), 62: b"other"}}) == Conflict(1)
    assert decode(encode_batch(batch)) == FIELDS
