"""The towers of a cloud on each database."""

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from harness.postgres import Server
from harness.postgres import postgres as postgres
from openharbor.cloud import migrations
from openharbor.cloud.master_key import Vault, load_vault
from openharbor.kit.database.face import Database
from openharbor.kit.database.migrations import upgrade
from openharbor.kit.database.opening import open_database

from .towers import populate


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Of a database with the present schema and nothing in it."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path}/cloud.db"
    else:
        server: Server = request.getfixturevalue("postgres")
        url = server.database(f"towers_{os.urandom(6).hex()}")
    upgrade(url, migrations.FOLDER)
    return url


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    return tmp_path / "master.key"


@pytest.fixture
def vault(key_file: Path) -> Vault:
    return load_vault(key_file, create=True)


@pytest.fixture
async def database(url: str) -> AsyncIterator[Database]:
    """With a tower of three lockers that has no key, and one without lockers."""
    database = open_database(url, threads=4)
    await database.write(populate)
    yield database
    await database.close()
