"""A cloud's catalog on each database. The schema is made once; each test finds it empty."""

from collections.abc import AsyncIterator
from pathlib import Path
from shutil import copyfile

import pytest
from sqlalchemy import create_engine

from harness.postgres import Server, postgres
from openharbor.cloud import migrations
from openharbor.cloud.tables import metadata
from openharbor.kit.clock import SteppedClock
from openharbor.kit.database.migrations import upgrade
from openharbor.kit.database.opening import open_database

from .room import Room

__all__ = ["postgres"]


@pytest.fixture(scope="session")
def empty_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("catalog") / "empty.db"
    upgrade(f"sqlite:///{file}", migrations.FOLDER, migrations.HEAD)
    return file


@pytest.fixture(scope="session")
def postgres_url(postgres: Server) -> str:
    url = postgres.database("catalog")
    upgrade(url, migrations.FOLDER, migrations.HEAD)
    return url


@pytest.fixture(params=["sqlite", "postgres"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Of a database with the cloud's schema, and nothing in it."""
    if request.param == "sqlite":
        copyfile(request.getfixturevalue("empty_file"), tmp_path / "cloud.db")
        return f"sqlite:///{tmp_path}/cloud.db"
    url: str = request.getfixturevalue("postgres_url")
    _empty(url)
    return url


def _empty(url: str) -> None:
    engine = create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
    try:
        with engine.begin() as connection:
            for table in reversed(metadata.sorted_tables):
                connection.execute(table.delete())
    finally:
        engine.dispose()


@pytest.fixture
async def room(database_url: str, tmp_path: Path) -> AsyncIterator[Room]:
    database = open_database(database_url, threads=2)
    try:
        yield Room(database, SteppedClock(), tmp_path)
    finally:
        await database.close()
