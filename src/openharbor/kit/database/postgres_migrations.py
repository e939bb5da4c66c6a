"""The revisions of a database on a server: one process runs them; others wait meanwhile, and find them done."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg

from openharbor.kit.database.postgres_url import checked, failed, shown
from openharbor.kit.database.revisions import missing, run_each
from openharbor.kit.errors import Failed

if TYPE_CHECKING:
    from sqlalchemy import Connection

LOCK = int.from_bytes(b"openharb", "big")  # advisory; of this database alone
LONGEST_WAIT = "120s"  # for another process's revisions
CONNECT_S = 5
STORED = "SELECT version_num FROM alembic_version"


def current(url: str) -> str | None:
    """The revision of the stored schema; None: there is none yet. Raises Failed."""
    try:
        with psycopg.connect(checked(url), autocommit=True, connect_timeout=CONNECT_S) as connection:
            there = connection.execute("SELECT to_regclass('alembic_version')").fetchone()
            if there is None or there[0] is None:
                return None
            row = connection.execute(STORED).fetchone()
            return None if row is None else str(row[0])
    except psycopg.Error as error:
        raise failed(url, "read", error) from None


def upgrade(url: str, migrations: Path) -> None:
    """Runs the revisions that it lacks, all or none. Raises SchemaTooNew, Failed."""
    from alembic.script import ScriptDirectory
    from sqlalchemy import create_engine
    from sqlalchemy.exc import SQLAlchemyError

    def connect() -> psycopg.Connection[Any]:
        return psycopg.connect(url, connect_timeout=CONNECT_S)

    script = ScriptDirectory(str(migrations))
    engine = create_engine("postgresql+psycopg://", creator=connect)
    try:
        with engine.begin() as connection:
            connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{LONGEST_WAIT}'")
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({LOCK})")
            run_each(connection, script, missing(shown(url), script, _stored(connection)))
    except SQLAlchemyError as error:
        raise Failed(f"{shown(url)} could not be brought to the present schema: {error}") from error
    finally:
        engine.dispose()


def _stored(connection: Connection) -> str | None:
    """Read under the lock: another process may have run the revisions since."""
    if connection.exec_driver_sql("SELECT to_regclass('alembic_version')").scalar() is None:
        return None
    row = connection.exec_driver_sql(STORED).first()
    return None if row is None else str(row[0])
