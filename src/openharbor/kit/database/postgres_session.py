"""One session of a PostgreSQL server, used by one thread: sends statements, waits for their results.

Statements are prepared once a session. The session stays in libpq's pipeline mode, so that BEGIN travels with the
first statement of a unit, and many rows in one go. (https://www.postgresql.org/docs/current/libpq-pipeline-mode.html)
"""

import select
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg.pq import ConnStatus, ExecStatus

from openharbor.kit.database.postgres_values import NULL, Columns, encode
from openharbor.kit.database.texts import Numbered, Texts

if TYPE_CHECKING:
    from psycopg.pq.abc import PGresult

STATEMENTS = 512  # kept prepared, a session
ROWS_AT_ONCE = 200
BEGIN = "BEGIN ISOLATION LEVEL REPEATABLE READ"
BEGIN_READ_ONLY = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
TEXT_RESULTS = 0

_TEXTS = Texts(Numbered)
_SYNC, _BAD = int(ExecStatus.PIPELINE_SYNC), int(ConnStatus.BAD)
_ERRORS = {int(ExecStatus.FATAL_ERROR), int(ExecStatus.BAD_RESPONSE)}
_ENDING = {"FATAL", "PANIC"}  # severities after which the session is gone


class ConnectionLost(Exception):
    """The session is gone, or the server does not answer. What was sent since the last answer may have been done."""


@dataclass(slots=True)
class Prepared:
    """A statement the server knows by `name`; `columns` from its first result on."""

    name: bytes
    columns: Columns | None = None


Key = tuple[str, tuple[int, ...]]


