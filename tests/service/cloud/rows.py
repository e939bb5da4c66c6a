"""Every row of a cloud's database, read from beside the process that serves it."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing

import psycopg

from openharbor.cloud.tables import metadata
from openharbor.kit.database.urls import is_postgres, sqlite_path

Row = tuple[object, ...]


def all_rows(url: str, *, but: frozenset[str]) -> set[tuple[str, Row]]:
    """Of every table but these; each with the name of its table."""
    tables = [table.name for table in metadata.sorted_tables if table.name not in but]
    return {(table, row) for table in tables for row in rows(url, f"SELECT * FROM {table}")}


def rows(url: str, sql: str) -> list[Row]:
    """What a query finds, whatever the database is."""
    return list(_of_server(url, sql) if is_postgres(url) else _of_file(url, sql))


def _of_server(url: str, sql: str) -> Iterator[Row]:
    with psycopg.connect(url) as connection:
        yield from connection.execute(sql)  # type: ignore[call-overload]  # any text


def _of_file(url: str, sql: str) -> Iterator[Row]:
    with closing(sqlite3.connect(f"file:{sqlite_path(url)}?mode=ro", uri=True)) as connection:
        yield from connection.execute(sql)
