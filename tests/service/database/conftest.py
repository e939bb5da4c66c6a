"""One database after another: the same tests on a file and on a server."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from harness.postgres import Server
from harness.postgres import postgres as postgres
from openharbor.kit.database.face import Database
from openharbor.kit.database.opening import open_database
from openharbor.kit.database.postgres import PostgresDatabase
from openharbor.kit.database.urls import sqlite_url

NOTES = (
    "CREATE TABLE notes (id BIGINT PRIMARY KEY, note TEXT UNIQUE, amount BIGINT, share DOUBLE PRECISION, blob {blob})"
)


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return sqlite_url(tmp_path / "test.db")
    server: Server = request.getfixturevalue("postgres")
    return server.database()


@pytest.fixture
async def database(url: str) -> AsyncIterator[Database]:
    """With an empty table of notes."""
    database = open_database(url)
    table = NOTES.format(blob="BLOB" if url.startswith("sqlite") else "BYTEA")
    await database.write(lambda tx: tx.execute(table))
    yield database
    await database.close()


@pytest.fixture
async def on_server(postgres: Server) -> AsyncIterator[PostgresDatabase]:
    """PostgreSQL alone, with two threads and an empty table of notes."""
    database = PostgresDatabase(postgres.database(), threads=2)
    await database.write(lambda tx: tx.execute(NOTES.format(blob="BYTEA")))
    yield database
    await database.close()
