"""A token opens its door and no other, on emulated cabinets over their protocols (blink-protocol.md 7.3 to 7.5)."""

from pathlib import Path

import pytest

from harness.towers import STAFF, TowerRig, tower_on
from openharbor.blink.events import CLOSED, Accessed, DoorForced, ErrorOver, ErrorSeen, Event
from openharbor.blink.packets import Packet
from openharbor.blink.payloads import PICKUP
from openharbor.blink.phone_session import Declined, Reply

FAMILIES = ("kerong-cu16", "modbus-tcp")


def logged(rig: TowerRig, kind: type[Event]) -> list[Event]:
    return [one for one in rig.running.state.log.events if isinstance(one, kind)]


def accesses(rig: TowerRig) -> list[tuple[int, int, bool | None]]:
    """Locker, reason and whether it was seen, of each access."""
    events = [one for one in rig.running.state.log.events if isinstance(one, Accessed)]
    return [(one.locker_number, one.reason, one.confirmed) for one in events]


def break_lock(rig: TowerRig, kind: str, lock: int | None = None) -> None:
    rig.emulator.faults.add(kind, board=next(iter(rig.emulator.locks)), lock=lock)


def fields_of(reply: Reply | Declined) -> dict[int, object]:
    assert isinstance(reply, Reply), reply
    return {number: value for number, value in reply.fields.items() if number not in (1, 22, 25)}


def code_of(reply: Reply | Declined) -> int:
    assert isinstance(reply, Declined), reply
    return reply.code


@pytest.mark.parametrize("family", FAMILIES)
async def test_a_dropoff_opens_its_door_and_no_other(family: str, tmp_path: Path) -> None:
    async with tower_on(tmp_path, family) as rig, rig.phone() as phone:
        await phone.begin(rig.server.session())
        assert fields_of(await phone.open(rig.server.token(3))) == {70: 3, 234: True}
        assert rig.pulses() == [3]
        assert [lock.door == "closed" for lock in map(rig.lock, (1, 2, 3, 4))] == [True, True, False, True]
        assert fields_of(await phone.do(Packet.CHECK_LOCKER_DOOR)) == {76: True}
        rig.lock(3).push_shut()
        await rig.until(lambda: (3, CLOSED, None) in accesses(rig))
        assert fields_of(await phone.do(Packet.CHECK_LOCKER_DOOR)) == {76: False}
        assert not rig.running.state.lockers[3].available


async def test_a_token_drops_off_and_picks_up_in_a_later_session(tmp_path: Path) -> None:
    async with tower_on(tmp_path) as rig, rig.phone() as courier, rig.phone() as customer:
        token = rig.server.token(2)
        await courier.begin(rig.server.session())
        await courier.open(token)
        rig.lock(2).push_shut()
        await rig.until(lambda: rig.running.state.doors[2] is False)
        await courier.do(Packet.TERMINATE_SESSION, {2: 0})
        await customer.begin(rig.server.session(client_id=b"customer"))
        assert fields_of(await customer.open(token)) == {70: 2, 234: True}
        assert rig.running.state.lockers[2].available
        assert rig.pulses() == [2, 2]


async def test_a_door_that_stays_shut_is_a_jam_and_changes_nothing(tmp_path: Path) -> None:
    async with tower_on(tmp_path) as rig, rig.phone() as phone:
        break_lock(rig, "latch_jammed", 1)
        await phone.begin(rig.server.session())
        begun = rig.running.uptime_ms()
        assert fields_of(await phone.open(rig.server.token(1))) == {70: 1, 234: False}
        assert rig.running.uptime_ms() - begun < 6000
        assert rig.running.state.lockers[1].available
        assert rig.pulses() == [1]


async def test_a_reopening_after_a_jam_is_the_second_try_of_the_same_access(tmp_path: Path) -> None:
    async with tower_on(tmp_path) as rig, rig.phone() as phone:
        break_lock(rig, "latch_jammed", 1)
        await phone.begin(rig.server.session())
        await phone.open(rig.server.token(1))
        rig.emulator.faults.clear()
        assert fields_of(await phone.do(Packet.REOPEN_LOCKER)) == {70: 1, 234: True}
        assert not rig.running.state.lockers[1].available


async def test_a_board_that_is_away_is_told_with_300_and_nothing_changes(tmp_path: Path) -> None:
    async with tower_on(tmp_path) as rig, rig.phone() as phone:
        await phone.begin(rig.server.session())
        await rig.emulator.stop()
        assert code_of(await phone.open(rig.server.token(1))) == 300
        assert rig.running.state.lockers[1].available
        assert rig.pulses() == []


async def test_no_unlock_is_sent_to_a_board_that_is_silent(tmp_path: Path) -> None:
    async with tower_on(tmp_path) as rig, rig.phone() as phone:
        await phone.begin(rig.server.session())
        break_lock(rig, "no_reply")
        await rig.until(lambda: rig.running.state.doors[1] is None)
        assert code_of(await phone.open(rig.server.token(1))) == 300
        assert rig.running.state.lockers[1].available
        assert rig.pulses() == []


