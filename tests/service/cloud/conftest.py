"""The whole cloud, as a process, with the things of two organizations in it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.clouds import Cloud, CloudDatabase, cloud, new_database
from harness.postgres import Server
from harness.postgres import postgres as postgres

from .neighbours import Neighbours, neighbours


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def beside(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Neighbours]:
    """Acme's client beside everything that the Library can have; nothing in it changes by itself."""
    server: Server | None = request.getfixturevalue("postgres") if request.param == "postgres" else None
    with neighbours(tmp_path_factory.mktemp("neighbours"), server and server.database("neighbours")) as made:
        yield made


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> CloudDatabase:
    """With the catalog that ships."""
    return new_database(tmp_path_factory.mktemp("cloud"))


@pytest.fixture(scope="module")
def running(database: CloudDatabase, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    log: Path = tmp_path_factory.mktemp("log") / "log"
    with cloud(database, log) as served:
        yield served
