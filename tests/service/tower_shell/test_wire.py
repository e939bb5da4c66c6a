"""Blink over TCP (blink-protocol.md 2.3): the info value, several links, one command at a time."""

import asyncio
from pathlib import Path

from harness.towers import TOWER_ID, phone_at, tower_on
from openharbor.blink.advertising import read_info
from openharbor.blink.frames import phone_frame, read_message
from openharbor.blink.packets import Packet
from openharbor.blink.phone_session import Declined, Reply
from openharbor.tower.app import RunningTower
from openharbor.tower.wire import listening


async def test_the_info_value_says_who_it_is(tower: RunningTower) -> None:
    async with listening(tower, "127.0.0.1", 0) as address, phone_at(address) as phone:
        identity = read_info(await phone.info())
        assert identity is not None
        assert (identity.tower_id, identity.name) == (TOWER_ID, "Library foyer")


async def test_the_frames_of_a_tower_carry_no_tag(tower: RunningTower) -> None:
    async with listening(tower, "127.0.0.1", 0) as address, phone_at(address) as phone:
        answer = await phone.exchange(phone_frame({1: int(Packet.REOPEN_LOCKER)}))
        assert read_message(answer)[2] == 202
        assert answer[0] >> 5 == 2


async def test_noise_ends_a_link_and_no_other(tower: RunningTower) -> None:
    async with listening(tower, "127.0.0.1", 0) as address, phone_at(address) as noisy, phone_at(address) as phone:
        await noisy.send(bytes.fromhex("5b") + bytes([255] * 9000))
        while True:
            try:
                await noisy.receive()
            except (EOFError, ConnectionError):
                break
        assert await phone.info()


async def test_one_link_more_than_there_may_be_takes_the_place_of_the_longest_silent(tower: RunningTower) -> None:
    async with (
        listening(tower, "127.0.0.1", 0, most=2) as address,
        phone_at(address) as oldest,
        phone_at(address) as second,
    ):
        await oldest.info()
        await second.info()
        async with phone_at(address) as third:
            assert await third.info()
            assert await oldest.is_cut()
            assert await second.info()


async def test_two_phones_open_two_doors_one_after_the_other(tmp_path: Path) -> None:
    async with tower_on(tmp_path) as rig, rig.phone() as first, rig.phone() as second:
        await first.begin(rig.server.session())
        waiting = asyncio.create_task(first.open(rig.server.token(1)))
        await rig.until(lambda: rig.running.state.pending is not None)
        await second.begin(rig.server.session(client_id=b"second"))
        later = await second.open(rig.server.token(2))
        assert isinstance(await waiting, Reply)
        assert isinstance(later, Reply)
        assert rig.pulses() == [1, 2]


async def test_a_phone_that_goes_away_in_an_opening_finds_it_done(tmp_path: Path) -> None:
    async with tower_on(tmp_path) as rig, rig.phone() as phone:
        token = rig.server.token(1)
        await phone.begin(rig.server.session())
        question = phone.ask(Packet.OPEN_LOCKER_WITH_TOKEN, {9: token.payload, 10: token.auth})
        await phone.send(question.frame)
        await rig.until(lambda: rig.running.state.pending is not None)
        await phone.close()
        await rig.until(lambda: rig.running.state.pending is None)
        assert not rig.running.state.lockers[1].available
        async with rig.phone() as again:
            again.session = phone.session
            reply = again.read(question, await again.exchange(question.frame))
            assert isinstance(reply, Reply)
            assert (reply.fields[70], reply.fields[234]) == (1, True)
        assert rig.pulses() == [1]


async def test_what_could_not_be_answered_in_time_fires_nothing_and_is_told_505(tmp_path: Path) -> None:
    async with tower_on(tmp_path) as rig, rig.phone() as phone:
        token = rig.server.token(1)
        await phone.begin(rig.server.session())
        question = phone.ask(Packet.OPEN_LOCKER_WITH_TOKEN, {9: token.payload, 10: token.auth})
        long_ago = rig.running.clock.monotonic() - 10
        refused = phone.read(question, (await rig.running.received(question.frame, long_ago, 0)).frame)
        assert isinstance(refused, Declined)
        assert (refused.code, refused.authenticated) == (505, True)
        assert rig.running.state.intent is None
        opened = await phone.open(token)
        assert isinstance(opened, Reply)
        assert rig.pulses() == [1]
