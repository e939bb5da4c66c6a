"""A cloud's accounts on each database."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from harness.postgres import Server, postgres
from openharbor.cloud.master_key import Vault
from openharbor.kit.clock import SteppedClock
from openharbor.kit.database.face import Database

from .cloud import Cloud, opened, running

__all__ = ["postgres"]


@pytest.fixture
def clock() -> SteppedClock:
    return SteppedClock()


@pytest.fixture(params=["sqlite", "postgres"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/cloud.db"
    server: Server = request.getfixturevalue("postgres")
    return server.database("accounts")


@pytest.fixture
async def stored(database_url: str, tmp_path: Path, clock: SteppedClock) -> AsyncIterator[tuple[Database, Vault]]:
    """A database as `cloud init` leaves it."""
    async with opened(database_url, tmp_path / "master.key", clock) as found:
        yield found


@pytest.fixture
async def cloud(stored: tuple[Database, Vault], clock: SteppedClock) -> AsyncIterator[Cloud]:
    """A running process, with the client `acme` of the organization Acme."""
    async with running(*stored, clock) as cloud:
        await cloud.organization("Acme")
        await cloud.accounts.keeper.load()
        yield cloud
