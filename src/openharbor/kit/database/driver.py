"""Which SQLite is used, how connections are opened, and what its errors mean.

All of a process goes through this module: two SQLite libraries in one process do not see each other's locks.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from openharbor.kit.errors import Failed

if TYPE_CHECKING:
    import sqlite3
else:
    try:  # newer than most systems have
        import pysqlite3.dbapi2 as sqlite3
    except ImportError:
        import sqlite3

__all__ = [
    "NoDatabase",
    "connect",
    "connect_read_only",
    "create_private",
    "is_storage_error",
    "primary_code",
    "sqlite3",
]

STATEMENTS = 512  # kept prepared, a connection
BUSY_S = 2.0

# Primary result codes after which nothing of the transaction is there: BUSY NOMEM READONLY INTERRUPT IOERR
# CORRUPT FULL CANTOPEN PROTOCOL NOTADB (https://www.sqlite.org/rescode.html).
STORAGE_CODES = frozenset({5, 7, 8, 9, 10, 11, 13, 14, 15, 26})


class NoDatabase(Failed):
    """There is no database to read at this path."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"{path} does not exist or cannot be read")


def create_private(path: Path) -> None:
    """Makes the file if it is missing, for its owner only; SQLite gives the files beside it the same mode."""
    if not path.exists():  # never opened otherwise: closing a file drops the locks that SQLite has on it
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))


def connect(path: Path) -> sqlite3.Connection:
    """A connection that writes, with everything durable at COMMIT; the file is made if it is missing."""
    connection = sqlite3.connect(
        path, BUSY_S, isolation_level=None, check_same_thread=False, cached_statements=STATEMENTS
    )
    connection.row_factory = sqlite3.Row
    for setting in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON", "cache_size = -8192"):
        connection.execute(f"PRAGMA {setting}").fetchall()
    return connection


def connect_read_only(path: Path) -> sqlite3.Connection:
    """A connection that cannot write. Raises NoDatabase."""
    if not path.is_file():
        raise NoDatabase(path)
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode=ro",
        BUSY_S,
        isolation_level=None,
        check_same_thread=False,
        cached_statements=STATEMENTS,
        uri=True,
    )
    connection.row_factory = sqlite3.Row
    connection.execute("PRAGMA query_only = ON")
    return connection


def primary_code(error: BaseException) -> int:
    """SQLite's primary result code; 0 where the error is not SQLite's."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF if isinstance(error, sqlite3.Error) else 0


def is_storage_error(error: BaseException) -> bool:
    """Whether the disk or the file failed, and not the statement."""
    return primary_code(error) in STORAGE_CODES
