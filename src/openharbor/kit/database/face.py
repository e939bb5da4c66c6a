"""What a database is to every room: units of work, each as if it ran alone, answered after the commit."""

from collections.abc import Callable, Sequence
from typing import Any, Literal, Protocol, TypeVar

from openharbor.kit.errors import StorageUnavailable

T = TypeVar("T")

StorageState = Literal["ok", "failing"]


class OutcomeUnknown(StorageUnavailable):
    """The database was lost while it committed: the unit may have been done, and was not repeated."""


class Row(Protocol):
    """One row, by column name."""

    def __getitem__(self, column: str, /) -> Any: ...


class Transaction(Protocol):
    """What a unit of work reads and writes through. SQL in the subset of SQLite and PostgreSQL, `:named` values.

    A statement that fails ends the unit: catching its error does not save it. `FOR UPDATE` and `FOR UPDATE SKIP LOCKED`
    may be written everywhere; SQLite, which writes one unit at a time, does without.
    """

    def execute(self, sql: str, /, **values: object) -> int:
        """Runs one statement; the number of rows it changed."""

    def execute_many(self, sql: str, rows: Sequence[dict[str, object]], /) -> None:
        """Runs one statement for each row."""

    def one(self, sql: str, /, **values: object) -> Row | None:
        """The first row, or None."""

    def all(self, sql: str, /, **values: object) -> list[Row]:
        """Every row."""


class Database(Protocol):
    """Runs units of work. Times are integers (ms since 1970, UTC), JSON is text."""

    @property
    def state(self) -> StorageState:
        """`failing` from the first write that could not be made until a trial write succeeds; writes are refused."""

    async def write(self, work: Callable[[Transaction], T], *, essential: bool = False) -> T:
        """Runs `work` and returns its result once it is durable.

        An exception of `work` undoes that unit alone and is raised here. `work` may run more than once before its
        result counts, so it changes nothing but what it is given. Raises StorageUnavailable when nothing could be
        written, OutcomeUnknown when the database was lost in the commit, Closed after `close`. `essential` units may
        use the space kept in reserve. Cancelling the caller does not undo the unit.
        """

    async def read(self, work: Callable[[Transaction], T]) -> T:
        """Runs `work` on a read-only snapshot. Raises StorageUnavailable without a server, Closed after `close`."""

    async def close(self) -> None:
        """Idempotent: finishes what was accepted, then refuses."""


class CommitObserver(Protocol):
    """Keeps something in memory true to the journal; both are called in the thread that writes."""

    def committed(self) -> None:
        """All units since the last call are durable; called before their callers are answered."""

    def lost(self, transaction: Transaction) -> None:
        """A commit failed: read again from `transaction` what memory holds of the disk."""
