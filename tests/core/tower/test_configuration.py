"""Configuration, in a technician's session and in packets (blink-protocol.md 3.1, 8.3, 8.5, 11.3)."""

from typing import Any

import pytest
from msgspec.structs import replace

from core.blink.rig import CLOCK
from core.tower.desk import AT_MS, DRAWS, Desk, fixture_tower
from harness.blink_vectors import tower_id, tower_keys
from openharbor.blink.events import CommandsDone, LockerUpdated
from openharbor.blink.packets import Packet
from openharbor.blink.payloads import CommandsPayload, encode_commands
from openharbor.blink.phone_session import Declined, Reply
from openharbor.blink.refusals import Rejected
from openharbor.blink.sealing import seal
from openharbor.tower import sync
from openharbor.tower.state import Tower, now


def pushed(tower: Tower, *commands: dict[int, Any], first: int = 7) -> Tower:
    packet = CommandsPayload(issued=CLOCK - 1, expires=CLOCK + 600, tower_id=tower_id(), first=first, commands=commands)
    sealed = seal(tower_keys()[3], encode_commands(packet), bytes(16))
    return sync.pushed(tower, sealed.payload, sealed.auth, DRAWS.seed, AT_MS)


def results(tower: Tower) -> tuple[int, int, dict[int, int]]:
    event = tower.log.events[-1]
    assert isinstance(event, CommandsDone)
    return event.first, event.count, event.failed


def technician() -> Desk:
    desk = Desk()
    desk.only_session("A")
    return desk


@pytest.mark.parametrize(
    ("packet", "fields", "code"),
    [
        (Packet.CONFIGURE_LOCKER, {70: 3, 72: 9, 71: 1}, 509),
        (Packet.CONFIGURE_LOCKER, {70: 1, 72: 1, 71: 1}, 509),
        (Packet.SET_LOCKER_DISABLED, {70: 99, 74: True}, 502),
        (Packet.SET_LOCKER_AVAILABLE, {70: 3, 73: True, 91: True}, 502),
        (Packet.SET_LOCKER_AVAILABLE, {70: 3, 73: True, 249: 4}, 104),
        (Packet.SET_LOCKER_KEYPAD, {70: 1, 80: "1234", 82: b"", 83: True, 81: False}, 502),
        (Packet.SET_CLOCK, {129: CLOCK - 1}, 104),
        (Packet.SET_CLOCK, {129: CLOCK + 86_401}, 104),
        (Packet.GET_KEY_INFO, {40: 1, 43: 4}, 203),
        (Packet.GET_LOCKER_INFO, {70: 99}, 502),
        (Packet.READ_PORT_STATUS, {72: 4}, 301),
        (Packet.SOUND_BUZZER, {100: 1}, 101),
    ],
)
def test_what_a_technician_may_not_do_is_refused_with_its_code(
    packet: Packet, fields: dict[int, Any], code: int
) -> None:
    desk = technician()
    before = desk.tower
    reply = desk.say("A", packet, fields)
    assert isinstance(reply, Declined)
    assert reply.code == code
    assert (desk.tower.lockers, desk.tower.log) == (before.lockers, before.log)


def test_names_and_settings_are_what_staff_then_read() -> None:
    desk = technician()
    desk.say("A", Packet.SET_TOWER_NAME, {60: "Oak Lane"})
    desk.say("A", Packet.SET_TOWER_SERIAL, {138: "T-18"})
    desk.say("A", Packet.SET_SOLENOID_DELAY, {154: 250})
    desk.say("A", Packet.SET_TOWER_DISABLED, {155: True, 156: "flooded"})
    info, status = desk.say("A", Packet.GET_DEVICE_INFO), desk.say("A", Packet.READ_DEVICE_STATUS)
    assert isinstance(info, Reply)
    assert isinstance(status, Reply)
    assert (info.fields[60], info.fields[138], info.fields[154]) == ("Oak Lane", "T-18", 250)
    assert (status.fields[155], status.fields[156]) == (True, "flooded")


def test_a_locker_that_staff_change_is_told_whole_with_the_reason() -> None:
    desk = technician()
    desk.say("A", Packet.CONFIGURE_LOCKER, {70: 8, 72: 7, 71: 2, 246: 1})
    desk.say("A", Packet.SET_LOCKER_DISABLED, {70: 8, 74: True})
    told = [one for one in desk.since(12) if isinstance(one, LockerUpdated)]
    assert [(one.locker_number, one.port, one.door_sensor, one.disabled, one.reason) for one in told] == [
        (8, 7, 1, False, 2),
        (8, 7, 1, True, 5),
    ]


