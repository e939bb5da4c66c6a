"""What a unit of work reads and writes through, on an SQLite connection."""

from collections.abc import Sequence

from openharbor.kit.database.driver import sqlite3
from openharbor.kit.database.face import Row
from openharbor.kit.database.texts import Texts, without_row_locks

_TEXTS = Texts(without_row_locks)


class SqliteTransaction:
    """`face.Transaction`. Who makes it begins and ends the transaction."""

    __slots__ = ("_connection",)

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    # Every statement gets a cursor of its own: when it is dropped, the statement is reset, read to its end or not.

    def execute(self, sql: str, /, **values: object) -> int:
        return self._connection.execute(_TEXTS[sql], values).rowcount

    def execute_many(self, sql: str, rows: Sequence[dict[str, object]], /) -> None:
        self._connection.executemany(_TEXTS[sql], rows)

    def one(self, sql: str, /, **values: object) -> Row | None:
        row: Row | None = self._connection.execute(_TEXTS[sql], values).fetchone()
        return row

    def all(self, sql: str, /, **values: object) -> list[Row]:
        return self._connection.execute(_TEXTS[sql], values).fetchall()
