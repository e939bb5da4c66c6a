"""The SDK API on each database: two organizations, a public tower, a private one of the rival's, and two more."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from harness.cloud_databases import postgres_template as postgres_template
from harness.cloud_databases import sqlite_template as sqlite_template
from harness.cloud_databases import url as url
from harness.cloud_rig import populate
from harness.postgres import postgres as postgres
from openharbor.cloud.master_key import Vault, load_vault
from openharbor.kit.clock import SteppedClock
from openharbor.kit.database.face import Database
from openharbor.kit.database.opening import open_database

from .room import Room, further_towers, running


@pytest.fixture
def vault(tmp_path: Path) -> Vault:
    return load_vault(tmp_path / "master.key", create=True)


@pytest.fixture
async def database(url: str, vault: Vault) -> AsyncIterator[Database]:
    database = open_database(url, threads=4)
    await database.write(lambda tx: populate(tx, vault))
    await database.write(lambda tx: further_towers(tx, vault))
    yield database
    await database.close()


@pytest.fixture
async def cloud(database: Database, vault: Vault) -> AsyncIterator[Room]:
    async with running(database, vault, SteppedClock()) as room:
        yield room
