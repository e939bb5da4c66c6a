"""A database by its URL: a file on this machine, or a server."""

from openharbor.kit.database.face import Database
from openharbor.kit.database.sqlite import SqliteDatabase
from openharbor.kit.database.urls import SQLITE, is_postgres, sqlite_path
from openharbor.kit.errors import Failed


def open_database(url: str, *, threads: int = 16) -> Database:
    """`sqlite:///PATH`, `postgresql://…` or `postgres://…`; its schema is there already (`migrations.upgrade`).

    `threads`: how many units a server runs at once. Raises Failed naming what is wrong; no password is in it.
    """
    if is_postgres(url):
        from openharbor.kit.database.postgres import PostgresDatabase  # not for those who have a file

        return PostgresDatabase(url, threads=threads)
    if url.startswith(SQLITE):
        return SqliteDatabase(sqlite_path(url))
    scheme = f"{url.split('://', 1)[0]}://" if "://" in url else "no scheme"
    raise Failed(f"the URL of the database begins with {scheme}; it must be {SQLITE}PATH or postgresql://HOST/DATABASE")
