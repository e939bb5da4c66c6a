"""`pytest tests/boards --board URL [--fire LOCK]`: the basic suite on a real cabinet instead of the emulated ones."""

from collections.abc import AsyncIterator

import pytest

from boards.rig import Rig, drivers, rig
from openharbor.boards.address import parse
from openharbor.boards.emulator.emulator import Emulator

SETTLE_S = 30.0
EMULATED = ("kerong-cu16 tcp", "wkly pty", "modbus-tcp tcp", "winnsen pty")  # the other tests have every family


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--board", help="connection URL of a real board (lock-boards.md 5.1)")
    parser.addoption(
        "--fire", type=int, help="a lock of it that may be fired; somebody stands there and shuts the door"
    )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "cabinet" in metafunc.fixturenames:
        url = metafunc.config.getoption("--board", default=None)
        metafunc.parametrize("cabinet", [url] if url else EMULATED, indirect=True)


@pytest.fixture
async def cabinet(request: pytest.FixtureRequest) -> AsyncIterator[Rig]:
    """A board with its driver, on line: the real one of --board, or an emulated one."""
    if "://" in request.param:
        async with Emulator() as unused, drivers("real", unused, {1: parse(request.param)}, detection_s=10) as it:
            await it.online(SETTLE_S)
            yield it
    else:
        family, line = request.param.split()
        async with rig(family, "tcp" if line == "tcp" else "pty") as it:
            yield it


@pytest.fixture
def fired_lock(request: pytest.FixtureRequest) -> int:
    """The lock that may be fired. On a real cabinet somebody must have said so."""
    real = request.config.getoption("--board", default=None)
    lock: int | None = request.config.getoption("--fire", default=None)
    if real and lock is None:
        pytest.skip("nothing is fired on a real cabinet without --fire LOCK")
    return lock or 1
