"""A copy of a database as it stands, taken beside a running process."""

import os
from contextlib import closing
from pathlib import Path

from openharbor.kit.database.driver import connect_read_only, sqlite3
from openharbor.kit.database.urls import is_postgres, sqlite_path
from openharbor.kit.errors import Failed


def backup(path: Path, target: Path) -> None:
    """Writes one consistent snapshot to `target`, durable on return. Raises NoDatabase, Failed.

    The name is taken at once, empty; the copy gets it when it is whole, so no half of one ever looks like a backup.
    """
    with closing(connect_read_only(path)) as source:
        try:
            os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
        except FileExistsError:
            raise Failed(f"{target} exists already; choose another name") from None
        except OSError as error:
            raise Failed(f"{target} cannot be made: {error.strerror}") from error
        partial = target.with_name(f"{target.name}.partial")
        try:
            _copy(source, partial)
            partial.replace(target)
            _sync(target.parent)
        except BaseException as error:
            partial.unlink(missing_ok=True)
            target.unlink(missing_ok=True)
            if isinstance(error, OSError | sqlite3.Error):
                raise Failed(f"the backup to {target} failed: {error}") from error
            raise


def backup_of(url: str, target: Path) -> None:
    """As `backup`, of the database with this URL; it has to be a file. Raises Failed."""
    if is_postgres(url):
        raise Failed("a database on a PostgreSQL server is backed up there: use pg_dump, or archive the server's log")
    backup(sqlite_path(url), target)


def _copy(source: sqlite3.Connection, partial: Path) -> None:
    partial.unlink(missing_ok=True)
    os.close(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    with closing(sqlite3.connect(partial, isolation_level=None)) as copy:
        source.backup(copy)  # all pages in one step: the snapshot stays the same while the writer goes on
        copy.execute("PRAGMA journal_mode = DELETE").fetchall()  # one file, without a log beside it
    _sync(partial)


def _sync(path: Path) -> None:
    file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(file)
    finally:
        os.close(file)
