"""An opening: intent, pulse, door, state, event, answer (blink-protocol.md 7.3, 7.5)."""

import pytest
from msgspec.structs import replace

from core.tower.desk import AT_MS, DRAWS, TOKENS, Desk, fixture_tower
from openharbor.blink.events import (
    CLOSED,
    DROPPED_OFF,
    FIRED,
    LEFT_OPEN,
    REOPENED,
    Accessed,
    AccessRefused,
    DoorForced,
    ErrorSeen,
    WrongDoor,
)
from openharbor.blink.packets import Packet
from openharbor.blink.phone_session import Declined, Reply, ask
from openharbor.tower import device
from openharbor.tower.device import OpeningOnItsWay
from openharbor.tower.state import Answer, Fire, Tap

DROP_OFF, PICK_UP = "drop-off, locker 1", "pick-up, locker 3"


def desk_with(name: str = "F") -> Desk:
    desk = Desk()
    desk.only_session(name)
    return desk


def accesses(desk: Desk) -> list[Accessed]:
    return [one for one in desk.since(12) if isinstance(one, Accessed)]


def token_frame(desk: Desk, token: str) -> bytes:
    row = TOKENS[token]
    fields = {9: bytes.fromhex(row["payload"]), 10: bytes.fromhex(row["payload_auth"])}
    return ask(desk.phones["F"], Packet.OPEN_LOCKER_WITH_TOKEN, fields, bytes(16)).frame


def test_the_intent_is_in_the_state_before_the_pulse_and_gone_with_the_answer() -> None:
    desk = desk_with()
    step = device.received(desk.tower, token_frame(desk, DROP_OFF), AT_MS, DRAWS)
    assert step.effects == (Fire(1, 0, 400),)
    assert step.tower.intent is not None
    assert step.tower.lockers == desk.tower.lockers
    step = device.fired(step.tower, "sent", AT_MS)
    assert step.effects == ()
    step = device.doors(step.tower, {0: True}, AT_MS + 80)
    assert [type(one) for one in step.effects] == [Answer]
    assert step.tower.intent is None
    assert not step.tower.lockers[1].available


def test_nothing_else_is_taken_while_an_opening_is_on_its_way() -> None:
    desk = desk_with()
    frame = token_frame(desk, DROP_OFF)
    tower = device.received(desk.tower, frame, AT_MS, DRAWS).tower
    with pytest.raises(OpeningOnItsWay):
        device.received(tower, frame, AT_MS, DRAWS)
    with pytest.raises(OpeningOnItsWay):
        device.code_entered(tower, "1234", AT_MS)


def test_a_reading_from_before_the_pulse_is_no_jam() -> None:
    desk = desk_with()
    tower = device.received(desk.tower, token_frame(desk, DROP_OFF), AT_MS, DRAWS).tower
    tower = device.fired(tower, "sent", AT_MS).tower
    step = device.ticked(tower, AT_MS + 3000)
    # nobody looked at the door since: it may hold a parcel by now
    assert not step.tower.lockers[1].available
    event = step.tower.log.events[-1]
    assert isinstance(event, Accessed)
    assert event.confirmed is None


def test_a_jammed_door_that_opens_within_thirty_seconds_completes_the_access() -> None:
    desk = desk_with()
    desk.jams.add(1)
    reply = desk.use("F", DROP_OFF)
    assert isinstance(reply, Reply)
    assert reply.fields[234] is False
    desk.advance(20)
    desk.opens(1)
    assert not desk.tower.lockers[1].available
    assert [(one.reason, one.confirmed) for one in accesses(desk)] == [(DROPPED_OFF, False), (DROPPED_OFF, True)]
    assert isinstance(desk.say("F", Packet.REVERT_LOCKER_STATE, {62: b""}), Reply)
    assert desk.tower.lockers[1].available


def test_a_door_that_opens_later_than_that_was_forced() -> None:
    desk = desk_with()
    desk.jams.add(1)
    desk.use("F", DROP_OFF)
    desk.advance(31)
    desk.opens(1)
    assert desk.tower.lockers[1].available
    event = desk.newest()
    assert isinstance(event, DoorForced)
    assert event.since_pulse_ms == 34_000
    assert event.available


def test_a_command_that_retires_the_generation_ends_the_wait_for_a_jammed_door_and_its_second_try() -> None:
    desk = Desk()
    desk.only_session("A")
    desk.jams.add(2)
    assert isinstance(desk.use("A", "drop-off, locker 2"), Reply)
    desk.push("A", "retire generation 1 of locker 2 if it is free")
    assert desk.tower.lockers[2].retired == 1
    reply = desk.say("A", Packet.REOPEN_LOCKER)
    assert isinstance(reply, Declined)
    assert reply.code == 503
    desk.opens(2)
    assert desk.tower.lockers[2].available
    assert desk.pulses == [2]


