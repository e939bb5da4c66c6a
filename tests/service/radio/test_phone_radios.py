"""How a phone finds towers and puts messages together, by either radio (blink-protocol.md 2.2, F-15)."""

import asyncio
import socket
from pathlib import Path
from typing import Any

import pytest
from bumble.device import AdvertisingType, Device
from bumble.gatt import Characteristic, Service
from bumble.hci import Address

from harness.blink_vectors import vectors
from harness.virtual_radio import air, controller, hci
from openharbor.blink.advertising import INFO, RX, SERVICE, TX, AskForInfo, Identity, info_value, tower_form
from openharbor.blink.frames import tower_frame
from openharbor.kit.errors import Failed
from openharbor.phone.arrivals import Arrivals, chunks
from openharbor.phone.radio_bleak import BleakRadio, who_is
from openharbor.phone.radio_bumble import BumbleRadio
from openharbor.phone.scan import MOST_AROUND, Scan
from openharbor.phone.transport import LinkLost

ELM = Identity(bytes.fromhex("01000000000000a7"), "Elm Street 4", (1, 4, 2))
AT = "C0:00:00:00:00:01"
PACKETS = tower_form(ELM)


def test_a_tower_is_heard_with_its_scan_response() -> None:
    scan = Scan()
    assert not scan.hear(AT, PACKETS.advertising_data, response=False)
    assert scan.hear(AT, PACKETS.scan_response, response=True)
    assert scan.news() == [(AT, ELM)]
    assert scan.news() == []


def test_half_of_a_tower_is_no_news() -> None:
    scan = Scan()
    assert not scan.hear(AT, PACKETS.scan_response, response=True)
    assert not scan.hear(AT, PACKETS.advertising_data, response=False)
    assert not scan.hear(AT, PACKETS.advertising_data, response=False)
    assert not scan.hear("C0:00:00:00:00:02", PACKETS.scan_response, response=True)


@pytest.mark.parametrize("response", [True, False])
def test_a_tower_in_the_server_form_is_to_be_asked(response: bool) -> None:
    form = bytes.fromhex(vectors()["advertising"]["blink_server"]["advertising_data"])
    scan = Scan()
    assert not scan.hear(AT, form, response=False)
    assert scan.hear(AT, b"" if response else form, response=response)
    assert scan.news() == [(AT, AskForInfo())]


def test_a_scan_remembers_so_many_devices_and_forgets_the_oldest() -> None:
    scan = Scan()
    for number in range(MOST_AROUND + 1):
        scan.hear(f"{number:012X}", PACKETS.advertising_data, response=False)
    assert not scan.hear(f"{0:012X}", PACKETS.scan_response, response=True)
    assert scan.hear(f"{1:012X}", PACKETS.scan_response, response=True)


async def test_a_tower_in_the_server_form_is_asked_who_it_is() -> None:
    here = air()
    tower = Device.with_hci("tower", Address(AT), *hci(controller(here, "tower")))
    kinds = Characteristic.Properties
    tower.add_service(
        Service(
            SERVICE,
            [
                Characteristic(RX, kinds.WRITE_WITHOUT_RESPONSE, Characteristic.WRITEABLE, b""),
                Characteristic(TX, kinds.NOTIFY, Characteristic.READABLE, b""),
                Characteristic(INFO, kinds.READ, Characteristic.READABLE, info_value(ELM)),
            ],
        )
    )
    await tower.power_on()
    form = bytes.fromhex(vectors()["advertising"]["blink_server"]["advertising_data"])
    await tower.start_advertising(
        AdvertisingType.UNDIRECTED_CONNECTABLE_SCANNABLE,
        advertising_data=form,
        scan_response_data=b"",
        advertising_interval_min=50,
        auto_restart=True,
    )
    async with BumbleRadio(hci(controller(here, "phone"))) as radio:
        (found,) = [one async for one in radio.discover(1)]
    assert (found.tower_id, found.name, found.firmware) == (ELM.tower_id, "Elm Street 4", "1.4.2")
    await tower.stop_advertising()


