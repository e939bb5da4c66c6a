"""Sealed payloads are checked in the order of blink-protocol.md 4.3, each step with its code."""

from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from harness.blink_vectors import sealed, tower_id, tower_keys, unshown, vectors
from openharbor.blink import opening, payloads
from openharbor.blink.cbor import decode, encode
from openharbor.blink.frames import read_message
from openharbor.blink.keys import TowerKey, derive
from openharbor.blink.opening import COMMANDS, OPEN, SESSION, DeviceTime, KeyRing, Kind, judge_times, open_sealed
from openharbor.blink.payloads import CommandsPayload, OpenPayload, SessionPayload
from openharbor.blink.refusals import Rejected
from openharbor.blink.sealing import seal, unseal

FIXTURE = vectors()["fixture"]
STATES = {int(number): one for number, one in FIXTURE["keys"].items()}
RING = KeyRing(
    keys={number: key for number, key in tower_keys().items() if STATES[number]["state"] != "revoked"},
    sunsets={number: one["sunset_at"] for number, one in STATES.items() if one["state"] == "sunset"},
)
CLOCK = DeviceTime(FIXTURE["clock"])
NEGATIVE = {row["id"]: row for row in vectors()["negative"]["list"]}
SESSIONS = [NEGATIVE[f"N-{number}"] for number in range(21, 35)] + [NEGATIVE["N-37"]]
OPENS = [NEGATIVE[f"N-{number}"] for number in range(82, 99) if number != 92]
PUSHES = [NEGATIVE[f"N-{number}"] for number in (117, 118, 119, 120, 121, 126)]


def session_key() -> TowerKey:
    row = vectors()["sessions"]["A"]
    encryption = bytes.fromhex(row["encrypt"])
    return TowerKey(0, bytes.fromhex(row["authenticate"]), encryption, AES(encryption))


def inner(frame: str) -> dict[int, Any]:
    outer = read_message(bytes.fromhex(frame))
    if 7 not in outer:
        return outer
    return decode(unseal({0: session_key()}, outer[7], outer[8], 4096))


def outcome(kind: Kind, fields: dict[int, Any]) -> tuple[int, bool]:
    try:
        opened = open_sealed(kind, RING, fields[9], fields[10], tower_id())
        judge_times(kind, opened, CLOCK)
    except Rejected as refused:
        return refused.code, refused.counts
    return 0, False


def name_of(row: dict[str, Any]) -> str:
    return f"{row['id']} {row['name']}"


@pytest.mark.parametrize("row", SESSIONS, ids=name_of)
def test_session_payloads_of_the_negative_list_get_their_codes(row: dict[str, Any]) -> None:
    assert outcome(SESSION, inner(row["in"])) == (row["code"], row["auth_failure"])


@pytest.mark.parametrize("row", OPENS, ids=name_of)
def test_open_payloads_of_the_negative_list_get_their_codes(row: dict[str, Any]) -> None:
    assert outcome(OPEN, inner(row["in"])) == (row["code"], row["auth_failure"])


@pytest.mark.parametrize("row", PUSHES, ids=name_of)
def test_command_packets_of_the_negative_list_get_their_codes(row: dict[str, Any]) -> None:
    assert outcome(COMMANDS, inner(row["in"])) == (row["code"], row["auth_failure"])


def test_too_large_a_payload_is_refused_as_such() -> None:
    assert outcome(OPEN, inner(NEGATIVE["N-92"]["in"])) == (208, False)


def test_every_session_payload_of_the_vectors_is_written_and_read_byte_for_byte() -> None:
    for row in sealed("session_payloads"):
        fields = unshown(row["map"])
        assert payloads.encode_session(payloads.session_from(fields)).hex() == row["plain"]


def test_every_open_payload_of_the_vectors_is_written_and_read_byte_for_byte() -> None:
    for row in sealed("open_payloads"):
        fields = unshown(row["map"])
        payload = payloads.open_from(fields)
        assert payloads.encode_open(payload).hex() == row["plain"], row["name"]


def test_every_command_packet_of_the_vectors_is_written_and_read_byte_for_byte() -> None:
    for row in sealed("command_packets"):
        fields = unshown(row["map"])
        payload = payloads.commands_from(fields)
        assert payloads.encode_commands(payload).hex() == row["plain"], row["name"]


KEY = derive(b"k" * 32, 2)
TOWER = bytes.fromhex("0100000000000014")
OPEN_PAYLOAD = OpenPayload(
    issued=1000,
    expires=4000,
    tower_id=TOWER,
    token_id=1,
    locker_number=14,
    generation=1,
    access_kind=1,
    locker_token=b"t" * 16,
)


def opened(plain: bytes, ring: KeyRing | None = None, kind: Kind = OPEN) -> dict[int, Any]:
    made = seal(KEY, plain, bytes(16))
    return open_sealed(kind, ring or KeyRing({2: KEY}, {}), made.payload, made.auth, TOWER)


def code_of(fields: dict[int, Any], ring: KeyRing | None = None) -> int:
    with pytest.raises(Rejected) as refused:
        opened(encode(fields), ring)
    return refused.value.code


BYTES = st.binary(min_size=1, max_size=32)
OPEN_PAYLOADS = st.builds(
    OpenPayload,
    issued=st.just(1000),
    expires=st.integers(1001, 1000 + 2_592_000),
    tower_id=st.just(TOWER),
    token_id=st.integers(1, 2**53 - 1),
    locker_number=st.integers(1, 1023),
    generation=st.integers(1, 2**32 - 1),
    access_kind=st.integers(1, 3),
    locker_token=BYTES,
    reuse=st.booleans(),
    match_token=st.none() | BYTES,
    match_available=st.none() | st.booleans(),
    match_locker_type=st.none() | st.integers(1, 255),
    client_id=st.none() | st.binary(min_size=1, max_size=16),
    keypad_code=st.none() | st.from_regex("[0-9]{4,10}", fullmatch=True),
)


