"""How long an open waits before its frame leaves (idle line: 3 ms; beside polls: 15 ms at the 99th percentile)."""

import asyncio
from statistics import median, quantiles

import pytest

from boards.rig import rig

BUSY_MACHINE = 3  # these limits are held on a quiet machine by the bench; here they only must not be missed by far


@pytest.fixture(params=["asyncio", "uvloop"])
def anyio_backend(request: pytest.FixtureRequest) -> tuple[str, dict[str, bool]]:
    return "asyncio", {"use_uvloop": request.param == "uvloop"}


async def test_an_open_on_an_idle_line_leaves_within_3_ms() -> None:
    async with rig("wkly", "pty", url="poll_ms=5000&fast_poll_ms=5000&pulse_ms=1&min_repeat_ms=0", pulse_ms=1) as it:
        waits = []
        for number in range(12):
            begun: list[float] = []

            async def on_fire(begun: list[float] = begun) -> None:
                begun.append(it.clock.monotonic())

            await asyncio.sleep(0.15)
            called = it.clock.monotonic()
            await it.open(number % 4 + 1, on_fire=on_fire, ignore_sensor=True)
            waits.append(begun[0] - called)
        assert median(waits) < 0.003 * BUSY_MACHINE


async def test_an_open_beside_the_polls_of_eight_boards_waits_for_the_frame_in_flight_at_most() -> None:
    url = "gap_ms=0&pulse_ms=1&min_repeat_ms=0&poll_ms=500&fast_poll_ms=500"
    async with rig("modbus-tcp", boards=range(1, 9), url=url, pulse_ms=1, answer_delay_ms=2) as it:
        waits = []
        for number in range(16):
            begun: list[float] = []

            async def on_fire(begun: list[float] = begun) -> None:
                begun.append(it.clock.monotonic())

            await asyncio.sleep(0.11)
            board = it.boards[number % 8 + 1]
            called = it.clock.monotonic()
            await board.open(number // 8 + 1, deadline=called + 5, on_fire=on_fire, ignore_sensor=True)
            waits.append(begun[0] - called)
        assert quantiles(waits, n=100)[98] < 0.015 * BUSY_MACHINE
