"""One process writes a database: a lock on a file beside it, which ends with the process however it ends."""

import fcntl
import os
from pathlib import Path

from openharbor.kit.errors import Failed


class DatabaseInUse(Failed):
    """Another process, or another part of this one, has the database open for writing."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"{path} is in use by another process; stop that one first")
        self.path = path


class ProcessLock:
    """Holds `<path>.lock` from its making until `release`. Raises DatabaseInUse."""

    def __init__(self, path: Path) -> None:
        if not path.parent.is_dir():
            raise Failed(f"{path.parent} is not a directory, so there can be no database in it")
        self._file = os.open(path.with_name(f"{path.name}.lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._file)
            raise DatabaseInUse(path) from None

    def release(self) -> None:
        """To be called once. The file stays: removing it would let two processes lock two files of one name."""
        os.close(self._file)
