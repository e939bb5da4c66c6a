"""The database in one file: `face.Database` on SQLite, for one process (architecture.md, "The foundations")."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from openharbor.kit.database.face import CommitObserver, StorageState, Transaction
from openharbor.kit.database.process_lock import ProcessLock
from openharbor.kit.database.readers import Readers
from openharbor.kit.database.reserve import free_bytes
from openharbor.kit.database.storage import Storage
from openharbor.kit.database.writer import Writer

T = TypeVar("T")

RESERVE_BYTES = 16 << 20
TRIAL_SECONDS = 1.0


class SqliteDatabase:
    """Opens `path`, made if it is missing, for the only process that writes it.

    Raises DatabaseInUse while another has it, Failed when it cannot be opened. Without room for the reserve it starts
    as `failing`. All writes come from one event loop.
    """

    def __init__(
        self,
        path: Path,
        *,
        observer: CommitObserver | None = None,
        reserve_bytes: int = RESERVE_BYTES,
        trial_seconds: float = TRIAL_SECONDS,
    ) -> None:
        self._path = path
        self._lock: ProcessLock | None = ProcessLock(path)
        try:
            self._storage = Storage(path, observer, reserve_bytes)
            self._readers = Readers(path)
        except BaseException:
            self._lock.release()
            raise
        self._writer = Writer(self._storage, trial_seconds)

    @property
    def state(self) -> StorageState:
        return self._storage.state

    async def write(self, work: Callable[[Transaction], T], *, essential: bool = False) -> T:
        result: T = await self._writer.submit(work, essential)
        return result

    async def read(self, work: Callable[[Transaction], T]) -> T:
        return await self._readers.read(work)

    async def close(self) -> None:
        self._writer.refuse()
        await self._readers.close()  # before the writer, which takes the log away with its last connection
        await self._writer.close()
        lock, self._lock = self._lock, None
        if lock is not None:
            lock.release()

    def size_bytes(self) -> int:
        """The database with its log; without the reserve."""
        log = self._path.with_name(f"{self._path.name}-wal")
        return sum(file.stat().st_size for file in (self._path, log) if file.exists())

    def free_bytes(self) -> int:
        """Room on the disk that holds it."""
        return free_bytes(self._path.parent)
