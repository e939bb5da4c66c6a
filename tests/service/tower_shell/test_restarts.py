"""What a tower keeps when it starts again: by itself, after REBOOT_DEVICE, and when its store fails."""

import asyncio
from pathlib import Path

import pytest

from harness.towers import STAFF, Server, TowerRig, make_tower, provision, served, tower_on
from openharbor.blink.events import Booted
from openharbor.blink.packets import Packet
from openharbor.blink.phone_session import Declined, Reply
from openharbor.kit.clock import SteppedClock
from openharbor.kit.database.process_lock import DatabaseInUse
from openharbor.tower.app import running


def boots(rig: TowerRig) -> list[int]:
    return [one.reset_cause for one in rig.running.state.log.events if isinstance(one, Booted)]


async def test_a_taken_locker_its_door_and_its_token_are_known_after_a_restart(tmp_path: Path) -> None:
    async with tower_on(tmp_path) as rig:
        token = rig.server.token(2)
        async with rig.phone() as phone:
            await phone.begin(rig.server.session())
            await phone.open(token)
        data, emulator, clock = rig.data, rig.emulator, rig.running.clock
        await rig.stop()
        emulator.locks[next(iter(emulator.locks))][2].push_shut()
        async with served(data, emulator, clock) as again:
            await again.until(lambda: again.running.state.lockers[2].watched is None)
            assert not again.running.state.lockers[2].available
            again.server.token_ids = rig.server.token_ids
            async with again.phone() as phone:
                await phone.begin(again.server.session())
                other = await phone.open(again.server.token(2, generation=2))
                assert isinstance(other, Declined)
                assert other.code == 502
        assert rig.pulses() == [2]


async def test_a_session_ends_with_a_restart(tmp_path: Path) -> None:
    async with tower_on(tmp_path) as rig, rig.phone() as phone:
        await phone.begin(rig.server.session(STAFF))
        await phone.do(Packet.REQUEST_SYNC_STATUS)
        session = phone.session
        assert isinstance(await phone.do(Packet.REBOOT_DEVICE), Reply)
        assert await phone.is_cut()
        await rig.until(lambda: boots(rig) == [0, 2])
        async with rig.phone() as again:
            again.session = session
            refused = await again.do(Packet.REQUEST_SYNC_STATUS)
            assert isinstance(refused, Declined)
            assert refused.code == 202


async def test_every_link_is_cut_when_the_tower_starts_again(tmp_path: Path) -> None:
    async with tower_on(tmp_path) as rig, rig.phone() as phone, rig.phone() as bystander:
        await bystander.info()
        await phone.begin(rig.server.session(STAFF))
        await phone.do(Packet.REBOOT_DEVICE)
        assert await bystander.is_cut()
        async with rig.phone() as again:
            await again.begin(rig.server.session())
            assert isinstance(await again.open(rig.server.token(1)), Reply)


async def test_one_process_at_a_time_has_a_tower(tmp_path: Path) -> None:
    async with tower_on(tmp_path) as rig:
        with pytest.raises(DatabaseInUse):
            async with running(rig.data, None, rig.running.clock):
                pass


async def test_a_machine_clock_behind_the_floor_makes_the_clock_unsure(tmp_path: Path) -> None:
    clock = SteppedClock()
    data = await make_tower(tmp_path, ["virtual://absent"], provision(made_at=clock.now() // 1000))
    async with running(data, None, clock) as tower:
        assert tower.state.clock.sure
    async with running(data, None, SteppedClock(clock.now() - 3_600_000)) as tower:
        assert not tower.state.clock.sure
        booted = tower.state.log.events[-1]
        assert isinstance(booted, Booted)
        assert booted.time_challenge == tower.state.clock.challenge


async def test_a_second_that_passes_writes_nothing(tmp_path: Path) -> None:
    async with tower_on(tmp_path) as rig:
        log = rig.data / "tower.db-wal"
        size = log.stat().st_size
        begun = rig.running.uptime_ms()
        await rig.until(lambda: rig.running.uptime_ms() - begun > 2500)
        assert log.stat().st_size == size


async def test_stopping_finishes_the_opening_on_its_way(tmp_path: Path) -> None:
    async with tower_on(tmp_path) as rig, rig.phone() as phone:
        await phone.begin(rig.server.session())
        opening = asyncio.create_task(phone.open(rig.server.token(1)))
        await rig.until(lambda: rig.running.state.pending is not None)
        await rig.running.drain()
        assert rig.running.state.pending is None
        reply = await opening
        assert isinstance(reply, Reply)
        assert reply.fields[234] is True


async def test_a_first_start_before_the_file_was_made_begins_at_its_time(tmp_path: Path) -> None:
    clock = SteppedClock()
    made_at = clock.now() // 1000 + 3600
    data = await make_tower(tmp_path, ["virtual://absent"], provision(made_at=made_at))
    async with running(data, None, clock) as tower:
        assert tower.state.clock.base_ms == made_at * 1000
        assert Server(clock).now < made_at
