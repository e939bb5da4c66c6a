"""Whatever a phone or a server sends: one answer, no pulse without a token, nothing the store cannot read again."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from core.blink.rig import CLOCK, key_of, taken
from core.tower.desk import AT_MS, DRAWS, Desk, fixture_tower
from harness.blink_vectors import tower_id, tower_keys
from openharbor.blink.cbor import Fields, encode
from openharbor.blink.event_maps import read_event, write_event
from openharbor.blink.fields import FIELDS, Item
from openharbor.blink.frames import phone_frame
from openharbor.blink.packets import COMMANDS, Packet
from openharbor.blink.payloads import CommandsPayload, encode_commands
from openharbor.blink.sealing import seal
from openharbor.blink.wrapper import wrap
from openharbor.tower import device
from openharbor.tower.state import Answer

OPENS = {
    Packet.OPEN_LOCKER_WITH_TOKEN,
    Packet.OPEN_AVAILABLE_LOCKER,
    Packet.REOPEN_LOCKER,
    Packet.FIRE_LOCK,
    Packet.TAP_LOCKER,
}
ANYTHING: st.SearchStrategy[Any] = st.recursive(
    st.integers(-(2**53), 2**53) | st.booleans() | st.binary(max_size=40) | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.integers(0, 260), inner, max_size=3),
    max_leaves=6,
)


def fitting(item: Item) -> st.SearchStrategy[Any]:
    """A value that the field allows, often at an edge or one that the fixture knows."""
    kind = FIELDS[item.number][1]
    if kind == "int":
        known = [one for one in (item.low, item.high, 1, 2, 3, 5, 13, 100) if item.low <= one <= item.high]
        return st.sampled_from(known) | st.integers(item.low, item.high)
    if kind == "bool":
        return st.booleans()
    if kind == "bytes":
        return st.binary(min_size=item.low, max_size=min(item.high, 64))
    if kind == "text":
        return st.sampled_from(["auto", "5501", "", "x"]) | st.text("0123456789ü", max_size=5)
    return ANYTHING


@st.composite
def commands(draw: st.DrawFn) -> Fields:
    """A command with fields that fit, or nearly."""
    packet = draw(st.sampled_from(sorted(COMMANDS)))
    fields: Fields = {1: packet.value}
    for item in COMMANDS[packet].layout:
        if not item.optional or draw(st.booleans()):
            fields[item.number] = draw(fitting(item) if draw(st.integers(0, 9)) else ANYTHING)
    return fields


def readable(desk: Desk) -> None:
    assert [read_event(write_event(one)) for one in desk.tower.log.events] == list(desk.tower.log.events)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=80), st.booleans())
def test_any_bytes_get_one_answer_and_change_nothing(data: bytes, tagged: bool) -> None:
    tower = fixture_tower()
    step = device.received(tower, (b"\xd9\xd9\xf7" if tagged else b"") + data, AT_MS, DRAWS)
    assert [type(one) for one in step.effects] == [Answer]
    assert (step.tower.lockers, step.tower.keys, step.tower.log) == (tower.lockers, tower.keys, tower.log)


@settings(max_examples=200, deadline=None)
@given(st.lists(commands() | st.dictionaries(st.integers(0, 260), ANYTHING, max_size=4), max_size=8))
def test_any_commands_of_a_developer_get_one_answer_each(rows: list[Fields]) -> None:
    desk = Desk()
    desk.only_session("A")
    number = 2
    for count, fields in enumerate(rows):
        pulses = len(desk.pulses)
        inner = {**fields, 22: taken("A", "session_id"), 25: number}
        frame = phone_frame(wrap(key_of("A"), taken("A", "session_id"), encode(inner), count.to_bytes(16)))
        answer = desk.receive(frame)
        if fields.get(1) not in list(OPENS):
            assert len(desk.pulses) == pulses
        speaking = desk.tower.sessions.speaking
        if speaking is None or answer.cut:
            break
        number = speaking.numbers.expected
        desk.advance(5)
        desk.failures = 0
    readable(desk)


@settings(max_examples=200, deadline=None)
@given(st.lists(commands() | st.dictionaries(st.integers(0, 260), ANYTHING, min_size=1, max_size=4), max_size=6))
def test_any_sealed_packet_is_dealt_with_whole_or_refused_whole_and_opens_nothing(rows: list[Fields]) -> None:
    desk = Desk()
    desk.only_session("A")
    packet = CommandsPayload(
        issued=CLOCK - 10, expires=CLOCK + 3600, tower_id=tower_id(), first=7, commands=rows or [{1: 16, 31: 1}]
    )
    before = desk.tower
    sealed = seal(tower_keys()[3], encode_commands(packet), bytes(16))
    inner = {1: 14, 9: sealed.payload, 10: sealed.auth, 22: taken("A", "session_id"), 25: 2}
    desk.receive(phone_frame(wrap(key_of("A"), taken("A", "session_id"), encode(inner), bytes(16))))
    if desk.tower.last_command == before.last_command:
        assert (desk.tower.lockers, desk.tower.keys) == (before.lockers, before.keys)
    else:
        assert desk.tower.last_command >= 6 + len(packet.commands)
    assert desk.pulses == []
    assert desk.tower.keys.rotations[desk.tower.keys.seal_with].state == "active"
    readable(desk)