async def test_what_is_no_tower_is_not_found_and_not_connected_to() -> None:
    here = air()
    other = Device.with_hci("other", Address(AT), *hci(controller(here, "other")))
    await other.power_on()
    await other.start_advertising(auto_restart=True)
    async with BumbleRadio(hci(controller(here, "phone"))) as radio:
        assert [one async for one in radio.discover(0.3)] == []
    await other.stop_advertising()


async def test_a_scan_that_is_left_early_leaves_the_radio_free(on_air: Any) -> None:
    async with on_air.radio() as radio:
        async for found in radio.discover(60):
            link = await radio.connect(found)
            await link.close()
            break


@pytest.mark.parametrize("size", [1, 7, 20, 4096])
async def test_frames_are_put_together_from_pieces_of_any_size(size: int) -> None:
    frames = [tower_frame({1: number, 2: bytes(100 * number)}) for number in range(1, 5)]
    sent, arrivals = b"".join(frames), Arrivals()
    for at in range(0, len(sent), size):
        arrivals.feed(sent[at : at + size])
    assert [await arrivals.next() for _ in frames] == frames


async def test_who_waits_for_a_frame_is_told_that_the_link_is_gone() -> None:
    arrivals = Arrivals()
    waiting = asyncio.create_task(arrivals.next())
    arrivals.feed(b"\x58")
    await asyncio.sleep(0)
    arrivals.end("the tower is out of reach")
    with pytest.raises(LinkLost, match="out of reach"):
        await waiting


async def test_a_frame_that_was_whole_before_the_link_went_is_still_read() -> None:
    arrivals = Arrivals()
    arrivals.feed(tower_frame({1: 2}))
    arrivals.end("gone")
    assert await arrivals.next() == tower_frame({1: 2})
    with pytest.raises(LinkLost):
        await arrivals.next()


@pytest.mark.parametrize("noise", [b"\xff", b"\x5a\xff\xff\xff\xff", b"\x59\xff\xff", bytes(20_000)])
async def test_a_tower_that_sends_what_is_no_frame_loses_the_link(noise: bytes) -> None:
    arrivals = Arrivals()
    arrivals.feed(noise)
    with pytest.raises(LinkLost):
        await _all_of(arrivals)


async def _all_of(arrivals: Arrivals) -> None:
    while True:
        await arrivals.next()


@pytest.mark.parametrize("mtu", [23, 185, 247])
def test_chunks_have_mtu_minus_3_bytes_and_make_up_the_frame(mtu: int) -> None:
    frame = bytes(range(256)) * 3
    pieces = list(chunks(frame, mtu))
    assert b"".join(pieces) == frame
    assert {len(piece) for piece in pieces[:-1]} == {mtu - 3}
    assert 0 < len(pieces[-1]) <= mtu - 3


def test_the_systems_bluetooth_knows_a_tower_by_the_structure_that_it_kept() -> None:
    version, who = PACKETS.advertising_data[25:28], PACKETS.scan_response[4:]
    found = who_is({0xFFFF: who}, AT)
    assert found is not None
    assert (found.tower_id, found.name, found.firmware) == (ELM.tower_id, "Elm Street 4", "")
    assert who_is({0xFFFF: version}, AT) is None
    assert who_is({}, AT) is None


@pytest.mark.parametrize("dead", [False, True])
async def test_a_machine_without_bluetooth_says_what_is_missing(
    dead: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a system bus, or with what one that ended left behind; the machine's own is out of sight."""
    bus = tmp_path / "system_bus_socket"
    if dead:
        with socket.socket(socket.AF_UNIX) as ended:
            ended.bind(str(bus))
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", f"unix:path={bus}")
    with pytest.raises(Failed, match="BlueZ") as failed:
        async for _ in BleakRadio().discover(0.1):
            pass
    assert failed.value.exit_code == 4
