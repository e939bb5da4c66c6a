"""The cloud's schema: what the revisions make is what the code works with."""

from pathlib import Path

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine

from openharbor.cloud import migrations, tables
from openharbor.kit.database.driver import sqlite3
from openharbor.kit.database.migrations import current, upgrade
from openharbor.kit.database.urls import sqlite_url


def test_the_revisions_lead_to_the_tables_of_the_code(tmp_path: Path) -> None:
    url = sqlite_url(tmp_path / "cloud.db")
    upgrade(url, migrations.FOLDER)
    engine = create_engine(url, module=sqlite3)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_server_default": True})
        differences = compare_metadata(context, tables.metadata)
    engine.dispose()
    assert differences == []
    assert current(url) == migrations.HEAD


def test_the_head_that_the_code_names_is_the_last_revision() -> None:
    assert ScriptDirectory(str(migrations.FOLDER)).get_current_head() == migrations.HEAD
