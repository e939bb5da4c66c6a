"""Packets, fields and error codes are those of the vectors (blink-protocol.md 3, 6.3)."""

from typing import Any

import pytest

from harness.blink_vectors import unshown, vectors
from openharbor.blink.fields import FIELDS, NOT_USED, PRIVATE, PUBLIC, PYTHON, Item, check, optional
from openharbor.blink.frames import read_message
from openharbor.blink.packets import (
    COMMANDS,
    DEV,
    REPLIES,
    REQUEST_SESSION_LAYOUT,
    SERVER,
    Packet,
    is_event,
    refusal_form,
)
from openharbor.blink.refusals import ERROR_NAMES, Rejected, error_name


def numbered(table: dict[str, str]) -> dict[int, str]:
    return {int(number): name for number, name in table.items()}


def test_packet_types_have_the_numbers_and_names_of_the_vectors() -> None:
    assert {packet.value: packet.name for packet in Packet} == numbered(vectors()["packet_types"])


def test_fields_have_the_numbers_and_names_of_the_vectors() -> None:
    fields = vectors()["fields"]
    assert {number: name for number, (name, _) in PRIVATE.items()} == numbered(fields["private"])
    assert {number: name for number, (name, _) in PUBLIC.items()} | NOT_USED == numbered(fields["public"])


def test_error_codes_have_the_numbers_and_names_of_the_vectors() -> None:
    assert numbered(vectors()["error_codes"]) == ERROR_NAMES
    assert error_name(999) == "UNKNOWN"


def every_map(value: Any) -> list[dict[int, Any]]:
    if isinstance(value, dict):
        if "1" in value and "0" not in value and all(key.isdigit() for key in value):
            return [unshown(value), *every_map(value.get("35"))]
        return [one for inner in value.values() for one in every_map(inner)]
    if isinstance(value, list):
        return [one for inner in value for one in every_map(inner)]
    return []


def test_every_field_of_the_honest_vectors_is_of_its_kind() -> None:
    parts = [vectors()[name] for name in ("session", "sealed", "events", "commands", "codec", "sync")]
    maps = [one for one in every_map(parts) if "h'" not in str(one.get(1))]
    for fields in maps:
        for number, value in fields.items():
            assert type(value) is PYTHON[FIELDS[number][1]], (number, value)
    assert len(maps) > 100


def test_every_command_of_the_codec_vectors_fits_its_layout_and_gets_its_reply() -> None:
    seen = set()
    for row in (*vectors()["codec"]["pairs"], *vectors()["commands"]["steps"]):
        request = unshown(row["request"])
        command = COMMANDS[Packet(request[1])]
        check(request, command.layout)
        assert {1, 22, 25} | {item.number for item in command.layout if not item.optional} <= request.keys()
        if row["answer"] not in ("ERROR", "SESSION_ERROR"):
            assert command.reply.name == row["answer"], row["command"]
            assert set(REPLIES[command.reply]) <= unshown(row["reply"]).keys(), row["command"]
        seen.add(request[1])
    assert len(seen) > 40


def test_every_command_in_the_packets_of_the_vectors_may_stand_in_one_but_for_those_that_fail() -> None:
    refused = set()
    for row in vectors()["sealed"]["command_packets"]:
        for fields in unshown(row["map"])[35]:
            command = COMMANDS[Packet(fields[1])]
            if command.queued:
                check(fields, command.layout)
            else:
                refused.add(fields[1])
    assert refused <= {Packet.FIRE_LOCK}


def test_what_opens_a_lock_is_never_queued() -> None:
    opening = {
        Packet.OPEN_LOCKER_WITH_TOKEN,
        Packet.OPEN_AVAILABLE_LOCKER,
        Packet.REOPEN_LOCKER,
        Packet.TAP_LOCKER,
        Packet.FIRE_LOCK,
    }
    assert not any(COMMANDS[packet].queued for packet in opening)


def test_what_only_the_server_may_say_is_for_no_phone() -> None:
    server = {packet for packet, command in COMMANDS.items() if command.who == SERVER}
    assert server == {
        Packet.INSTALL_KEY,
        Packet.SUNSET_KEY,
        Packet.REVOKE_KEY,
        Packet.SYNC_MARK_SEEN_EVENTS,
        Packet.RESET_EVENT_COUNTER,
        Packet.RESET_COMMAND_COUNTER,
    }
    assert all(COMMANDS[packet].queued for packet in server)
    assert COMMANDS[Packet.FACTORY_RESET].who == DEV


def test_an_ack_is_never_refused_with_a_wrapped_error_but_for_sync_push() -> None:
    wrapped = {packet for packet, command in COMMANDS.items() if command.wrapped and command.reply is Packet.ACK}
    assert wrapped == {Packet.SYNC_PUSH}
    assert refusal_form(Packet.OPEN_LOCKER_WITH_TOKEN) == "wrapped"
    assert refusal_form(Packet.TERMINATE_SESSION) == refusal_form(77) == refusal_form(300) == "clear"


def test_events_are_the_types_20_to_31() -> None:
    assert [packet for packet in Packet if is_event(packet)] == list(range(20, 32))


def test_a_session_request_of_the_vectors_fits_its_layout() -> None:
    for row in vectors()["session"]["clock"]:
        check(read_message(bytes.fromhex(row["in"])), REQUEST_SESSION_LAYOUT)


@pytest.mark.parametrize(
    ("fields", "item", "code"),
    [
        ({}, Item(70), 102),
        ({70: None}, Item(70), 103),
        ({70: True}, Item(70), 103),
        ({73: 1}, Item(73), 103),
        ({62: "text"}, Item(62), 103),
        ({80: b"1234"}, Item(80), 103),
        ({78: []}, Item(78), 103),
        ({70: 0}, Item(70, 1, 1023), 104),
        ({70: 1024}, Item(70, 1, 1023), 104),
        ({62: bytes(501)}, Item(62, 0, 500), 105),
        ({75: b""}, Item(75, 1, 32), 105),
        ({60: "ü" * 9}, Item(60, 0, 16), 105),
        ({9: bytes(513)}, Item(9, 18, 512, too_long=208), 208),
        ({9: bytes(17)}, Item(9, 18, 512, too_long=208), 105),
    ],
)
def test_a_field_at_fault_is_named_with_its_code(fields: dict[int, Any], item: Item, code: int) -> None:
    with pytest.raises(Rejected, match=rf"#{item.number}") as refused:
        check(fields, (item,))
    assert refused.value.code == code


def test_what_is_optional_may_be_absent_but_not_wrong() -> None:
    check({}, (optional(91),))
    with pytest.raises(Rejected):
        check({91: 1}, (optional(91),))
