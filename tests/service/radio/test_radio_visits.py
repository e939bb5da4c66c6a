"""A visit by radio (blink-protocol.md 2.2, 2.4, 18): the same messages, cut to what the link carries."""

from typing import Any

import pytest

from openharbor.blink.packets import Packet
from openharbor.blink.phone_session import Reply
from openharbor.phone.transport import LinkLost

MTUS = (23, 185, 247)


@pytest.mark.parametrize("mtu", MTUS)
async def test_a_whole_visit_is_the_same_at_every_mtu(on_air: Any, mtu: int) -> None:
    async with on_air.phone(mtu=mtu) as phone:
        assert phone.link.mtu == mtu
        await phone.begin(on_air.rig.server.session())
        opened = await phone.open(on_air.rig.server.token(2))
        assert isinstance(opened, Reply)
        assert opened.fields[70] == 2
        for packet in (Packet.CHECK_LOCKER_DOOR, Packet.REQUEST_SYNC_STATUS):
            assert isinstance(await phone.do(packet), Reply)
        pulled = await phone.do(Packet.SYNC_PULL, {31: 0})
        assert isinstance(pulled, Reply)
        assert isinstance(await phone.do(Packet.TERMINATE_SESSION, {2: 0}), Reply)
    assert on_air.rig.pulses() == [2]


async def test_a_message_may_come_in_pieces_of_one_byte(on_air: Any) -> None:
    async with on_air.phone() as phone:
        await phone.begin(on_air.rig.server.session())
        question = phone.ask(Packet.REQUEST_SYNC_STATUS)
        for at in range(len(question.frame)):
            await phone.send(question.frame[at : at + 1])
        assert isinstance(phone.read(question, await phone.receive()), Reply)


async def test_the_link_is_cut_after_the_answer_that_ends_it(on_air: Any) -> None:
    async with on_air.phone() as phone:
        assert await phone.exchange(b"\x59\x10\x01")  # announces 4,097 bytes
        with pytest.raises(LinkLost):
            await phone.receive()
        await on_air.rig.until(lambda: not on_air.tower.le_connections)
