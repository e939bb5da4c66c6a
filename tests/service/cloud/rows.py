"""Every row of a cloud's database, read from beside the process that serves it."""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from typing import Any

import psycopg

from openharbor.cloud.tables import metadata
from openharbor.kit.database.urls import is_postgres, sqlite_path

Row = tuple[Any, ...]


def all_rows(url: str, *, but: frozenset[str]) -> set[tuple[str, Row]]:
    """Of every table but these; each with the name of its table."""
    tables = [table.name for table in metadata.sorted_tables if table.name not in but]
    found = results(url, [f"SELECT * FROM {table}" for table in tables])
    return {(table, row) for table, rows in zip(tables, found, strict=True) for row in rows}


def rows(url: str, sql: str) -> list[Row]:
    """What a query finds, whatever the database is."""
    return next(iter(results(url, [sql])))


def results(url: str, queries: Sequence[str]) -> list[list[Row]]:
    """Of each query, at one moment."""
    return list(_of_server(url, queries) if is_postgres(url) else _of_file(url, queries))


def _of_server(url: str, queries: Sequence[str]) -> Iterator[list[Row]]:
    with psycopg.connect(url) as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        for sql in queries:
            yield connection.execute(sql.encode()).fetchall()


def _of_file(url: str, queries: Sequence[str]) -> Iterator[list[Row]]:
    with closing(sqlite3.connect(f"file:{sqlite_path(url)}?mode=ro", uri=True)) as connection:
        connection.execute("BEGIN")
        for sql in queries:
            yield connection.execute(sql).fetchall()
