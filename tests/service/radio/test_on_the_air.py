"""What a tower shows by radio (blink-protocol.md 2.2, 15: F-15)."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from bumble import att
from bumble.controller import AdvertisingSet
from bumble.core import UUID, ProtocolError
from bumble.device import Device, Peer
from bumble.hci import Address
from bumble.pairing import PairingConfig

from harness.blink_vectors import vectors
from harness.towers import STAFF, phone_at
from harness.virtual_radio import advertisers, hci
from openharbor.blink import advertising
from openharbor.blink.frames import FrameReader
from openharbor.blink.packets import Packet
from openharbor.blink.phone_session import PhoneSession, Reply, read_grant, request_session
from openharbor.phone.arrivals import chunks

VERSION_AT = slice(25, 28)


@asynccontextmanager
async def central(on_air: Any, mtu: int = 247) -> AsyncIterator[Peer]:
    """A phone without any code of ours, connected."""
    device = Device.with_hci("central", Address("C0:00:00:00:00:0A"), *hci(on_air.controller()))
    await device.power_on()
    peer = Peer(await device.connect(Address(on_air.address)))
    if mtu > 23:
        await peer.request_mtu(mtu)
    await peer.discover_services()
    await peer.discover_characteristics()
    yield peer
    await peer.connection.disconnect()


@pytest.mark.parametrize("extended", [True, False])
async def test_both_packets_are_the_tower_form_byte_for_byte(
    served_on_air: Any, tmp_path: Path, extended: bool
) -> None:
    async with served_on_air(tmp_path, extended=extended) as on_air:
        (sender,) = advertisers(on_air.tower)
        packets = advertising.tower_form(on_air.rig.running.identity)
        data = sender.data if isinstance(sender, AdvertisingSet) else sender.advertising_data
        assert bytes(data) == packets.advertising_data
        assert bytes(sender.scan_response_data) == packets.scan_response
        shown = bytearray(data + sender.scan_response_data)
        example = bytearray.fromhex(vectors()["advertising"]["tower"]["scan_record"])
        shown[VERSION_AT] = example[VERSION_AT]
        assert shown[:32] == example[:32]
        assert shown[32:40] == on_air.rig.running.identity.tower_id
        assert shown[40:] == b"Library foyer\0\0\0"


async def test_it_is_connectable_and_undirected_every_100_to_250_ms(served_on_air: Any, tmp_path: Path) -> None:
    async with served_on_air(tmp_path) as on_air:
        (sender,) = advertisers(on_air.tower)
        assert isinstance(sender, AdvertisingSet)
        parameters = sender.parameters
        assert parameters is not None
        legacy, scannable, connectable = 1 << 4, 1 << 1, 1 << 0
        assert parameters.advertising_event_properties == legacy | scannable | connectable
        assert parameters.primary_advertising_interval_min * 0.625 >= 100
        assert parameters.primary_advertising_interval_max * 0.625 <= 250


async def test_a_phone_finds_it_and_reads_the_raw_record(on_air: Any) -> None:
    async with on_air.radio() as radio:
        found = [one async for one in radio.discover(0.5)]
    assert found == [on_air.found]
    assert found[0].name == "Library foyer"


async def test_a_phone_with_an_older_controller_finds_it_too(on_air: Any) -> None:
    async with on_air.radio(extended=False) as radio:
        assert [one async for one in radio.discover(0.5)] == [on_air.found]


async def test_the_address_is_the_same_after_each_start(on_air: Any, served_on_air: Any, tmp_path: Path) -> None:
    (tmp_path / "again").mkdir()
    async with served_on_air(tmp_path / "again") as again:
        assert again.address == on_air.address


async def test_nothing_is_advertised_while_a_phone_is_connected_and_again_when_it_left(on_air: Any) -> None:
    async with on_air.phone():
        await on_air.rig.until(lambda: not advertisers(on_air.tower))
    await on_air.rig.until(lambda: bool(advertisers(on_air.tower)))


async def test_a_new_name_is_on_the_air_at_once(on_air: Any) -> None:
    renamed = on_air.rig.server.packet({1: Packet.SET_TOWER_NAME, 60: "Müller & Söhne"})
    async with phone_at(on_air.rig.address) as phone:
        await phone.begin(on_air.rig.server.session(STAFF))
        assert isinstance(await phone.push(renamed), Reply)
    async with on_air.radio() as radio:
        names: list[str] = []
        while names[-1:] != ["Müller & Söhne"]:
            names += [one.name async for one in radio.discover(0.3)]
    assert on_air.rig.running.info()[13:] == "Müller & Söhne".encode()


@pytest.mark.parametrize("mtu", [23, 247])
async def test_the_info_characteristic_has_29_bytes(on_air: Any, mtu: int) -> None:
    async with central(on_air, mtu) as peer:
        (info,) = peer.get_characteristics_by_uuid(UUID(advertising.INFO))
        value = await info.read_value()
    assert len(value) == 29
    assert value == on_air.rig.running.info()


async def test_its_service_has_what_the_sdk_asks_for_and_no_firmware_update(on_air: Any) -> None:
    async with central(on_air) as peer:
        kinds = {one.uuid: str(one.properties) for service in peer.services for one in service.characteristics}
        services = {one.uuid for one in peer.services}
    assert kinds[UUID(advertising.RX)] == "WRITE_WITHOUT_RESPONSE"
    assert kinds[UUID(advertising.TX)] == "NOTIFY"
    assert kinds[UUID(advertising.INFO)] == "READ"
    assert UUID(advertising.SERVICE) in services
    assert UUID(advertising.FIRMWARE_UPDATE) not in services


@pytest.mark.parametrize(("asked", "agreed"), [(23, 23), (100, 100), (247, 247), (517, 247)])
async def test_it_agrees_to_an_mtu_of_at_most_247(on_air: Any, asked: int, agreed: int) -> None:
    async with central(on_air, asked) as peer:
        assert peer.connection.att_mtu == agreed


async def test_it_pairs_with_nobody(on_air: Any) -> None:
    async with central(on_air) as peer:
        peer.connection.device.pairing_config_factory = lambda _: PairingConfig()
        with pytest.raises(ProtocolError):
            await peer.connection.pair()


async def test_a_phone_cannot_write_over_what_the_tower_shows(on_air: Any) -> None:
    async with central(on_air) as peer:
        for handle in range(1, 32):
            await peer.write_value(handle, b"\0\0")
            with pytest.raises(att.ATT_Error):
                await peer.gatt_client.write_value(_not_rx(peer), b"x", with_response=True)
    async with on_air.phone() as phone:
        await phone.begin(on_air.rig.server.session())


def _not_rx(peer: Peer) -> int:
    (info,) = peer.get_characteristics_by_uuid(UUID(advertising.INFO))
    return info.handle


async def test_a_phone_may_subscribe_again(on_air: Any) -> None:
    async with central(on_air) as peer:
        (tx,) = peer.get_characteristics_by_uuid(UUID(advertising.TX))
        (rx,) = peer.get_characteristics_by_uuid(UUID(advertising.RX))
        told: list[bytes] = []
        await tx.subscribe(told.append)
        await tx.unsubscribe(told.append)
        await tx.subscribe(told.append)
        await rx.write_value(b"\x41\x00")
        await on_air.rig.until(lambda: bool(told))
    assert len(told) == 1


@pytest.mark.parametrize("mtu", [23, 185, 247])
async def test_notifications_have_at_most_mtu_minus_3_bytes_and_come_in_order(on_air: Any, mtu: int) -> None:
    credentials = on_air.rig.server.session()
    question = request_session(credentials, bytes(16), 0)
    pieces: list[bytes] = []
    async with central(on_air, mtu) as peer:
        (tx,) = peer.get_characteristics_by_uuid(UUID(advertising.TX))
        (rx,) = peer.get_characteristics_by_uuid(UUID(advertising.RX))
        await tx.subscribe(pieces.append)
        for chunk in chunks(question.frame, mtu):
            await rx.write_value(chunk)
        await on_air.rig.until(lambda: _is_whole(b"".join(pieces)))
    assert isinstance(read_grant(credentials, question, b"".join(pieces)), PhoneSession)
    assert max(map(len, pieces)) <= mtu - 3
    assert {len(piece) for piece in pieces[:-1]} <= {mtu - 3}


def _is_whole(data: bytes) -> bool:
    reader = FrameReader()
    reader.feed(data)
    return reader.next() is not None