def test_the_closing_is_told_with_the_access_that_it_ends() -> None:
    desk = desk_with()
    desk.use("F", PICK_UP)
    desk.advance(25)
    desk.closes(3)
    event = desk.newest()
    assert isinstance(event, Accessed)
    assert (event.reason, event.token_id, event.access_kind) == (CLOSED, accesses(desk)[0].token_id, 2)
    assert (event.closed_at or 0) - (event.opened_at or 0) == 25
    assert desk.tower.lockers[3].watched is None


def test_a_door_left_open_is_told_once() -> None:
    desk = desk_with()
    desk.use("F", DROP_OFF)
    for _ in range(4):
        desk.advance(200)
        desk.read()
    assert [one.reason for one in accesses(desk)] == [DROPPED_OFF, LEFT_OPEN]
    desk.closes(1)
    assert accesses(desk)[-1].reason == CLOSED


def test_a_door_that_opens_by_itself_was_forced() -> None:
    desk = desk_with()
    desk.opens(7)
    event = desk.newest()
    assert isinstance(event, DoorForced)
    assert (event.locker_number, event.port, event.available, event.since_pulse_ms) == (7, 6, True, None)


def test_another_door_than_the_fired_one_is_the_wrong_door() -> None:
    desk = desk_with()
    tower = device.received(desk.tower, token_frame(desk, DROP_OFF), AT_MS, DRAWS).tower
    tower = device.fired(tower, "sent", AT_MS).tower
    tower = device.doors(tower, {0: False, 1: True}, AT_MS + 400).tower
    event = tower.log.events[-1]
    assert isinstance(event, WrongDoor)
    assert (event.locker_number, event.other_number, event.since_pulse_ms) == (1, 2, 400)


def test_an_inverted_contact_says_the_opposite() -> None:
    tower = fixture_tower(lockers={"1": {"sensor": 1}})
    desk = Desk(tower)
    desk.only_session("F")
    assert desk.tower.doors[1] is False
    reply = desk.use("F", DROP_OFF)
    assert isinstance(reply, Reply)
    assert reply.fields[234] is True


def test_a_door_that_cannot_be_read_any_more_leaves_a_drop_off_taken_and_a_pick_up_not_done() -> None:
    desk = desk_with()
    desk.unreadable = {1, 3}
    for token in (DROP_OFF, PICK_UP):
        reply = desk.use("F", token)
        assert isinstance(reply, Reply)
        assert 234 not in reply.fields
    assert not desk.tower.lockers[1].available
    assert not desk.tower.lockers[3].available
    assert desk.tower.lockers[3].retired == 4


def test_a_board_that_reports_a_fault_changes_nothing() -> None:
    desk = desk_with()
    desk.dead.add(3)
    before = desk.tower.lockers
    reply = desk.use("F", PICK_UP)
    assert isinstance(reply, Declined)
    assert reply.code == 300
    assert desk.tower.lockers == before
    event = desk.newest()
    assert isinstance(event, ErrorSeen)
    assert (event.code, event.source, event.locker_number) == (300, 2, 3)
    refusal = desk.tower.log.events[-2]
    assert isinstance(refusal, AccessRefused)
    assert (refusal.code, refusal.locker_number, refusal.access_kind) == (300, 3, 2)
    again = desk.say("F", Packet.REOPEN_LOCKER)
    assert isinstance(again, Declined)
    assert again.code == 504


def test_a_pulse_in_doubt_is_an_opening_only_if_the_door_is_seen_open() -> None:
    desk = desk_with()
    desk.doubtful = {1, 3}
    desk.jams = {3}
    assert isinstance(desk.use("F", DROP_OFF), Reply)
    reply = desk.use("F", PICK_UP)
    assert isinstance(reply, Declined)
    assert reply.code == 300
    assert not desk.tower.lockers[1].available
    assert not desk.tower.lockers[3].available
    assert desk.pulses == [1, 3]


def test_a_pulse_in_doubt_without_a_sensor_leaves_the_locker_taken() -> None:
    desk = desk_with()
    desk.doubtful = {5}
    reply = desk.use("F", "drop-off, locker 5, no door sensor")
    assert isinstance(reply, Declined)
    assert not desk.tower.lockers[5].available


def test_a_journal_that_cannot_be_written_fires_nothing_and_is_310() -> None:
    desk = desk_with()
    before = desk.tower
    step = device.unwritten(before, token_frame(desk, DROP_OFF), AT_MS, DRAWS)
    (effect,) = step.effects
    assert isinstance(effect, Answer)
    assert (step.tower.lockers, step.tower.log, step.tower.intent) == (before.lockers, before.log, None)
    desk.tower = step.tower
    reply = desk.receive(token_frame(desk, DROP_OFF))
    assert reply.frame == effect.frame, "the same message gets the same refusal"
    assert desk.pulses == []


def test_fire_lock_opens_without_a_change_and_is_not_the_last_opened() -> None:
    desk = desk_with("A")
    before = desk.tower.lockers[3]
    assert isinstance(desk.say("A", Packet.FIRE_LOCK, {72: 2}), Reply)
    assert desk.pulses == [3]
    assert replace(desk.tower.lockers[3], watched=None) == before
    assert accesses(desk)[-1].reason == FIRED
    reply = desk.say("A", Packet.REOPEN_LOCKER)
    assert isinstance(reply, Declined)
    assert reply.code == 504
    unknown = desk.say("A", Packet.FIRE_LOCK, {72: 99})
    assert isinstance(unknown, Declined)
    assert unknown.code == 502