@given(OPEN_PAYLOADS)
def test_a_token_that_the_server_sealed_is_what_the_tower_reads(payload: OpenPayload) -> None:
    assert payloads.open_from(opened(payloads.encode_open(payload))) == payload


def test_a_keypad_code_may_persist() -> None:
    payload = replace(OPEN_PAYLOAD, keypad_code="1234", keypad_persists=True)
    assert payloads.open_from(opened(payloads.encode_open(payload))) == payload


def test_a_session_payload_and_a_command_packet_are_what_the_tower_reads() -> None:
    session = SessionPayload(issued=1, expires=2, tower_id=TOWER, permissions=7, client_id=b"c" * 16, seed=b"s" * 32)
    packet = CommandsPayload(issued=1, expires=2, tower_id=TOWER, first=7, commands=({1: 83, 70: 2, 74: True},))
    assert payloads.session_from(opened(payloads.encode_session(session), kind=SESSION)) == session
    assert payloads.commands_from(opened(payloads.encode_commands(packet), kind=COMMANDS)) == packet


def test_each_check_comes_before_the_next() -> None:
    """One fault after the other is put right, and each time the next one in the order is told."""
    wrong: dict[int, Any] = {61: bytes(8), 5: "x", 226: 9, 80: "12a4"}
    fields = decode(payloads.encode_open(OPEN_PAYLOAD)) | {1: 201} | wrong
    sunset = KeyRing({2: KEY}, {2: 999})
    assert code_of(fields, sunset) == 101
    fields[1] = 220
    assert code_of(fields, sunset) == 206
    fields[61] = TOWER
    assert code_of(fields, sunset) == 103
    fields[5] = 1000
    assert code_of(fields, sunset) == 203
    assert code_of(fields) == 106
    fields[226] = 2
    assert code_of(fields) == 106
    fields[80] = "1234"
    assert opened(encode(fields))[80] == "1234"


@pytest.mark.parametrize("missing", [1, 61])
def test_a_payload_without_type_or_tower_is_incomplete(missing: int) -> None:
    fields = decode(payloads.encode_open(OPEN_PAYLOAD))
    del fields[missing]
    assert code_of(fields) == 102


@pytest.mark.parametrize("code", ["123", "12345678901", "12a4", "١٢٣٤", ""])
def test_an_unusable_keypad_code_is_refused(code: str) -> None:
    assert code_of(decode(payloads.encode_open(OPEN_PAYLOAD)) | {80: code}) == 106


def test_what_was_issued_at_the_sunset_or_before_is_good() -> None:
    plain = payloads.encode_open(OPEN_PAYLOAD)
    assert opened(plain, KeyRing({2: KEY}, {2: 1000}))


def times(kind: Kind, issued: int, expires: int, clock: DeviceTime, *, late: bool = False) -> DeviceTime | int:
    try:
        return judge_times(kind, {5: issued, 6: expires}, clock, may_be_late=late)
    except Rejected as refused:
        return refused.code


SURE, UNSURE = DeviceTime(10_000), DeviceTime(10_000, sure=False)
DAY = 86_400


@pytest.mark.parametrize(
    ("kind", "issued", "expires", "clock", "expected"),
    [
        (OPEN, 10_000, 10_000, SURE, 104),
        (OPEN, 10_000, 10_001, SURE, SURE),
        (OPEN, 10_000, 10_000 + 30 * DAY, SURE, SURE),
        (OPEN, 10_000, 10_001 + 30 * DAY, SURE, 104),
        (OPEN, 9_000, 10_000, SURE, 107),
        (OPEN, 9_000, 10_001, SURE, SURE),
        (OPEN, 10_300, 20_000, SURE, SURE),
        (OPEN, 10_301, 20_000, SURE, 104),
        (OPEN, 10_301, 20_000, UNSURE, DeviceTime(10_301, sure=False)),
        (OPEN, 10_001 + 366 * DAY, 10_002 + 366 * DAY, UNSURE, 104),
        (SESSION, 13_600, 20_000, SURE, DeviceTime(13_600, stepped=3_600)),
        (SESSION, 13_601, 20_000, SURE, DeviceTime(10_000, too_far=True)),
        (SESSION, 10_001, 20_000, DeviceTime(10_000, stepped=3_600), DeviceTime(10_000, stepped=3_600, too_far=True)),
        (SESSION, 10_000, 10_001 + DAY, SURE, 104),
        (COMMANDS, 10_000, 10_000 + 31 * DAY, SURE, SURE),
        (COMMANDS, 10_000, 10_001 + 31 * DAY, SURE, 104),
        (COMMANDS, 10_000 + 366 * DAY, 10_001 + 366 * DAY, UNSURE, DeviceTime(10_000 + 366 * DAY, sure=False)),
    ],
)
def test_times_are_judged_and_move_the_clock_as_the_table_says(
    kind: Kind, issued: int, expires: int, clock: DeviceTime, expected: DeviceTime | int
) -> None:
    assert times(kind, issued, expires, clock) == expected


def test_a_packet_with_an_answer_to_the_challenge_is_never_late() -> None:
    assert times(COMMANDS, 1_000, 2_000, SURE) == 107
    assert times(COMMANDS, 1_000, 2_000, SURE, late=True) == SURE


def test_usable_codes_are_four_to_ten_ascii_digits() -> None:
    assert opening.usable_code("0123456789")
    assert not opening.usable_code("01234567891")
