"""One group of units in one commit: what one of them raises undoes that one alone."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from openharbor.kit.database.driver import is_storage_error, sqlite3
from openharbor.kit.database.face import Transaction

Work = Callable[[Transaction], Any]
Result = tuple[Any, BaseException | None]


class Lost(Exception):
    """Nothing of the group is durable; the cause says why."""


class Raised(Exception):
    """A unit raised: nothing of the group was kept, and memory may be ahead of the disk."""


def commit_bare(
    connection: sqlite3.Connection, tx: Transaction, works: Sequence[Work], on_run: Callable[[], None]
) -> list[Result]:
    """Runs the units in their order and commits, as long as none raises: savepoints would take a third of the time.

    `on_run` is told when all have run, before the commit. Raises Raised, Lost.
    """
    with _lost_unless_done(connection):
        connection.execute("BEGIN IMMEDIATE")
        try:
            results: list[Result] = [(work(tx), None) for work in works]
        except BaseException as error:
            if is_storage_error(error):
                raise
            undo(connection)
            raise Raised from error
        on_run()
        connection.execute("COMMIT")
    return results


def commit_group(connection: sqlite3.Connection, tx: Transaction, works: Sequence[Work]) -> list[Result]:
    """Runs the units in their order, each in a savepoint, and commits; for each its value or what it raised.

    Raises Lost.
    """
    execute = connection.execute
    with _lost_unless_done(connection):
        execute("BEGIN IMMEDIATE")
        results = [_run(execute, tx, work) for work in works]
        execute("COMMIT")
    return results


@contextmanager
def _lost_unless_done(connection: sqlite3.Connection) -> Iterator[None]:
    try:
        yield
    except Raised:
        raise
    except BaseException as error:
        undo(connection)
        raise Lost from error


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
        return None, for_caller(error)
    execute("RELEASE unit")
    return value, None


def for_caller(error: BaseException) -> BaseException:
    """What a future can carry, and what must not end the caller's process or task."""
    if isinstance(error, Exception) and not isinstance(error, StopIteration):
        return error
    wrapped = RuntimeError(f"a unit of work raised {type(error).__name__}")
    wrapped.__cause__ = error
    return wrapped
