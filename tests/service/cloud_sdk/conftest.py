"""The SDK API on each database: two organizations, a public tower, a private one of the rival's, and two more."""

from collections.abc import AsyncIterator

import pytest

from harness.cloud_databases import postgres_template as postgres_template
from harness.cloud_databases import sqlite_template as sqlite_template
from harness.cloud_databases import url as url
from harness.cloud_rig import populate
from harness.populated_cloud import vault as vault
from harness.postgres import postgres as postgres
from openharbor.cloud.master_key import Vault
from openharbor.kit.clock import SteppedClock
from openharbor.kit.database.face import Database
from openharbor.kit.database.opening import open_database

from .room import Room, further_towers, running


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
