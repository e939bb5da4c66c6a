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
from openharbor.kit.errors import Failed

if TYPE_CHECKING:
    from alembic.script import Script, ScriptDirectory
    from sqlalchemy import Connection

SQLITE = "sqlite:///"


class SchemaTooNew(Failed):
    """A newer release has changed the database; this code would not understand it."""

    def __init__(self, database: str, revision: str) -> None:
        super().__init__(
            f"{database} was written by a newer release (schema {revision}); install that release, or restore a backup"
        )
        self.revision = revision


def sqlite_url(path: Path) -> str:
    """The URL of a database in a file."""
    return f"{SQLITE}{path}"


def current(database_url: str) -> str | None:
    """The revision of the stored schema; None: there is none yet."""
    path = _path(database_url)
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
    path = _path(database_url)
    try:
        # Reading, too, takes some space for the index of the log; a gateway has to start on a full disk.
        stored = Reserve(path).make_room(partial(current, database_url))
        if head is None or stored != head:
            _upgrade(path, migrations)
    except (sqlite3.Error, OSError) as error:
        raise Failed(f"{path} cannot be opened: {error}") from error


def _upgrade(path: Path, migrations: Path) -> None:
    from alembic.script import ScriptDirectory

    lock = ProcessLock(path)
    try:
        script = ScriptDirectory(str(migrations))
        stored = current(sqlite_url(path))
        missing = _missing(path, script, stored)
        if missing:
            create_private(path)
            _run(path, script, missing)
    finally:
        lock.release()


def _missing(path: Path, script: ScriptDirectory, stored: str | None) -> list[Script]:
    """The revisions after the stored one, oldest first."""
    from alembic.script.revision import ResolutionError

    try:
        if stored is not None:
            script.revision_map.get_revision(stored)
    except ResolutionError:
        raise SchemaTooNew(str(path), stored or "") from None
    return list(reversed(list(script.iterate_revisions("head", stored or "base"))))


def _run(path: Path, script: ScriptDirectory, missing: list[Script]) -> None:
    from sqlalchemy import create_engine
    from sqlalchemy.exc import SQLAlchemyError

    # AUTOCOMMIT keeps the driver's own transactions out of the way of this one, which has the schema changes in it.
    engine = create_engine(sqlite_url(path), module=sqlite3, isolation_level="AUTOCOMMIT")
    try:
        with engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA journal_mode = WAL")
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            _run_each(connection, script, missing)
            connection.exec_driver_sql("COMMIT")  # not reached: the connection ends, and its transaction with it
    except SQLAlchemyError as error:
        raise Failed(f"{path} could not be brought to the present schema: {error}") from error
    finally:
        engine.dispose()


def _run_each(connection: Connection, script: ScriptDirectory, missing: list[Script]) -> None:
    from alembic.operations import Operations
    from alembic.runtime.migration import MigrationContext

    context = MigrationContext.configure(connection)
    with Operations.context(context):
        for revision in missing:
            revision.module.upgrade()
            context.stamp(script, revision.revision)


def _path(database_url: str) -> Path:
    if not database_url.startswith(SQLITE) or "?" in database_url:
        raise Failed(f"{database_url} is not the URL of an SQLite database ({SQLITE}PATH)")
    return Path(database_url.removeprefix(SQLITE))
