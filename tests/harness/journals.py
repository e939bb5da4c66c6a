"""A gateway's journal in a test's own directory: import the fixtures by name into a conftest."""

import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from openharbor.gateway import migrations
from openharbor.kit.database.driver import connect
from openharbor.kit.database.face import Transaction
from openharbor.kit.database.migrations import sqlite_url, upgrade
from openharbor.kit.database.transaction import SqliteTransaction


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Migrated once; to be copied."""
    path = tmp_path_factory.mktemp("schema") / "gateway.db"
    upgrade(sqlite_url(path), migrations.FOLDER)
    return path


@pytest.fixture
def database_file(empty_database: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(empty_database, tmp_path / "gateway.db"))


@pytest.fixture
def tx(database_file: Path) -> Iterator[Transaction]:
    """Writes at once: each statement is its own transaction."""
    with closing(connect(database_file)) as connection:
        yield SqliteTransaction(connection)
