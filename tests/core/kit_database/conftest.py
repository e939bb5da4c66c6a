"""A database in a directory of its own, closed at the end."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from openharbor.kit.database.face import Transaction
from openharbor.kit.database.sqlite import SqliteDatabase


class Commits:
    """An observer that counts."""

    def __init__(self) -> None:
        self.count = 0
        self.losses = 0

    def committed(self) -> None:
        self.count += 1

    def lost(self, transaction: Transaction) -> None:
        assert transaction.one("SELECT 1") is not None
        self.losses += 1


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "site.db"


@pytest.fixture
def commits() -> Commits:
    return Commits()


@pytest.fixture
async def database(path: Path, commits: Commits) -> AsyncIterator[SqliteDatabase]:
    database = SqliteDatabase(path, observer=commits, reserve_bytes=0)
    await database.write(lambda tx: tx.execute("CREATE TABLE notes (id INTEGER PRIMARY KEY, note TEXT UNIQUE)"))
    commits.count = 0
    yield database
    await database.close()