class Session:
    """`fault`: the first thing that went wrong in the present unit; all of its statements are undone then."""

    def __init__(self, connection: psycopg.Connection[Any], patience_s: float) -> None:
        self._connection, self._pg = connection, connection.pgconn
        self._patience_ms = round(patience_s * 1000)
        self._pg.nonblocking = 1
        self._pg.enter_pipeline_mode()
        self._socket = self._pg.socket
        self._poll = select.poll()
        self._poll.register(self._socket, select.POLLIN)
        self._prepared: dict[Key, Prepared] = {}
        self._count = 0
        self._sent: list[tuple[Key, Prepared] | None] = []  # in order; a pair: a statement to be prepared
        self._begin: str | None = None  # to be sent with the first statement
        self._began = False
        self.fault: Exception | None = None
        self.fault_of_old = False  # of a statement that had been prepared before

    def begin(self, *, read_only: bool) -> None:
        """The next statement begins a transaction."""
        if len(self._prepared) >= STATEMENTS:
            self.forget()
        self._begin = BEGIN_READ_ONLY if read_only else BEGIN
        self._began, self.fault = False, None

    def execute(self, sql: str, values: dict[str, object]) -> tuple[Prepared, "PGresult"]:
        """Raises psycopg.Error with the server's SQLSTATE, ConnectionLost."""
        statement = self._send(sql, values)
        return statement, self._results()[-1]

    def execute_many(self, sql: str, rows: Sequence[dict[str, object]]) -> None:
        """Several rows a round trip. Raises as `execute`."""
        for first in range(0, len(rows), ROWS_AT_ONCE):
            for row in rows[first : first + ROWS_AT_ONCE]:
                self._send(sql, row)
            self._results()

    def commit(self) -> None:
        """Returns when it is durable. ConnectionLost: whether it was done is not known.

        A psycopg.Error: it was not done. Without a statement there is nothing to commit.
        """
        if not self._began:
            return
        self._began = False
        self._send("COMMIT", {})
        if self._results()[-1].command_status != b"COMMIT":  # ROLLBACK: a statement had failed before
            raise psycopg.errors.InFailedSqlTransaction("a statement of the unit had failed; nothing was committed")

    def undo(self) -> None:
        """Ends the transaction, if the session is still there. Raises nothing."""
        if self._began and not self.lost:
            with suppress(ConnectionLost, psycopg.Error):
                self._send("ROLLBACK", {})
                self._results()
        self._began = False

    @property
    def server_version(self) -> int:
        """150012 is 15.12."""
        return self._pg.server_version

    @property
    def lost(self) -> bool:
        return isinstance(self.fault, ConnectionLost)

    def forget(self) -> None:
        """Prepares every statement anew: the schema has changed under them."""
        self._prepared.clear()
        with suppress(ConnectionLost, psycopg.Error):
            self._pg.send_query_params(b"DEALLOCATE ALL", None)
            self._sent.append(None)
            self._results()

    def close(self) -> None:
        self._connection.close()

    def _send(self, sql: str, values: dict[str, object]) -> Prepared:
        numbered = _TEXTS[sql]
        types, data = encode(numbered.names, values)
        try:
            if self._begin is not None:
                self._send_begin()
            statement = self._prepared.get((sql, types)) or self._send_prepare((sql, types), numbered)
            self._pg.send_query_prepared(statement.name, data, [1] * len(data), TEXT_RESULTS)
        except psycopg.Error as error:
            raise self._lose(str(error)) from error
        self._sent.append(None)
        return statement

    def _send_begin(self) -> None:
        begin, self._begin, self._began = self._begin or BEGIN, None, True
        self._send(begin, {})

    def _send_prepare(self, key: Key, numbered: Numbered) -> Prepared:
        for sent in self._sent:  # earlier in this round trip
            if sent is not None and sent[0] == key:
                return sent[1]
        self._count += 1
        statement = Prepared(b"s%d" % self._count)
        types = key[1]
        text = numbered.text([kind == NULL for kind in types])
        self._pg.send_prepare(statement.name, text, [kind for kind in types if kind != NULL])
        self._sent.append((key, statement))
        return statement

    def _results(self) -> list["PGresult"]:
        """What came of everything that was sent, in order. Raises the first error."""
        sent, self._sent = self._sent, []
        results: list[PGresult] = []
        try:
            self._pg.pipeline_sync()
            self._flush()
            self._receive(results)
        except psycopg.Error as error:
            raise self._lose(str(error)) from error
        fresh = False
        for request, result in zip(sent, results, strict=True):
            if result.status in _ERRORS:
                failure = _error(result)
                if self.fault is None:
                    self.fault, self.fault_of_old = failure, request is None and not fresh
                raise failure
            fresh = request is not None
            if request is not None:
                self._prepared[request[0]] = request[1]
        return results

    def _flush(self) -> None:
        """Reads meanwhile: a server that waits for us to read would take no more."""
        if self._pg.flush() == 0:
            return
        self._poll.modify(self._socket, select.POLLIN | select.POLLOUT)
        try:
            while self._pg.flush():
                self._wait()
                self._pg.consume_input()
        finally:
            self._poll.modify(self._socket, select.POLLIN)

    def _receive(self, results: list["PGresult"]) -> None:
        pg = self._pg
        while True:
            while pg.is_busy():
                self._wait()
                pg.consume_input()
            result = pg.get_result()
            if result is None:  # between two statements
                if pg.status == _BAD:
                    raise self._lose("the server closed the connection")
                continue
            if result.status == _SYNC:
                return
            if result.status in _ERRORS and _ends_session(result, pg.status):
                raise self._lose(_text(result))
            results.append(result)

    def _wait(self) -> None:
        if not self._poll.poll(self._patience_ms):
            raise self._lose(f"the server has not answered for {self._patience_ms} ms")

    def _lose(self, why: str) -> ConnectionLost:
        self.fault = ConnectionLost(why.strip())
        self._sent = []
        return self.fault


def _text(result: "PGresult") -> str:
    primary = result.error_field(psycopg.pq.DiagnosticField.MESSAGE_PRIMARY)
    return (primary or result.error_message).decode(errors="replace").strip()


def _ends_session(result: "PGresult", status: int) -> bool:
    severity = result.error_field(psycopg.pq.DiagnosticField.SEVERITY_NONLOCALIZED)
    return status == _BAD or severity is None or severity.decode() in _ENDING


def _error(result: "PGresult") -> psycopg.Error:
    """Without the server's detail: that quotes the values of the row."""
    state = (result.error_field(psycopg.pq.DiagnosticField.SQLSTATE) or b"").decode()
    try:
        kind = psycopg.errors.lookup(state)
    except KeyError:
        kind = psycopg.DatabaseError
    return kind(f"{_text(result)} ({state})")
