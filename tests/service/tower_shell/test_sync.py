"""Events out and commands in, over a phone that can read neither (blink-protocol.md 8)."""

from pathlib import Path

from harness.towers import TowerRig, WirePhone, served, tower_on
from openharbor.blink.batches import Batch, open_batch
from openharbor.blink.events import CLOSED, DROPPED_OFF
from openharbor.blink.packets import Packet
from openharbor.blink.phone_session import Reply

BOOT, SYNC_COMMANDS, ACCESS, KEY_UPDATE = 20, 23, 26, 25


async def pull(rig: TowerRig, phone: WirePhone, start: int = 1) -> Batch:
    """A batch as the server reads it."""
    reply = await phone.do(Packet.SYNC_PULL, {31: start})
    assert isinstance(reply, Reply)
    fields = reply.fields
    batch = open_batch(
        {1: rig.server.key},
        fields[9],
        fields[10],
        tower_id=rig.server.tower_id,
        epoch=1,
        first=fields[31],
        count=fields[32],
    )
    assert isinstance(batch, Batch), batch
    return batch


async def test_an_access_and_its_closing_are_pulled_in_order(tmp_path: Path) -> None:
    async with tower_on(tmp_path) as rig, rig.phone() as phone:
        await phone.begin(rig.server.session())
        await phone.open(rig.server.token(1))
        rig.lock(1).push_shut()
        await rig.until(lambda: rig.running.state.doors[1] is False)
        batch = await pull(rig, phone)
        assert [(one[1], one.get(77)) for one in batch.events] == [
            (BOOT, None),
            (ACCESS, DROPPED_OFF),
            (ACCESS, CLOSED),
        ]
        assert (await pull(rig, phone, batch.end)).count == 0


async def test_commands_are_dealt_with_once_and_their_packet_may_come_again(tmp_path: Path) -> None:
    async with tower_on(tmp_path) as rig, rig.phone() as phone:
        await phone.begin(rig.server.session())
        packet = rig.server.packet({1: int(Packet.SET_TOWER_NAME), 60: "North wall"}, {1: int(Packet.FIRE_LOCK), 72: 0})
        for _ in range(2):
            assert isinstance(await phone.push(packet), Reply)
        assert rig.running.state.last_command == 2
        assert rig.running.identity.name == "North wall"
        done = [one for one in (await pull(rig, phone)).events if one[1] == SYNC_COMMANDS]
        assert [(one[33], one[34], one[237]) for one in done] == [(1, 2, {2: 101})]
        assert rig.pulses() == []


async def test_events_that_the_server_has_are_forgotten_for_good(tmp_path: Path) -> None:
    async with tower_on(tmp_path) as rig:
        async with rig.phone() as phone:
            await phone.begin(rig.server.session())
            end = (await pull(rig, phone)).end
            await phone.push(rig.server.packet({1: int(Packet.SYNC_MARK_SEEN_EVENTS), 31: end}))
        kept = rig.running.state.log
        assert kept.first == end
        data, emulator, clock = rig.data, rig.emulator, rig.running.clock
        await rig.stop()
        async with served(data, emulator, clock) as again:
            assert again.running.state.log.first == end
