"""Brings a database to the schema that the code knows: a room's Alembic revisions, run at start-up only.

A room has a folder with `versions/*.py` and nothing else: no alembic.ini, no env.py. Revisions run as one transaction.
"""

from __future__ import annotations

from contextlib import closing
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from openharbor.kit.database.driver import connect_read_only, create_private, sqlite3
from openharbor.kit.database.process_lock import ProcessLock
from openharbor.kit.database.reserve import Reserve
from openharbor.kit.database.revisions import SchemaTooNew, missing, run_each
from openharbor.kit.database.urls import is_postgres, sqlite_path, sqlite_url
from openharbor.kit.errors import Failed

if TYPE_CHECKING:
    from alembic.script import Script, ScriptDirectory

__all__ = ["SchemaTooNew", "current", "sqlite_url", "upgrade"]


def current(database_url: str) -> str | None:
    """The revision of the stored schema; None: there is none yet."""
    if is_postgres(database_url):
        from openharbor.kit.database import postgres_migrations

        return postgres_migrations.current(database_url)
    path = sqlite_path(database_url)
    if not path.is_file() or path.stat().st_size == 0:
        return None
    with closing(connect_read_only(path)) as connection:
        if connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'").fetchone() is None:
            return None
        row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
        return None if row is None else str(row["version_num"])


def upgrade(database_url: str, migrations: Path, head: str | None = None) -> None:
    """Runs the revisions that the database lacks, before it is opened. Raises SchemaTooNew, DatabaseInUse, Failed.

    `head`: the last revision as the room knows it; a database that has it is left alone, without the cost of Alembic.
    """
    if is_postgres(database_url):
        _upgrade_postgres(database_url, migrations, head)
        return
    path = sqlite_path(database_url)
    try:
        # Reading, too, takes some space for the index of the log; a gateway has to start on a full disk.
        stored = Reserve(path).make_room(partial(current, database_url))
        if head is None or stored != head:
            _upgrade(path, migrations)
    except (sqlite3.Error, OSError) as error:
        raise Failed(f"{path} cannot be opened: {error}") from error


def _upgrade_postgres(database_url: str, migrations: Path, head: str | None) -> None:
    from openharbor.kit.database import postgres_migrations  # not for those who have a file

    if head is None or postgres_migrations.current(database_url) != head:
        postgres_migrations.upgrade(database_url, migrations)


def _upgrade(path: Path, migrations: Path) -> None:
    from alembic.script import ScriptDirectory

    lock = ProcessLock(path)
    try:
        script = ScriptDirectory(str(migrations))
        stored = current(sqlite_url(path))
        lacking = missing(str(path), script, stored)
        if lacking:
            create_private(path)
            _run(path, script, lacking)
    finally:
        lock.release()


def _run(path: Path, script: ScriptDirectory, lacking: list[Script]) -> None:
    from sqlalchemy import create_engine
    from sqlalchemy.exc import SQLAlchemyError

    # AUTOCOMMIT keeps the driver's own transactions out of the way of this one, which has the schema changes in it.
    engine = create_engine(sqlite_url(path), module=sqlite3, isolation_level="AUTOCOMMIT")
    try:
        with engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA journal_mode = WAL")
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            run_each(connection, script, lacking)
            connection.exec_driver_sql("COMMIT")  # not reached: the connection ends, and its transaction with it
    except SQLAlchemyError as error:
        raise Failed(f"{path} could not be brought to the present schema: {error}") from error
    finally:
        engine.dispose()
