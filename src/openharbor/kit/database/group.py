"""One group of units: each in a savepoint, all in one commit."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from openharbor.kit.database.driver import is_storage_error, sqlite3
from openharbor.kit.database.face import Transaction

Work = Callable[[Transaction], Any]
Result = tuple[Any, BaseException | None]


class Lost(Exception):
    """Nothing of the group is durable; the cause says why."""


def commit_group(connection: sqlite3.Connection, tx: Transaction, works: Sequence[Work]) -> list[Result]:
    """Runs the units in their order and commits; for each its value or what it raised. Raises Lost."""
    execute = connection.execute
    try:
        execute("BEGIN IMMEDIATE")
        results = [_run(execute, tx, work) for work in works]
        execute("COMMIT")
    except BaseException as error:
        undo(connection)
        raise Lost from error
    return results


def undo(connection: sqlite3.Connection) -> None:
    """Ends the transaction, if SQLite has not ended it itself."""
    if connection.in_transaction:
        with suppress(sqlite3.Error):
            connection.execute("ROLLBACK")


def _run(execute: Callable[[str], object], tx: Transaction, work: Work) -> Result:
    execute("SAVEPOINT unit")
    try:
        value = work(tx)
    except BaseException as error:
        if is_storage_error(error):  # it may have ended the whole transaction
            raise
        execute("ROLLBACK TO unit")
        execute("RELEASE unit")
        return None, _for_caller(error)
    execute("RELEASE unit")
    return value, None


def _for_caller(error: BaseException) -> BaseException:
    """What a future can carry, and what must not end the caller's process or task."""
    if isinstance(error, Exception) and not isinstance(error, StopIteration):
        return error
    wrapped = RuntimeError(f"a unit of work raised {type(error).__name__}")
    wrapped.__cause__ = error
    return wrapped
