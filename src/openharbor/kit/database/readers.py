"""Reading beside the writer: read-only connections, each read on one snapshot."""

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import TypeVar

from openharbor.kit.database.driver import connect_read_only, sqlite3
from openharbor.kit.database.face import Transaction
from openharbor.kit.database.group import undo
from openharbor.kit.database.transaction import SqliteTransaction
from openharbor.kit.errors import Closed, Failed

T = TypeVar("T")

THREADS = 2


@contextmanager
def reading(path: Path) -> Iterator[Transaction]:
    """One snapshot of a database, for commands; works beside a running process. Raises NoDatabase, Failed."""
    connection = connect_read_only(path)
    try:
        connection.execute("BEGIN")
        yield SqliteTransaction(connection)
    except sqlite3.DatabaseError as error:
        raise Failed(f"{path} is damaged or no database: {error}; restore a backup") from error
    finally:
        connection.close()


class Readers:
    """A pool of threads with a read-only connection each. Raises NoDatabase when there is none."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._idle: SimpleQueue[sqlite3.Connection] = SimpleQueue()
        self._idle.put(connect_read_only(path))
        self._threads = ThreadPoolExecutor(THREADS, "database reader")
        self._accepts = True

    async def read(self, work: Callable[[Transaction], T]) -> T:
        """Runs `work` on a read-only snapshot. Raises Closed."""
        if not self._accepts:
            raise Closed
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._read, work)

    async def close(self) -> None:
        """Idempotent: finishes the reads that were accepted."""
        self._accepts = False
        await asyncio.get_running_loop().run_in_executor(None, self._threads.shutdown)
        while not self._idle.empty():
            self._idle.get().close()

    def _read(self, work: Callable[[Transaction], T]) -> T:
        connection = self._connection()
        try:
            connection.execute("BEGIN")
            return work(SqliteTransaction(connection))
        except StopIteration as error:  # no future can carry it
            raise RuntimeError("a read raised StopIteration") from error
        finally:
            undo(connection)
            self._idle.put(connection)

    def _connection(self) -> sqlite3.Connection:
        """An idle one; never more than there are threads."""
        try:
            return self._idle.get_nowait()
        except Empty:
            return connect_read_only(self._path)
