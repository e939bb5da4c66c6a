"""Disk space kept aside beside a database, given up step by step for essential units when the disk is full."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from openharbor.kit.database.driver import primary_code, sqlite3

T = TypeVar("T")

STEPS = 4
SLACK_BYTES = 256 << 10  # free beyond the reserve before the disk counts as usable again


def space_may_help(error: BaseException) -> bool:
    """Whether more room on the disk can mend it.

    IOERR and CANTOPEN (10, 14) count like FULL (13): so SQLite calls a quota, and a full disk without room for the
    index of the log.
    """
    return isinstance(error, OSError) or primary_code(error) in {10, 13, 14}


def free_bytes(directory: Path) -> int:
    """What an unprivileged process may still write there."""
    disk = os.statvfs(directory)
    return disk.f_bavail * disk.f_frsize


class Reserve:
    """The file `<database>.reserve`. `size` in bytes, 0: none is kept, None: as much as there is."""

    def __init__(self, database: Path, size: int | None = None) -> None:
        self._path = database.with_name(f"{database.name}.reserve")
        self._size = self.held() if size is None else size
        self._directory = database.parent

    def held(self) -> int:
        """Bytes kept aside now."""
        try:
            return os.stat(self._path).st_size
        except FileNotFoundError:
            return 0

    def give_up_step(self) -> bool:
        """Frees a quarter of the whole. False: nothing is left to free."""
        try:
            held = self.held()
            if held == 0:
                return False
            step = -(-self._size // STEPS)
            os.truncate(self._path, max(held - step, 0) if step else 0)
        except OSError:
            return False
        return True

    def make_room(self, action: Callable[[], T]) -> T:
        """Runs `action`; as often as it fails for want of space, again with a step less in reserve."""
        while True:
            try:
                return action()
            except (sqlite3.Error, OSError) as error:
                if not (space_may_help(error) and self.give_up_step()):
                    raise

    def fill(self) -> bool:
        """Makes it whole. False: the disk has not the space, or not more than that; then nothing is taken."""
        try:
            held = self.held()
            if free_bytes(self._directory) < max(self._size - held, 0) + SLACK_BYTES:
                return False
            if held != self._size:
                self._resize(held)
        except OSError:
            return False
        return True

    def _resize(self, held: int) -> None:
        file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            if held > self._size:
                os.ftruncate(file, self._size)
                return
            try:
                os.posix_fallocate(file, held, self._size - held)
            except OSError:
                os.ftruncate(file, held)
                raise
        finally:
            os.close(file)
