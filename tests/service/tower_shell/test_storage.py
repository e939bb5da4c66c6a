"""A store that cannot be written: 310 and no pulse; what happened all the same ends as in a power cut (7.3)."""

from collections.abc import Mapping
from pathlib import Path

from harness.broken_disk import no_file_may_grow
from harness.towers import WirePhone, tower_on
from openharbor.blink.events import Accessed, Booted
from openharbor.blink.packets import Packet
from openharbor.blink.phone_session import Declined, Reply
from openharbor.tower.power_up import FAULT, POWER


async def code_of(phone: WirePhone, packet: Packet, fields: Mapping[int, object] | None = None) -> tuple[int, bool]:
    reply = await phone.do(packet, fields)
    assert isinstance(reply, Declined), reply
    return reply.code, reply.authenticated


async def test_what_cannot_be_stored_is_told_310_and_fires_nothing(tmp_path: Path) -> None:
    async with tower_on(tmp_path) as rig, rig.phone() as phone:
        token = rig.server.token(1)
        opening = {9: token.payload, 10: token.auth}
        await phone.begin(rig.server.session())
        with no_file_may_grow():
            assert await code_of(phone, Packet.OPEN_LOCKER_WITH_TOKEN, opening) == (310, True)
            assert await code_of(phone, Packet.ADD_CLIENT_EVENT, {62: b"note"}) == (310, False)
            assert isinstance(await phone.do(Packet.FIND_AVAILABLE_LOCKERS), Reply)
        assert rig.pulses() == []
        assert rig.running.state.intent is None
        await rig.until(lambda: rig.running.state.lockers[1].available)
        while isinstance(opened := await phone.open(token), Declined):
            assert opened.code == 310  # until a trial write has succeeded
        assert opened.fields[234] is True
        assert rig.pulses() == [1]


async def test_an_outcome_that_cannot_be_stored_ends_as_in_a_power_cut(tmp_path: Path) -> None:
    async with tower_on(tmp_path, pop_ms=600) as rig, rig.phone() as phone:
        token = rig.server.token(1)
        await phone.begin(rig.server.session())
        question = phone.ask(Packet.OPEN_LOCKER_WITH_TOKEN, {9: token.payload, 10: token.auth})
        await phone.send(question.frame)
        await rig.until(lambda: rig.pulses() == [1])
        with no_file_may_grow():
            assert await phone.is_cut()
        await rig.until(lambda: rig.running.state.intent is None)
        events = rig.running.state.log.events
        assert [one.reset_cause for one in events if isinstance(one, Booted)] == [POWER, FAULT]
        told = [one for one in events if isinstance(one, Accessed)]
        assert [(one.locker_number, one.confirmed) for one in told] == [(1, None)]
        assert not rig.running.state.lockers[1].available
        assert rig.pulses() == [1]
        async with rig.phone() as again:
            await again.begin(rig.server.session())
            assert isinstance(await again.do(Packet.FIND_AVAILABLE_LOCKERS), Reply)
