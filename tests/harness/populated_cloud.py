"""A populated cloud's parts on each database: import the fixtures by name into a conftest, beside `url`."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from harness.cloud_rig import Rig, populate, rig
from openharbor.cloud.master_key import Vault, load_vault
from openharbor.kit.clock import SteppedClock
from openharbor.kit.database.face import Database
from openharbor.kit.database.opening import open_database


@pytest.fixture
def vault(tmp_path: Path) -> Vault:
    return load_vault(tmp_path / "master.key", create=True)


@pytest.fixture
async def database(url: str, vault: Vault) -> AsyncIterator[Database]:
    """With two organizations, an open tower and a closed one."""
    database = open_database(url, threads=4)
    await database.write(lambda tx: populate(tx, vault))
    yield database
    await database.close()


@pytest.fixture
def cloud(database: Database, vault: Vault) -> Rig:
    return rig(database, vault, SteppedClock())
