"""The chain of the audit log: canonical form as RFC 8785, and every change found."""

import json
from dataclasses import dataclass
from hashlib import sha256

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from openharbor.kit.audit import (
    FIRST_PREVIOUS_HASH,
    AuditActor,
    AuditEntry,
    ChainHead,
    Facts,
    append,
    canonical,
    entry_of,
    link,
    verify,
)

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20) | st.sampled_from(
    ["\x00\x1f\x7f", '\b\t\n\f\r"\\/', "\u2028\u2029", "é", "\ue000", "😀", "\uffff"]
)
NUMBER = st.integers(1, 2**53 - 1)
FACTS = st.builds(
    Facts,
    at=st.integers(0, 4_102_444_800_000),
    actor=st.builds(AuditActor, type=TEXT, name=st.none() | TEXT),
    action=TEXT,
    success=st.booleans(),
    locker_id=st.none() | NUMBER,
    transaction_id=st.none() | TEXT,
    controller_id=st.none() | NUMBER,
    details=st.dictionaries(TEXT, TEXT, max_size=6),
)
OPENED = Facts(
    at=1_772_471_051_482,
    actor=AuditActor("apiKey", "Lobby kiosk"),
    action="LOCKER_OPENED",
    success=True,
    locker_id=2,
    transaction_id="parcel-2026-000481",
    controller_id=1,
    details={"attempts": "1"},
)


def rfc8785(value: object) -> str:
    """RFC 8785, read anew and written slowly: JSON.stringify of ECMAScript with sorted members."""
    if isinstance(value, dict):
        members = sorted(value.items(), key=lambda member: utf16_units(member[0]))
        return "{" + ",".join(f"{rfc8785(key)}:{rfc8785(item)}" for key, item in members) + "}"
    if isinstance(value, str):
        return '"' + "".join(quoted(character) for character in value) + '"'
    if value is None:
        return "null"
    return str(value).lower() if isinstance(value, bool) else str(value)


def utf16_units(text: str) -> list[int]:
    units = []
    for character in text:
        point = ord(character)
        if point >= 0x10000:
            units += [0xD800 + (point - 0x10000 >> 10), 0xDC00 + (point - 0x10000 & 0x3FF)]
        else:
            units.append(point)
    return units


def quoted(character: str) -> str:
    short = {"\b": "\\b", "\t": "\\t", "\n": "\\n", "\f": "\\f", "\r": "\\r", '"': '\\"', "\\": "\\\\"}
    if character in short:
        return short[character]
    return f"\\u{ord(character):04x}" if ord(character) < 0x20 else character


def chain(length: int) -> list[AuditEntry]:
    head, entries = ChainHead(), []
    for _ in range(length):
        head, entry = append(head, OPENED)
        entries.append(entry)
    return entries


@given(NUMBER, FACTS)
def test_the_canonical_form_is_that_of_rfc_8785(entry_id: int, facts: Facts) -> None:
    entry = link("ab" * 32, entry_id, facts)
    fields = json.loads(msgspec.json.encode(entry))
    shown_hash = fields.pop("hash")
    assert canonical(entry) == rfc8785(fields).encode()
    assert shown_hash == sha256(canonical(entry)).hexdigest()


def test_keys_are_ordered_by_utf_16_code_units() -> None:
    entry = link(FIRST_PREVIOUS_HASH, 1, msgspec.structs.replace(OPENED, details={"\ue000": "later", "😀": "first"}))
    assert b'"details":{"\xf0\x9f\x98\x80":"first","\xee\x80\x80":"later"}' in canonical(entry)


def test_an_entry_has_the_names_and_form_of_the_contract() -> None:
    head, entry = append(ChainHead(), OPENED)
    assert head == ChainHead(1, entry.hash)
    assert json.loads(msgspec.json.encode(entry)) == {
        "id": 1,
        "timestamp": "2026-03-02T17:04:11.482Z",
        "actor": {"type": "apiKey", "name": "Lobby kiosk"},
        "action": "LOCKER_OPENED",
        "success": True,
        "lockerId": 2,
        "transactionId": "parcel-2026-000481",
        "controllerId": 1,
        "details": {"attempts": "1"},
        "previousHash": "0" * 64,
        "hash": "ff",
    } | {"hash": entry.hash}


def test_the_hash_of_a_known_entry_never_changes() -> None:
    """Computed apart, from the canonical text written by hand: a change would break every log out there."""
    text = (
        '{"action":"LOCKER_OPENED","actor":{"name":"Lobby kiosk","type":"apiKey"},"controllerId":1,'
        '"details":{"attempts":"1"},"id":1,"lockerId":2,"previousHash":"' + "0" * 64 + '","success":true,'
        '"timestamp":"2026-03-02T17:04:11.482Z","transactionId":"parcel-2026-000481"}'
    )
    assert link(FIRST_PREVIOUS_HASH, 1, OPENED).hash == sha256(text.encode()).hexdigest()


def test_an_entry_read_from_its_row_is_the_one_that_was_written() -> None:
    entry = link(FIRST_PREVIOUS_HASH, 1, OPENED)
    assert entry_of(1, OPENED, entry.previous_hash, entry.hash) == entry


def test_a_chain_as_it_was_written_is_whole_also_from_the_middle_on() -> None:
    entries = chain(5)
    assert verify(entries) is None
    assert verify(entries[3:], entries[2].hash, 4) is None
    assert verify([]) is None


@dataclass(frozen=True)
class Change:
    """What somebody did to the third entry of five."""

    name: str
    fields: dict[str, object]


@pytest.mark.parametrize(
    "change",
    [
        Change("its time", {"timestamp": "2026-03-02T17:04:11.483Z"}),
        Change("who did it", {"actor": AuditActor("apiKey", "Somebody else")}),
        Change("what was done", {"action": "LOCKER_OPEN_FAILED"}),
        Change("whether it succeeded", {"success": False}),
        Change("its locker", {"locker_id": 3}),
        Change("its transaction", {"transaction_id": None}),
        Change("its controller", {"controller_id": None}),
        Change("its details", {"details": {"attempts": "2"}}),
        Change("its hash", {"hash": "0" * 64}),
        Change("the hash before", {"previous_hash": "0" * 64}),
        Change("its number", {"id": 4}),
    ],
    ids=lambda change: change.name,
)
def test_any_change_of_an_entry_is_found_at_its_number(change: Change) -> None:
    entries = chain(5)
    entries[2] = msgspec.structs.replace(entries[2], **change.fields)
    assert verify(entries) == 3


def test_a_changed_entry_with_a_hash_made_to_fit_breaks_the_next_one() -> None:
    entries = chain(5)
    entries[2] = link(entries[1].hash, 3, msgspec.structs.replace(OPENED, locker_id=3))
    assert verify(entries) == 4


def test_an_entry_taken_out_or_put_elsewhere_is_found() -> None:
    entries = chain(5)
    assert verify(entries[:2] + entries[3:]) == 3
    assert verify(entries[1:]) == 1
    assert verify([entries[0], entries[2], entries[1]]) == 2


def test_a_lone_surrogate_cannot_be_an_entry() -> None:
    with pytest.raises(UnicodeEncodeError):
        link(FIRST_PREVIOUS_HASH, 1, msgspec.structs.replace(OPENED, transaction_id="\ud800"))
