"""Power and processes that fail in the middle (lock-boards.md 6.6, points 3 and 16)."""

import asyncio
import signal
import sys
from typing import Any

import pytest

from boards.rig import SERIAL, Rig, run, stepped
from openharbor.boards.emulator.emulator import Emulator
from openharbor.boards.outcomes import OpenOutcome
from openharbor.kit.clock import SteppedClock

RELEASE_MS = 30
LONGEST_UNLOCK, LONGEST_ANSWER = 9, 12


async def open_like_a_gateway(it: Rig, cut: dict[str, Any]) -> tuple[OpenOutcome, bool]:
    """Up to three attempts under the rule of 4.6; whether the door was found open before one of them."""

    async def cut_power() -> None:
        if not it.emu.faults.strikes:
            it.emu.faults.add("power_cut_at", count=1, off_ms=100, **cut)

    outcome = await it.open(1, on_fire=cut_power)
    for _ in range(2):
        if not outcome.retry:
            break
        await it.clock.sleep(1)
        door = (await it.board.refresh(it.clock.monotonic() + 2))[1].state
        if door != "closed":
            return outcome, door == "open"
        outcome = await it.open(1)
    return outcome, False


@pytest.mark.parametrize("family", SERIAL)
@pytest.mark.parametrize(("where", "most"), [("request_byte", LONGEST_UNLOCK), ("answer_byte", LONGEST_ANSWER)])
async def test_a_power_cut_at_any_byte_costs_no_second_pulse_and_no_false_word(
    family: str, where: str, most: int
) -> None:
    struck = 0
    for byte in range(1, most + 1):
        async with stepped(family, boot_ms=100) as (it, clock):
            outcome, found_open = await run(clock, open_like_a_gateway(it, {where: byte}))
            effective = [pulse for pulse in it.emu.pulses if pulse.ms is not None and pulse.ms >= RELEASE_MS]
            assert len(effective) <= 1, f"{where} {byte}"
            if outcome.confirmed or found_open:
                assert it.locks[1].door == "open", f"{where} {byte}"
            if outcome.outcome == "jammed":
                assert it.locks[1].door == "closed", f"{where} {byte}"
            struck += it.emu.faults.strikes
    assert struck >= 5


@pytest.mark.parametrize("family", ["kerong-cu48", "wkly", "waveshare", "winnsen"])
async def test_power_that_fails_within_the_pulse_ends_it_and_the_door_tells_the_rest(family: str) -> None:
    for ms in (1, 20, 60):
        async with stepped(family, boot_ms=100) as (it, clock):
            outcome, found_open = await run(clock, open_like_a_gateway(it, {"pulse_ms": ms}))
            assert it.emu.pulses[0].ms is not None
            assert it.emu.pulses[0].ms <= ms + 1
            assert (outcome.confirmed or found_open) == (it.locks[1].door == "open")


CHILD = """
import asyncio, random, sys
from openharbor.boards.address import parse
from openharbor.boards.wiring import BoardSettings, wire
from openharbor.kit.clock import SystemClock

async def main():
    clock = SystemClock()
    wiring = wire({1: parse(sys.argv[1])}, clock=clock, settings=BoardSettings, random=random.Random(1))
    await wiring.start()
    board = wiring.boards[1]
    while not board.state.online:
        await asyncio.sleep(0.01)
    print("online", flush=True)
    async def on_fire():
        print("fires", flush=True)
    await board.open(1, deadline=clock.monotonic() + 5, on_fire=on_fire)

asyncio.run(main())
"""


@pytest.mark.slow
@pytest.mark.parametrize(("family", "safe"), [("waveshare", " 05 00 FF 00 00 "), ("wkly", " 89 "), ("kerong-cu16", "")])
async def test_a_driver_that_is_killed_within_a_pulse_leaves_no_coil_on(family: str, safe: str) -> None:
    async with Emulator(family, None, 4, pulse_ms=150) as emu:
        url = emu.url() + "&pulse_ms=150"
        for killed_after_ms in (0, 5, 50):
            emu.trace.clear()
            child = await asyncio.create_subprocess_exec(
                *(sys.executable, "-c", CHILD, url), stdout=asyncio.subprocess.PIPE
            )
            await _says(child, b"online")
            assert sum(safe in f"{entry.hex} " for entry in emu.trace.of("in")) >= (safe != "")
            await _says(child, b"fires")
            await asyncio.sleep(killed_after_ms / 1000)
            child.send_signal(signal.SIGKILL)
            await child.communicate()
            await asyncio.sleep(0.3)
            assert len(emu.pulses) <= 1
            assert all(pulse.ms is not None and pulse.ms <= 201 for pulse in emu.pulses)
            emu.locks[next(iter(emu.locks))][1].push_shut()
        assert emu.violations() == []


async def _says(child: asyncio.subprocess.Process, word: bytes) -> None:
    assert child.stdout is not None
    async with asyncio.timeout(10):
        while (line := (await child.stdout.readline()).strip()) != word:
            assert line, "the driver ended"


async def test_the_clock_of_these_tests_stands_still_by_itself() -> None:
    async with stepped("waveshare") as (it, clock):
        assert isinstance(it.clock, SteppedClock)
        before = clock.monotonic()
        await asyncio.sleep(0.05)
        assert clock.monotonic() == before
