"""The emulated cabinet on real sockets, terminals and pipes."""

import asyncio
import contextlib
import os
import tty
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from openharbor.boards.address import parse
from openharbor.boards.emulator.emulator import Emulator
from openharbor.boards.emulator.families import FAMILIES, Transport
from openharbor.boards.emulator.pipe import open_virtual, virtual_cabinet
from openharbor.boards.emulator.pty import PtyFace
from openharbor.boards.emulator.runner import ScaledClock
from openharbor.boards.emulator.tcp import TcpFace
from openharbor.kit.clock import SteppedClock, SystemClock

STATUS = bytes.fromhex("57 4B 4C 59 08 00 84 85")
OPEN_1 = bytes.fromhex("57 4B 4C 59 09 00 82 01 83")
PROBES = {
    "kerong-cu16": "02 00 30 03 35",
    "kerong-cu24": "02 00 00 50 03 55",
    "kerong-cu48": "02 00 00 60 03 65",
    "xor8a80": "80 01 00 33 B2",
    "wkly": "57 4B 4C 59 08 00 84 85",
    "waveshare": "01 02 00 00 00 08 79 CC",
    "modbus-tcp": "00 01 00 00 00 06 01 02 00 00 00 08",
    "winnsen": "90 06 12 00 01 03",
}
LINES: list[tuple[str, Transport]] = [(family.name, line) for family in FAMILIES.values() for line in family.lines]

Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@contextlib.asynccontextmanager
async def connected(emu: Emulator) -> AsyncIterator[Connection]:
    assert isinstance(emu.face, TcpFace)
    reader, writer = await asyncio.open_connection("127.0.0.1", emu.face.port)
    try:
        yield reader, writer
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


async def ask(connection: Connection, frame: bytes, size: int = 34) -> bytes:
    connection[1].write(frame)
    async with asyncio.timeout(3):
        return await connection[0].readexactly(size)


async def until(seen: Callable[[], bool]) -> None:
    async with asyncio.timeout(3):
        while not seen():  # noqa: ASYNC110 - what is awaited happens on the other side of a socket
            await asyncio.sleep(0.002)


@pytest.mark.parametrize(("family", "line"), LINES)
async def test_every_family_answers_on_every_line_it_has(family: str, line: Transport) -> None:
    frame = bytes.fromhex(PROBES[family])
    async with Emulator(family, transport=line, answer_delay_ms=1) as emu:
        assert str(parse(emu.url())) == emu.url()
        if isinstance(emu.face, TcpFace):
            async with connected(emu) as connection:
                assert await ask(connection, frame, 1)
        elif isinstance(emu.face, PtyFace):
            assert ask_terminal(emu.face.path, frame) == len(frame)
            await until(lambda: bool(emu.trace.of("out")))
        else:
            emu.open_pipe().write(frame)
            await until(lambda: bool(emu.trace.of("out")))
        assert emu.violations() == []


def ask_terminal(path: Path, frame: bytes) -> int:
    terminal = os.open(path, os.O_RDWR | os.O_NOCTTY)
    try:
        tty.setraw(terminal)
        return os.write(terminal, frame)
    finally:
        os.close(terminal)


async def test_a_pulse_ends_although_the_client_is_gone() -> None:
    async with Emulator(locks=8, pulse_ms=60, release_ms=10, pop_ms=10) as emu:
        async with connected(emu) as (_, writer):
            writer.write(OPEN_1)
            await writer.drain()
        await until(lambda: any(pulse.ms == 60 for pulse in emu.locks[0][1].pulses))
        assert emu.locks[0][1].door == "open"
        assert emu.violations() == []


async def test_a_stepped_clock_moves_the_cabinet_and_nothing_else_does() -> None:
    clock = SteppedClock()
    async with Emulator(locks=8, clock=clock) as emu, connected(emu) as connection:
        connection[1].write(OPEN_1)
        await until(lambda: bool(emu.locks[0][1].pulses))
        assert [pulse.ms for pulse in emu.locks[0][1].pulses] == [None]
        await clock.advance(3600)
        assert [pulse.ms for pulse in emu.locks[0][1].pulses] == [500]
        assert emu.locks[0][1].door == "open"
        assert await ask(connection, b"", 11) == bytes.fromhex("57 4B 4C 59 0B 00 82 00 01 01 80")


