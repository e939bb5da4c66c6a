"""Command packets as a phone gets them: everything that waits, sealed now (blink-protocol.md 2.5, 4.6, 13.5)."""

from functools import partial
from itertools import pairwise

from harness.cloud_rig import ROOT_KEY, TOWER, Rig
from openharbor.blink.cbor import Fields, decode
from openharbor.blink.keys import derive
from openharbor.blink.packets import Packet
from openharbor.blink.payloads import LONGEST_PACKET_S, MOST_PACKET_BYTES
from openharbor.blink.sealing import unseal
from openharbor.cloud.scope import INSTALLATION
from openharbor.cloud.towers import commands, store
from openharbor.cloud.towers.commands import WireCommand
from openharbor.cloud.towers.operator_commands import rotate_key
from openharbor.cloud.towers.packets import MOST_PACKETS, CommandPacket, waiting_packets

from .site import Site

CODE = WireCommand(Packet.SET_LOCKER_KEYPAD, {70: 1, 80: "1234567890", 81: True, 82: bytes(32), 83: False}, 1)
NOOP = WireCommand(Packet.SYNC_MARK_SEEN_EVENTS, {31: 1})


def inside(packet: CommandPacket) -> Fields:
    return decode(unseal({1: derive(ROOT_KEY, 1)}, packet.sealed.payload, packet.sealed.auth, MOST_PACKET_BYTES))


async def queue(cloud: Rig, command: WireCommand, count: int) -> None:
    unit = partial(commands.queue_next, INSTALLATION, tower_id=TOWER, commands=[command] * count, now=cloud.clock.now())
    await cloud.database.write(unit)


async def test_nothing_waits_for_a_new_tower(site: Site) -> None:
    assert await site.packets() == []


async def test_a_packet_says_outside_what_it_holds_inside_and_lives_31_days(site: Site) -> None:
    await queue(site.cloud, CODE, 3)
    (packet,) = await site.packets()
    fields, now_s = inside(packet), site.cloud.clock.now() // 1000
    assert (fields[33], fields[34], len(fields[35])) == (packet.first, packet.count, 3)
    assert (packet.first, packet.count) == (1, 3)
    assert (fields[5], fields[6] - fields[5], fields[61].hex()) == (now_s, LONGEST_PACKET_S, TOWER)
    assert fields[35][0] == {1: 82, **CODE.fields}


async def test_as_many_go_into_one_as_the_limits_allow(site: Site) -> None:
    await queue(site.cloud, NOOP, 70)
    assert [(one.first, one.count) for one in await site.packets()] == [(1, 64), (65, 6)]
    await queue(site.cloud, CODE, 60)
    packets = await site.packets()
    assert all(len(one.sealed.payload) <= MOST_PACKET_BYTES for one in packets)
    assert all(later.first == one.first + one.count for one, later in pairwise(packets))
    assert sum(one.count for one in packets) == 130
    assert len(packets[1].sealed.payload) > MOST_PACKET_BYTES - 120


async def test_an_answer_is_bounded_and_the_rest_follows_when_the_tower_has_reported(site: Site) -> None:
    await queue(site.cloud, NOOP, 64 * MOST_PACKETS + 10)
    assert len(await site.packets()) == MOST_PACKETS
    await site.sync()
    assert [one.first for one in await site.packets()] == [64 * MOST_PACKETS + 1]


async def test_the_same_commands_come_again_until_the_tower_reports_them(site: Site) -> None:
    await queue(site.cloud, NOOP, 2)
    await site.down()
    assert [(one.first, one.count) for one in await site.packets()] == [(1, 2)]
    await site.up()
    assert [(one.first, one.count) for one in await site.packets()] == [(3, 1)]


async def test_a_set_clock_holds_the_moment_of_sealing(site: Site) -> None:
    await queue(site.cloud, WireCommand(Packet.SET_CLOCK, {229: bytes(8)}), 1)
    for _ in range(2):
        (packet,) = await site.packets()
        assert inside(packet)[35][0][129] == site.cloud.clock.now() // 1000
        await site.cloud.clock.advance(100)


async def test_an_install_key_holds_its_key_unless_it_was_given_up(site: Site) -> None:
    cloud = site.cloud
    await rotate_key(cloud.database, cloud.vault, TOWER, now=0)
    (packet,) = await site.packets()
    assert len(inside(packet)[35][0][41]) == 32
    give_up = partial(store.set_key_state, INSTALLATION, tower_id=TOWER, rotation=2, state="revoked", now=0)
    await cloud.database.write(give_up)
    (packet,) = await site.packets()
    assert 41 not in inside(packet)[35][0]


async def test_a_tower_without_a_confirmed_key_or_that_is_unknown_gets_none(site: Site) -> None:
    cloud = site.cloud
    await queue(cloud, NOOP, 1)
    await cloud.database.write(partial(store.set_rotation, INSTALLATION, tower_id=TOWER, rotation=None))
    assert await site.packets() == []
    ask = partial(waiting_packets, INSTALLATION, vault=cloud.vault, tower_id="00" * 8, now=0, random=bytes)
    assert await cloud.database.read(ask) == []


async def test_no_packet_shows_what_is_in_it(site: Site) -> None:
    await queue(site.cloud, CODE, 1)
    assert "1234567890" not in repr(await site.packets())
