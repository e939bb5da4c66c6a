"""The whole cloud, as a process, with the things of two organizations in it."""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from harness.clouds import Cloud, CloudDatabase, cloud, new_database
from harness.postgres import Server
from harness.postgres import postgres as postgres

from .neighbours import Neighbours, neighbours


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def beside(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Neighbours]:
    """Acme's client beside everything that the Library can have; nothing in it changes by itself."""
    url = None
    if request.param == "postgres":
        server: Server = request.getfixturevalue("postgres")
        url = server.database("neighbours")
    with neighbours(tmp_path_factory.mktemp("neighbours"), url) as made:
        yield made


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> CloudDatabase:
    """With the catalog that ships, made once; nobody touches it."""
    return new_database(tmp_path_factory.mktemp("template"))


@pytest.fixture(scope="module")
def database(template: CloudDatabase, tmp_path_factory: pytest.TempPathFactory) -> CloudDatabase:
    """For the tests of one module, which leave each other alone."""
    return copy_of(template, tmp_path_factory.mktemp("cloud"))


@pytest.fixture
def own_database(template: CloudDatabase, tmp_path: Path) -> CloudDatabase:
    """For one test."""
    return copy_of(template, tmp_path)


def copy_of(template: CloudDatabase, directory: Path) -> CloudDatabase:
    """The same rows under the same keys, with the provisioning files beside."""
    shutil.copytree(template.master_key_file.parent, directory, dirs_exist_ok=True)
    key = directory / template.master_key_file.name
    return replace(template, url=f"sqlite:///{directory}/cloud.db", master_key_file=key)


@pytest.fixture(scope="module")
def running(database: CloudDatabase, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    log: Path = tmp_path_factory.mktemp("log") / "log"
    with cloud(database, log) as served:
        yield served