async def test_the_same_seed_commands_and_clock_give_the_same_trace() -> None:
    traces = []
    for _ in range(2):
        clock = SteppedClock()
        async with Emulator(locks=8, clock=clock, transport="pipe", seed=3, person="collects") as emu:
            emu.faults.add("noise_before", count=1)
            pipe = emu.open_pipe()
            for wait in (0.1, 0.7, 20):
                pipe.write(OPEN_1)
                await clock.advance(wait)
            traces.append(list(emu.trace))
    assert traces[0] == traces[1]
    assert len(traces[0]) > 10


async def test_an_idle_cabinet_keeps_no_task() -> None:
    before = len(asyncio.all_tasks())
    async with Emulator(locks=8, transport="pipe", answer_delay_ms=1) as emu:
        pipe = emu.open_pipe()
        pipe.write(STATUS)
        await until(lambda: bool(emu.trace.of("out")))
        await until(lambda: len(asyncio.all_tasks()) == before)


async def test_many_clients_of_a_converter_hear_every_answer_and_a_header_device_answers_who_asked() -> None:
    for family, size, others in (("wkly", 34, True), ("modbus-tcp", 10, False)):
        async with Emulator(family, answer_delay_ms=1) as emu, connected(emu) as first, connected(emu) as second:
            assert isinstance(emu.face, TcpFace)
            face = emu.face
            await until(lambda face=face: len(face.clients) == 2)  # type: ignore[misc]  # binds now
            await ask(first, bytes.fromhex(PROBES[family]), size)
            if others:
                assert await ask(second, b"", size)
            else:
                assert await ask(second, bytes.fromhex("00 02 00 00 00 06 01 02 00 00 00 08"), 2) == b"\x00\x02"


async def test_a_refused_connection_and_the_same_port_again() -> None:
    async with Emulator(answer_delay_ms=1) as emu:
        async with connected(emu) as (reader, _):
            fault = emu.faults.add("tcp_refuse")
            with pytest.raises(ConnectionResetError):
                await reader.readexactly(1)
        with pytest.raises(ConnectionRefusedError):
            async with connected(emu):
                pass
        emu.faults.remove(fault)
        await asyncio.sleep(0)
        async with connected(emu) as connection:
            assert await ask(connection, STATUS)


async def test_a_connection_that_is_reset_in_the_middle_of_an_answer() -> None:
    async with Emulator(answer_delay_ms=1) as emu, connected(emu) as connection:
        emu.faults.add("tcp_reset", at_byte=0, count=1)
        with pytest.raises(ConnectionResetError):
            await ask(connection, STATUS)
        async with connected(emu) as again:
            assert await ask(again, STATUS)


async def test_a_half_open_connection_takes_everything_and_says_nothing() -> None:
    async with Emulator(answer_delay_ms=1) as emu:
        fault = emu.faults.add("tcp_half_open")
        async with connected(emu) as (reader, writer):
            writer.write(STATUS)
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.05):
                    await reader.readexactly(1)
            emu.faults.remove(fault)
            assert await ask((reader, writer), STATUS)


@pytest.mark.parametrize(("keeps", "survives"), [("last", 1), ("first", 0)])
async def test_a_converter_with_room_for_one_client(keeps: str, survives: int) -> None:
    async with Emulator(answer_delay_ms=1) as emu:
        emu.faults.add("tcp_one_client", keeps=keeps)
        async with connected(emu) as first:
            assert await ask(first, STATUS)
            async with connected(emu) as second:
                both = (first, second)
                with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
                    await ask(both[1 - survives], b"")
                assert await ask(both[survives], STATUS)


