"""What technicians do in a session: reboot, keypad codes that the tower draws (blink-protocol.md 3.1, 11.4)."""

from core.blink.rig import CLOCK
from core.tower.desk import Desk
from harness.blink_vectors import tower_id, tower_keys
from openharbor.blink.cbor import Fields
from openharbor.blink.events import Booted, CommandsDone, LockerUpdated, SpecialSession
from openharbor.blink.packets import Packet
from openharbor.blink.payloads import CommandsPayload, encode_commands
from openharbor.blink.phone_session import Declined, Reply
from openharbor.blink.sealing import seal
from openharbor.tower import keypad
from openharbor.tower.power_up import COMMAND, started
from openharbor.tower.state import Hardware

CODE: Fields = {80: "auto", 81: False, 82: b"", 83: True}


def technician() -> Desk:
    desk = Desk()
    desk.only_session("B", 63)
    return desk


def test_a_reboot_is_answered_first_and_ends_the_session() -> None:
    desk = technician()
    assert isinstance(desk.say("B", Packet.REBOOT_DEVICE), Reply)
    assert desk.restarts == 1
    event = desk.newest()
    assert isinstance(event, SpecialSession)
    assert event.command_types == [104]
    desk.tower = started(desk.tower, Hardware(), wall_s=CLOCK, at_ms=0, challenge=bytes(8), cause=COMMAND)
    booted = desk.newest()
    assert isinstance(booted, Booted)
    assert booted.reset_cause == 2
    assert not desk.tower.restart


def test_a_user_reboots_nothing() -> None:
    desk = Desk()
    desk.only_session("A", 2)
    reply = desk.say("A", Packet.REBOOT_DEVICE)
    assert isinstance(reply, Declined)
    assert (reply.code, desk.restarts) == (204, 0)


def push(desk: Desk, *commands: Fields) -> None:
    packet = CommandsPayload(
        issued=CLOCK - 10, expires=CLOCK + 3600, tower_id=tower_id(), first=7, commands=list(commands)
    )
    sealed = seal(tower_keys()[3], encode_commands(packet), bytes(16))
    assert isinstance(desk.say("B", Packet.SYNC_PUSH, {9: sealed.payload, 10: sealed.auth}), Reply)


def test_a_reboot_in_a_packet_comes_after_its_last_command_and_once() -> None:
    desk = technician()
    packet: tuple[Fields, ...] = ({1: 104}, {1: 89, 60: "Hall"}, {1: 86, 144: 112})
    push(desk, *packet)
    assert (desk.restarts, desk.tower.last_command, desk.tower.identity.name) == (1, 9, "Hall")
    assert [one.failed for one in desk.since(12) if isinstance(one, CommandsDone)] == [{}]
    push(desk, *packet)
    assert desk.restarts == 1, "a repeat is no second one"


def test_a_code_that_the_tower_draws_is_told_to_the_phone_and_in_the_log() -> None:
    desk = technician()
    desk.use("B", "drop-off, locker 1")
    reply = desk.say("B", Packet.SET_KEYPAD_CODE, CODE)
    assert isinstance(reply, Reply)
    told_in_the_log(desk, reply)


def told_in_the_log(desk: Desk, reply: Reply) -> None:
    event, code = desk.newest(), reply.fields[80]
    assert isinstance(event, LockerUpdated)
    assert event.keypad_code == code
    assert len(code) == 6
    assert code.isdigit()
    stored = desk.tower.lockers[event.locker_number].code
    assert stored is not None
    assert stored.mac == keypad.code_mac(desk.tower.code_key, code)


def test_a_technician_who_lets_the_tower_draw_a_code_is_told_it() -> None:
    desk = technician()
    assert not desk.tower.lockers[3].available
    reply = desk.say("B", Packet.SET_LOCKER_KEYPAD, {70: 3, **CODE})
    assert isinstance(reply, Reply)
    told_in_the_log(desk, reply)


def test_a_code_that_somebody_chose_is_not_repeated() -> None:
    desk = technician()
    desk.use("B", "drop-off, locker 1")
    reply = desk.say("B", Packet.SET_KEYPAD_CODE, {**CODE, 80: "482913"})
    assert isinstance(reply, Reply)
    assert 80 not in reply.fields