def test_taps_are_answered_first_and_the_lock_is_busy_meanwhile() -> None:
    desk = desk_with()
    desk.use("F", DROP_OFF)
    assert isinstance(desk.say("F", Packet.TAP_LOCKER, {101: 500, 102: 3}), Reply)
    assert desk.taps == [Tap(1, 0, 400, 3, 500)]
    busy = desk.say("F", Packet.REOPEN_LOCKER)
    assert isinstance(busy, Declined)
    assert busy.code == 509
    desk.advance(2)
    assert isinstance(desk.say("F", Packet.REOPEN_LOCKER), Reply)


def test_more_than_fifty_taps_or_twenty_notes_in_a_session_are_505() -> None:
    desk = desk_with()
    desk.use("F", DROP_OFF)
    for _ in range(5):
        desk.advance(60)
        assert isinstance(desk.say("F", Packet.TAP_LOCKER, {101: 50, 102: 10}), Reply)
    desk.advance(60)
    tap = desk.say("F", Packet.TAP_LOCKER, {101: 50, 102: 0})
    assert isinstance(tap, Declined)
    assert tap.code == 505
    for _ in range(20):
        assert isinstance(desk.say("F", Packet.ADD_CLIENT_EVENT, {62: b"fits"}), Reply)
    note = desk.say("F", Packet.ADD_CLIENT_EVENT, {62: b"fits"})
    assert isinstance(note, Declined)
    assert note.code == 505


def test_a_revert_never_brings_back_what_was_retired() -> None:
    desk = desk_with("A")
    fields = {75: b"", 73: True, 62: b"", 91: False}
    assert isinstance(desk.say("A", Packet.OPEN_AVAILABLE_LOCKER, fields), Reply)
    assert (desk.tower.lockers[3].available, desk.tower.lockers[3].retired) == (True, 5)
    assert isinstance(desk.say("A", Packet.REVERT_LOCKER_STATE, {62: b""}), Reply)
    assert (desk.tower.lockers[3].available, desk.tower.lockers[3].retired) == (False, 5)


def test_a_revert_is_refused_once_the_locker_has_changed() -> None:
    desk = desk_with("A")
    desk.use("A", DROP_OFF)
    assert isinstance(desk.say("A", Packet.SET_LOCKER_TOKEN, {70: 1, 75: b"other"}), Reply)
    reply = desk.say("A", Packet.REVERT_LOCKER_STATE, {62: b""})
    assert isinstance(reply, Declined)
    assert reply.code == 504


def test_a_disabled_or_reconfigured_locker_is_not_opened_again() -> None:
    desk = Desk()
    desk.only_session("F")
    desk.use("F", DROP_OFF)
    locker = desk.tower.lockers[1]
    for changed in (replace(locker, disabled=True), replace(locker, port=11), replace(locker, port=-1)):
        desk.tower = replace(desk.tower, lockers={**desk.tower.lockers, 1: changed})
        reply = desk.say("F", Packet.REOPEN_LOCKER)
        assert isinstance(reply, Declined)
        assert reply.code == 503
    assert desk.pulses == [1]


def test_users_open_nothing_again_once_the_tower_is_disabled() -> None:
    desk = desk_with()
    desk.use("F", DROP_OFF)
    desk.tower = replace(desk.tower, identity=replace(desk.tower.identity, disabled=True))
    for packet, fields in ((Packet.REOPEN_LOCKER, {}), (Packet.TAP_LOCKER, {101: 50, 102: 1})):
        reply = desk.say("F", packet, fields)
        assert isinstance(reply, Declined)
        assert reply.code == 204
    assert (desk.pulses, desk.taps) == ([1], [])


def test_a_refused_token_leaves_what_it_said_and_equal_refusals_are_merged() -> None:
    desk = desk_with()
    for _ in range(3):
        assert isinstance(desk.use("F", "drop-off, locker 2, issued two hours ahead"), Declined)
    event = desk.newest()
    assert isinstance(event, AccessRefused)
    assert (event.code, event.locker_number, event.dups, event.event_id) == (104, None, 2, 13)
    assert isinstance(desk.use("F", PICK_UP), Reply)
    desk.session("G")
    assert isinstance(desk.use("G", PICK_UP), Declined)
    event = desk.newest()
    assert isinstance(event, AccessRefused)
    assert (event.code, event.locker_number, event.access_kind) == (201, 3, 2)


def test_the_last_opening_is_opened_again_with_reason_four() -> None:
    desk = desk_with()
    desk.use("F", DROP_OFF)
    assert isinstance(desk.say("F", Packet.REOPEN_LOCKER), Reply)
    last = accesses(desk)[-1]
    assert (last.reason, last.token_id, last.access_kind) == (REOPENED, 101, 1)