async def test_a_pulse_in_doubt_leaves_the_locker_taken_rather_than_free(tmp_path: Path) -> None:
    async with tower_on(tmp_path, "modbus-tcp") as rig, rig.phone() as phone:
        await phone.begin(rig.server.session())
        break_lock(rig, "no_reply")
        assert code_of(await phone.open(rig.server.token(1))) == 300
        assert rig.pulses() == [1]
        assert not rig.running.state.lockers[1].available


@pytest.mark.slow
async def test_a_board_that_stops_answering_and_answers_again_leaves_two_events(tmp_path: Path) -> None:
    async with tower_on(tmp_path) as rig:
        break_lock(rig, "no_reply")
        await rig.until(lambda: len(logged(rig, ErrorSeen)) == 1)
        rig.emulator.faults.clear()
        await rig.until(lambda: len(logged(rig, ErrorOver)) == 1, 30)


async def test_a_pulse_is_sent_to_a_door_that_reads_open_and_counts_as_opened(tmp_path: Path) -> None:
    async with tower_on(tmp_path) as rig, rig.phone() as phone:
        rig.lock(1).force()
        await rig.until(lambda: rig.running.state.doors[1] is True)
        assert len(logged(rig, DoorForced)) == 1
        await phone.begin(rig.server.session())
        assert fields_of(await phone.open(rig.server.token(1))) == {70: 1, 234: True}
        assert rig.pulses() == [1]


async def test_an_inverted_sensor_reads_the_other_way_round(tmp_path: Path) -> None:
    async with tower_on(tmp_path, sensors={1: "inverted"}) as rig:
        assert rig.running.state.doors == {1: True, 2: False, 3: False, 4: False}


async def test_without_a_usable_sensor_the_pulse_counts_as_the_opening(tmp_path: Path) -> None:
    async with tower_on(tmp_path, sensors={1: "none"}) as rig, rig.phone() as phone:
        await phone.begin(rig.server.session())
        assert fields_of(await phone.open(rig.server.token(1))) == {70: 1}
        assert not rig.running.state.lockers[1].available
        assert code_of(await phone.do(Packet.CHECK_LOCKER_DOOR)) == 301


async def test_taps_are_answered_first_and_fire_the_last_opened_locker(tmp_path: Path) -> None:
    async with tower_on(tmp_path) as rig, rig.phone() as phone:
        await phone.begin(rig.server.session())
        await phone.open(rig.server.token(4))
        assert fields_of(await phone.do(Packet.TAP_LOCKER, {101: 300, 102: 3})) == {}
        assert rig.pulses() == [4]
        assert code_of(await phone.do(Packet.REOPEN_LOCKER)) == 509
        await rig.until(lambda: rig.pulses() == [4, 4, 4, 4])


async def test_a_dropoff_that_does_not_fit_is_put_back(tmp_path: Path) -> None:
    async with tower_on(tmp_path) as rig, rig.phone() as phone:
        token = rig.server.token(1)
        await phone.begin(rig.server.session())
        await phone.open(token)
        assert fields_of(await phone.do(Packet.REVERT_LOCKER_STATE, {62: b""})) == {}
        assert rig.running.state.lockers[1].available
        assert code_of(await phone.open(token)) == 201
        assert rig.pulses() == [1]


async def test_a_pickup_of_a_free_locker_fires_nothing(tmp_path: Path) -> None:
    async with tower_on(tmp_path) as rig, rig.phone() as phone:
        await phone.begin(rig.server.session())
        assert code_of(await phone.open(rig.server.token(1, PICKUP))) == 502
        assert rig.pulses() == []


async def test_the_pulse_is_as_long_as_the_server_last_said(tmp_path: Path) -> None:
    async with tower_on(tmp_path, "modbus-tcp") as rig, rig.phone() as phone:
        await phone.begin(rig.server.session(STAFF))
        await phone.push(rig.server.packet({1: int(Packet.SET_SOLENOID_DELAY), 154: 700}))
        await phone.do(Packet.FIRE_LOCK, {72: 1})
        await rig.until(lambda: all(one.ms is not None for one in rig.emulator.pulses))
        assert [round(one.ms or 0) for one in rig.emulator.pulses] == [700]


async def test_a_code_at_the_keypad_opens_its_locker(tmp_path: Path) -> None:
    async with tower_on(tmp_path) as rig, rig.phone() as phone:
        await phone.begin(rig.server.session())
        await phone.open(rig.server.token(2, keypad_code="1234"))
        rig.lock(2).push_shut()
        await rig.until(lambda: rig.running.state.doors[2] is False)
        assert (await rig.running.code_entered("4321")).outcome == "wrong"
        says = await rig.running.code_entered("1234")
        assert (says.outcome, says.number) == ("opened", 2)
        assert rig.running.state.lockers[2].available
