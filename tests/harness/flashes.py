"""A tower's flash in a test's own directory: `from harness.flashes import store as store`."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from openharbor.kit.database.migrations import sqlite_url, upgrade
from openharbor.kit.database.sqlite import SqliteDatabase
from openharbor.tower import migrations


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteDatabase]:
    """Empty, at the newest revision."""
    path = tmp_path / "tower.db"
    upgrade(sqlite_url(path), migrations.FOLDER, migrations.HEAD)
    database = SqliteDatabase(path, reserve_bytes=0)
    yield database
    await database.close()
