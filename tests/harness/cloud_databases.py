"""A fresh cloud database for each test, on a file and on a server: migrated once, then copied."""

import itertools
import shutil
from pathlib import Path

import psycopg
import pytest

from harness.postgres import Server
from openharbor.cloud import migrations
from openharbor.kit.database.migrations import upgrade
from openharbor.kit.database.urls import sqlite_url

COPIES = itertools.count(1)


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("schema") / "cloud.db"
    upgrade(sqlite_url(path), migrations.FOLDER)
    return path


@pytest.fixture(scope="session")
def postgres_template(postgres: Server) -> str:
    url = postgres.database("template")
    upgrade(url, migrations.FOLDER)
    return url.rpartition("/")[2]


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Of a database with the present schema and nothing in it."""
    if request.param == "sqlite":
        template: Path = request.getfixturevalue("sqlite_template")
        return sqlite_url(Path(shutil.copy(template, tmp_path / "cloud.db")))
    server: Server = request.getfixturevalue("postgres")
    template_name: str = request.getfixturevalue("postgres_template")
    name = f"copy_of_{template_name}_{next(COPIES)}"
    with psycopg.connect(server.url(), autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template_name}"'.encode())
    return server.url(name)
