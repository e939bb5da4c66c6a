"""A tower on a clock that only the test moves, whose boards are absent: what links alone need."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from harness.towers import Server, make_tower, provision
from openharbor.kit.clock import SteppedClock
from openharbor.tower.app import RunningTower, running

ABSENT = "virtual://absent"


@pytest.fixture
def clock() -> SteppedClock:
    return SteppedClock()


@pytest.fixture
def server(clock: SteppedClock) -> Server:
    return Server(clock)


@pytest.fixture
async def tower(tmp_path: Path, clock: SteppedClock) -> AsyncIterator[RunningTower]:
    data = await make_tower(tmp_path, [ABSENT], provision(made_at=clock.now() // 1000))
    async with running(data, None, clock) as tower:
        yield tower
