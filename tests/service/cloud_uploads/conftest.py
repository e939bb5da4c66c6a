"""A cloud's lockers on each database, and the tower that they are in."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from harness.cloud_databases import postgres_template as postgres_template
from harness.cloud_databases import sqlite_template as sqlite_template
from harness.cloud_databases import url as url
from harness.cloud_rig import Rig, populate, rig
from harness.postgres import postgres as postgres
from openharbor.cloud.master_key import Vault, load_vault
from openharbor.kit.clock import SteppedClock
from openharbor.kit.database.face import Database
from openharbor.kit.database.opening import open_database

from .site import Site, new_tower


@pytest.fixture
def vault(tmp_path: Path) -> Vault:
    return load_vault(tmp_path / "master.key", create=True)


@pytest.fixture
async def database(url: str, vault: Vault) -> AsyncIterator[Database]:
    database = open_database(url, threads=4)
    await database.write(lambda tx: populate(tx, vault))
    yield database
    await database.close()


@pytest.fixture
def cloud(database: Database, vault: Vault) -> Rig:
    return rig(database, vault, SteppedClock())


@pytest.fixture
def site(cloud: Rig) -> Site:
    return Site(cloud, new_tower(cloud.clock.now()))