def test_a_command_of_the_server_is_told_with_its_id() -> None:
    tower = pushed(fixture_tower(), {1: 83, 70: 2, 74: True})
    event = tower.log.events[-2]
    assert isinstance(event, LockerUpdated)
    assert (event.reason, event.command_id) == (1, 7)


def test_a_bad_command_never_blocks_the_next() -> None:
    tower = pushed(
        fixture_tower(), {1: 68, 72: 0}, {1: 999}, {1: 83, 70: 2}, {1: 83, 70: 2, 74: 1}, {1: 83, 70: 2, 74: True}
    )
    assert results(tower) == (7, 5, {7: 101, 8: 101, 9: 102, 10: 103})
    assert (tower.last_command, tower.lockers[2].disabled) == (11, True)


def test_what_the_counter_skips_is_not_carried_out() -> None:
    tower = pushed(fixture_tower(), {1: 18, 33: 8}, {1: 83, 70: 1, 74: True}, {1: 83, 70: 2, 74: True})
    assert (tower.lockers[1].disabled, tower.lockers[2].disabled, tower.last_command) == (False, True, 9)
    assert results(tower) == (7, 2, {})


def test_a_repeat_does_nothing_and_a_gap_is_508() -> None:
    tower = pushed(fixture_tower(), {1: 83, 70: 2, 74: True})
    again = pushed(tower, {1: 83, 70: 2, 74: True})
    assert (again.lockers, again.log, again.last_command) == (tower.lockers, tower.log, 7)
    with pytest.raises(Rejected) as refused:
        pushed(tower, {1: 83, 70: 2, 74: True}, first=9)
    assert refused.value.code == 508


def test_of_the_two_forms_that_take_tokens_back_exactly_one_is_carried_out() -> None:
    for number in (1, 3):
        forms = ({1: 81, 70: number, 73: True, 91: True, 249: 5}, {1: 81, 70: number, 73: False, 91: False, 249: 5})
        tower = pushed(fixture_tower(), *forms)
        assert list(results(tower)[2].values()) == [502]
        locker = tower.lockers[number]
        assert (locker.available, locker.generation, locker.retired) == (number == 1, 5, 5)


def test_an_answer_to_the_challenge_is_worth_nothing_the_second_time() -> None:
    tower = fixture_tower(clock=CLOCK + 400 * 86_400)
    challenge = tower.clock.challenge
    command = {1: 73, 129: CLOCK, 229: challenge}
    tower = pushed(tower, command, command)
    assert results(tower) == (7, 2, {8: 106})
    assert now(tower, AT_MS) == CLOCK
    assert tower.clock.challenge not in (challenge, b"")


def test_no_token_seed_or_key_is_shown() -> None:
    desk = technician()
    desk.use("A", "drop-off, locker 1")
    desk.say("A", Packet.SET_KEYPAD_CODE, {80: "482913", 81: False, 82: b"next", 83: True})
    tower = desk.tower
    shown = repr(tower) + repr(tower.lockers) + repr(tower.keys) + repr(DRAWS) + repr(tower.intent)
    for secret in (tower.lockers[1].locker_token, tower.code_key, DRAWS.seed, b"next", tower.keys.rotations[3].root):
        assert repr(secret) not in shown
        assert secret.hex() not in shown


@pytest.mark.parametrize(("last", "code"), [(2**31 - 2**20, None), (2**31 - 2**20 + 1, 104), (2**31 - 1, 104)])
def test_the_command_counter_leaves_room_for_a_million(last: int, code: int | None) -> None:
    tower = pushed(fixture_tower(), {1: 18, 33: last})
    assert results(tower) == (7, 1, {} if code is None else {7: code})
    assert tower.last_command == (last if code is None else 7)


def test_ids_beyond_31_bits_are_refused_with_the_whole_packet() -> None:
    tower = replace(fixture_tower(), last_command=2**31 - 2)
    assert pushed(tower, {1: 89, 60: "Hall"}, first=2**31 - 1).last_command == 2**31 - 1
    with pytest.raises(Rejected, match="508"):
        pushed(tower, {1: 89, 60: "Hall"}, {1: 89, 60: "Hall"}, first=2**31 - 1)
