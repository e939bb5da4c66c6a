"""Webhooks on each database."""

import time
from collections.abc import AsyncIterator

import pytest

from harness.cloud_databases import postgres_template as postgres_template
from harness.cloud_databases import sqlite_template as sqlite_template
from harness.cloud_databases import url as url
from harness.populated_cloud import vault as vault
from harness.postgres import postgres as postgres
from openharbor.cloud.master_key import Vault
from openharbor.kit.clock import SteppedClock
from openharbor.kit.database.face import Database
from openharbor.kit.database.opening import open_database
from service.cloud_webhooks.rig import Rig, populate


@pytest.fixture
def clock() -> SteppedClock:
    """It begins now: libraries refuse old signatures."""
    return SteppedClock(int(time.time()) * 1000)


@pytest.fixture
async def database(url: str) -> AsyncIterator[Database]:
    database = open_database(url, threads=4)
    await database.write(populate)
    yield database
    await database.close()


@pytest.fixture
def rig(database: Database, vault: Vault, clock: SteppedClock) -> Rig:
    return Rig(database, vault, clock)
