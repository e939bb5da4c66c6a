"""What a unit of work reads and writes through, on a PostgreSQL session."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from openharbor.kit.database.face import Row
from openharbor.kit.database.postgres_session import Prepared, Session
from openharbor.kit.database.postgres_values import Columns

if TYPE_CHECKING:
    from psycopg.pq.abc import PGresult


class PostgresTransaction:
    """`face.Transaction` on a session."""

    __slots__ = ("_session",)

    def __init__(self, session: Session) -> None:
        self._session = session

    def execute(self, sql: str, /, **values: object) -> int:
        return self._session.execute(sql, values)[1].command_tuples or 0

    def execute_many(self, sql: str, rows: Sequence[dict[str, object]], /) -> None:
        self._session.execute_many(sql, rows)

    def one(self, sql: str, /, **values: object) -> Row | None:
        statement, result = self._session.execute(sql, values)
        return _columns(statement, result).row(result, 0) if result.ntuples else None

    def all(self, sql: str, /, **values: object) -> list[Row]:
        statement, result = self._session.execute(sql, values)
        columns = _columns(statement, result)
        return [columns.row(result, number) for number in range(result.ntuples)]


def _columns(statement: Prepared, result: "PGresult") -> Columns:
    if statement.columns is None:
        statement.columns = Columns(result)
    return statement.columns
