"""What is queued for a tower fits the protocol, and is kept as text that gives back exactly what went in."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openharbor.blink.cbor import Fields
from openharbor.blink.fields import check
from openharbor.blink.packets import COMMANDS, Packet
from openharbor.cloud.lockers.change import Disable, EraseCode, Retire, SetClock, SetCode, TowerCommand
from openharbor.cloud.towers import commands
from openharbor.cloud.towers.commands import WireCommand, complete, wire
from openharbor.cloud.towers.fields_text import from_text, to_text

KEYS = st.integers(-(2**31), 2**31)
LEAVES = st.one_of(st.integers(), st.binary(max_size=20), st.text(max_size=20), st.booleans())
FIELDS = st.dictionaries(KEYS, st.one_of(LEAVES, st.lists(LEAVES, max_size=3), st.dictionaries(KEYS, LEAVES)))


@given(FIELDS)
def test_fields_come_back_from_their_text_as_they_were(fields: dict[int, Any]) -> None:
    assert from_text(to_text(fields)) == fields


def test_fields_are_kept_as_json_with_bytes_in_hex() -> None:
    assert to_text({75: b"\x01\xff", 70: 1, 73: True}) == '{"70":1,"73":true,"75":{"hex":"01ff"}}'


@pytest.mark.parametrize(
    ("command", "packet", "fields"),
    [
        (Retire(1, 14, 7, "unused"), Packet.SET_LOCKER_AVAILABLE, {70: 14, 73: True, 91: True, 249: 7}),
        (Retire(1, 14, 7, "keep"), Packet.SET_LOCKER_AVAILABLE, {70: 14, 73: False, 91: False, 249: 7}),
        (Retire(1, 14, 7, "empty"), Packet.SET_LOCKER_AVAILABLE, {70: 14, 73: True, 91: False, 249: 7}),
        (Disable(1, 14, disabled=True), Packet.SET_LOCKER_DISABLED, {70: 14, 74: True}),
        (EraseCode(1, 14), Packet.SET_LOCKER_KEYPAD, {70: 14, 80: "", 81: False, 82: b"", 83: True}),
        (
            SetCode(1, 14, "4829", False, "aa"),
            Packet.SET_LOCKER_KEYPAD,
            {70: 14, 80: "4829", 81: False, 82: b"", 83: True},
        ),
        (
            SetCode(1, 14, "4829", True, "aa"),
            Packet.SET_LOCKER_KEYPAD,
            {70: 14, 80: "4829", 81: True, 82: b"\xaa", 83: False},
        ),
        (SetClock(1, "0011223344556677"), Packet.SET_CLOCK, {229: bytes.fromhex("0011223344556677")}),
    ],
)
def test_a_decisions_command_becomes_a_packet(command: TowerCommand | SetClock, packet: Packet, fields: Fields) -> None:
    number = None if isinstance(command, SetClock) else 14
    assert wire(command) == WireCommand(packet, fields, number)


EVERY = [
    wire(Retire(1, 14, 7, "unused")),
    wire(Disable(1, 14, disabled=False)),
    wire(EraseCode(1, 14)),
    wire(SetClock(1, "00" * 8)),
    commands.configure_locker(14, -1, 3, "inverted"),
    commands.install_key(255),
    commands.sunset_key(1),
    commands.revoke_key(1),
    commands.mark_seen(13),
]


@pytest.mark.parametrize("command", EVERY, ids=lambda one: Packet(one.packet_type).name)
def test_every_command_fits_the_layout_of_its_packet_and_may_be_queued(command: WireCommand) -> None:
    sent = complete(command, now_s=1_800_000_000, root=bytes(32))
    known = COMMANDS[Packet(command.packet_type)]
    assert known.queued
    check(sent, known.layout)
    assert set(sent) == {1} | {item.number for item in known.layout if item.number in sent}


def test_a_clock_is_set_to_the_moment_of_sealing() -> None:
    assert complete(wire(SetClock(1, "00" * 8)), now_s=5) == {1: 73, 129: 5, 229: bytes(8)}


def test_the_queue_holds_no_key() -> None:
    assert 41 not in commands.install_key(2).fields
