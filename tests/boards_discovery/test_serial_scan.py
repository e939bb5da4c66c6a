"""A scan of a serial port finds what answers, and opens nothing."""

import asyncio
from pathlib import Path
from random import Random

import pytest

from openharbor.boards.address import parse
from openharbor.boards.discovery_serial import PortScan, candidates, scan_port, serial_ports
from openharbor.boards.emulator.emulator import Emulator
from openharbor.boards.protocols.choose import make_codec
from openharbor.kit.clock import SystemClock

SERIAL = ("kerong-cu16", "kerong-cu24", "kerong-cu48", "xor8a80", "wkly", "waveshare", "winnsen")


async def scanned(emu: Emulator, boards: int = 2) -> PortScan:
    path = emu.url().partition("serial://")[2].partition("?")[0]
    return await scan_port(path, clock=SystemClock(), random=Random(1), boards=boards, bauds=(9600,))


@pytest.mark.slow
async def test_a_board_of_any_family_is_found_by_its_reads_alone() -> None:
    async with asyncio.TaskGroup() as scans:
        for family in SERIAL:
            scans.create_task(found_alone(family))


async def found_alone(family: str) -> None:
    async with Emulator(family, locks=8, transport="pty") as emu:
        found = await scanned(emu)
        assert [hit.address.family for hit in found.hits] == [family]
        assert found.fault is None
        assert found.hits[0].address.feedback is None, "no board knows how its contacts are wired"
        assert emu.pulses == []
        assert emu.violations() == []


@pytest.mark.slow
async def test_each_board_of_a_line_is_found_with_its_address_and_size() -> None:
    async with Emulator("wkly", [0, 1], locks={0: 12, 1: 24}, transport="pty") as emu:
        found = await scanned(emu)
        assert [(hit.address.board, hit.locks) for hit in found.hits] == [(0, 12), (1, 24)]


async def test_a_port_that_is_in_use_or_absent_says_so(tmp_path: Path) -> None:
    absent = await scan_port(str(tmp_path / "ttyUSB9"), clock=SystemClock(), random=Random(1))
    assert absent.hits == ()
    assert "ttyUSB9" in (absent.fault or "")
    unnameable = await scan_port("/dev/tty?USB", clock=SystemClock(), random=Random(1))
    assert (unnameable.hits, bool(unnameable.fault)) == ((), True)


@pytest.mark.parametrize("family", SERIAL)
async def test_every_frame_of_a_scan_in_every_order_opens_no_lock_of_any_family(family: str) -> None:
    frames = [make_codec(address).liveness().data for address in candidates("/dev/ttyUSB0", 9600, boards=256)]
    shuffled = Random(7).sample(frames, len(frames))
    async with Emulator(family, locks=8, transport="pipe") as emu:
        pipe = emu.open_pipe()
        pipe.set_receiver(lambda _: None)
        for order in (frames, frames[::-1], shuffled):
            for start in range(0, len(order), 32):
                pipe.write(b"".join(order[start : start + 32]))
                await asyncio.sleep(0)
        assert emu.pulses == []
        await asyncio.sleep(0.1)
        pipe.write(make_codec(parse(emu.url())).open(1, 200).data)
        async with asyncio.timeout(5):
            while [pulse.lock for pulse in emu.pulses] != [1]:  # noqa: ASYNC110 - the cabinet tells nobody
                await asyncio.sleep(0.01)


def test_ports_are_listed_once_under_the_name_that_survives_replugging(tmp_path: Path) -> None:
    (tmp_path / "serial" / "by-id").mkdir(parents=True)
    for name in ("ttyUSB0", "ttyUSB1", "ttyACM0", "tty1"):
        (tmp_path / name).touch()
    (tmp_path / "serial" / "by-id" / "usb-FTDI-if00").symlink_to(tmp_path / "ttyUSB0")
    assert [Path(one).name for one in serial_ports(tmp_path)] == ["usb-FTDI-if00", "ttyUSB1", "ttyACM0"]