async def test_a_client_that_reads_nothing_is_cut_off() -> None:
    async with Emulator(answer_delay_ms=0) as emu, connected(emu) as (reader, writer):
        assert isinstance(emu.face, TcpFace)
        await until(lambda: bool(emu.face.clients))  # type: ignore[union-attr]  # asserted above
        reader._transport.pause_reading()  # type: ignore[attr-defined]  # a client that hangs
        client = emu.face.clients[0]
        for _ in range(400):
            client.send(bytes(100_000))
            if not emu.face.clients:
                break
        assert emu.face.clients == []
        del writer


async def test_a_terminal_that_is_unplugged_comes_back_under_the_same_path() -> None:
    async with Emulator(transport="pty", answer_delay_ms=1) as emu:
        assert isinstance(emu.face, PtyFace)
        path = emu.face.path
        terminal = os.open(path, os.O_RDWR | os.O_NOCTTY)
        fault = emu.faults.add("pty_unplug")
        assert not path.exists()
        with contextlib.suppress(OSError):
            assert os.read(terminal, 1) == b""
        os.close(terminal)
        emu.faults.remove(fault)
        ask_terminal(path, STATUS)
        await until(lambda: bool(emu.trace.of("out")))
    assert not path.parent.exists()


async def test_a_virtual_cabinet_is_the_same_for_everybody_who_names_it() -> None:
    address = parse("virtual://hall?lockers=12")
    first, second = await open_virtual(address), await open_virtual(address)
    cabinet = await virtual_cabinet("hall", lockers=12)
    got: list[bytes] = []
    second.set_receiver(got.append)
    cabinet.locks[0][3].force()
    first.write(STATUS)
    await until(lambda: len(got) == 2)
    assert got[1][9:-1] == bytes([1, 1, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1])
    await cabinet.stop()


async def test_a_virtual_cabinet_takes_further_boards_and_refuses_what_contradicts_it() -> None:
    cabinet = await virtual_cabinet("wall")
    await open_virtual(parse("virtual://wall?board=1&lockers=4"))
    assert {address: len(locks) for address, locks in cabinet.locks.items()} == {0: 16, 1: 4}
    with pytest.raises(ValueError, match="has 4 lockers"):
        await open_virtual(parse("virtual://wall?board=1&lockers=5"))
    with pytest.raises(ValueError, match="speaks wkly, not kerong-cu16"):
        await open_virtual(parse("virtual://wall?speaks=kerong-cu16"))
    with pytest.raises(ValueError, match="exists already"):
        await Emulator(transport="pipe", name="wall").start()
    await cabinet.stop()


async def test_a_pipe_tells_once_that_its_cabinet_is_gone_and_takes_nothing_more() -> None:
    lost: list[int] = []
    async with Emulator(transport="pipe") as emu:
        pipe = emu.open_pipe()
        pipe.on_lost(lambda: lost.append(1))
    await until(lambda: lost == [1])
    with pytest.raises(ConnectionError):
        pipe.write(STATUS)


async def test_a_pipe_keeps_what_arrived_before_anybody_listened() -> None:
    async with Emulator(transport="pipe", locks=4, answer_delay_ms=0) as emu:
        pipe = emu.open_pipe()
        pipe.write(STATUS)
        await until(lambda: bool(emu.trace.of("out")))
        got: list[bytes] = []
        await asyncio.sleep(0)
        pipe.set_receiver(got.append)
        await until(lambda: bool(got))
        assert got == [bytes.fromhex("57 4B 4C 59 0E 00 84 00 04 01 01 01 01 87")]


async def test_a_taken_port_is_reported() -> None:
    async with Emulator() as emu:
        assert isinstance(emu.face, TcpFace)
        with pytest.raises(OSError, match="in use"):
            await Emulator(port=emu.face.port).start()


async def test_time_may_run_faster() -> None:
    async with Emulator(locks=2, transport="pipe", clock=ScaledClock(SystemClock(), 100)) as emu:
        emu.open_pipe().write(OPEN_1)
        await until(lambda: any(pulse.ms == 500 for pulse in emu.locks[0][1].pulses))
    with pytest.raises(ValueError, match=r"speed must be 0\.01 to 1000, not 0"):
        ScaledClock(SystemClock(), 0)
