"""A gateway's journal on a real file, and the site of the examples in it."""

import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from core.gateway_alarms.journals import found
from openharbor.gateway import migrations
from openharbor.gateway.trail import State
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


@pytest.fixture
def state(tx: Transaction) -> State:
    """A site on virtual boards, founded."""
    return found(tx)
