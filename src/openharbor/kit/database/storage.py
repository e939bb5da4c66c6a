"""The connection that writes, and what happens when it cannot. Used by one thread at a time.

What fails takes its whole group with it: the observer reads again from disk, and every caller is told that nothing
was done. Essential units are then tried once more with each step of the reserve. See docs/decisions 1 and 4.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from openharbor.kit.database.driver import connect, create_private, sqlite3
from openharbor.kit.database.face import CommitObserver, StorageState
from openharbor.kit.database.group import Lost, Raised, Result, Work, commit_bare, commit_group, for_caller, undo
from openharbor.kit.database.reserve import Reserve, space_may_help
from openharbor.kit.database.transaction import SqliteTransaction
from openharbor.kit.errors import Failed, StorageUnavailable

log = logging.getLogger("openharbor.database")

TRIAL_TABLE = (
    "CREATE TABLE IF NOT EXISTS storage_trial (id INTEGER PRIMARY KEY CHECK (id = 1), trials INTEGER NOT NULL)"
)
TRIAL = (
    "INSERT INTO storage_trial (id, trials) VALUES (1, 1)"
    " ON CONFLICT (id) DO UPDATE SET trials = storage_trial.trials + 1"
)
CHECKPOINT_PAGES = {"ok": 4000, "failing": 64}  # a short log leaves the reserve to what it records
MOST_WAL_BYTES = 64 << 20  # kept on disk after a burst


@dataclass(slots=True)
class Unit:
    """One unit of work; `ticket` is its caller's, whatever that is."""

    work: Work
    essential: bool
    ticket: Any


Answer = tuple[Unit, Any, BaseException | None]


class Storage:
    """Writes groups. `state` may be read from everywhere, the rest belongs to the thread that writes."""

    def __init__(self, path: Path, observer: CommitObserver | None, reserve_bytes: int) -> None:
        self._path, self._observer = path, observer
        self.on_run: Callable[[], None] = lambda: None  # told when a group's units have run, before it is committed
        self._stale = False  # what memory holds of the disk was not read again yet
        self._reserve = Reserve(path, reserve_bytes)
        self._connection = self._open()
        self._tx = SqliteTransaction(self._connection)
        self.state: StorageState
        self._set_state("ok")
        if not self._reserve.fill():
            self._fail(OSError("the disk has no room for the reserve"))

    def serve(self, units: Sequence[Unit]) -> list[Answer]:
        """What came of each unit: its value or its exception. Raises nothing."""
        if self.state == "failing":
            return self._refuse(units) + self._serve_essential(units)
        try:
            return self._commit(units)
        except Lost as lost:
            self._fail(lost.__cause__)
            return self._refuse(units) + self._serve_essential(units, lost.__cause__)

    def trial(self) -> None:
        """Whether writing works again: the reserve is whole and one row can be written."""
        try:
            if not self._reserve.fill():
                return
            self._reload()
            commit_group(self._connection, self._tx, [lambda tx: tx.execute(TRIAL)])
        except Exception:
            return
        self._set_state("ok")
        log.warning("%s can be written again", self._path)

    def close(self) -> None:
        """Leaves one file without a log beside it, if the disk lets it."""
        self._checkpoint("TRUNCATE")
        self._connection.close()

    def _open(self) -> sqlite3.Connection:
        try:
            return self._reserve.make_room(self._connect)
        except (sqlite3.Error, OSError) as error:
            raise Failed(f"{self._path} cannot be opened: {error}") from error

    def _connect(self) -> sqlite3.Connection:
        create_private(self._path)
        connection = connect(self._path)
        try:
            connection.execute(f"PRAGMA journal_size_limit = {MOST_WAL_BYTES}").fetchall()
            connection.execute(TRIAL_TABLE)
        except BaseException:
            connection.close()
            raise
        return connection

    def _serve_essential(self, units: Sequence[Unit], error: BaseException | None = None) -> list[Answer]:
        """Tries the essential units; each time the disk was full, again with one more step of the reserve."""
        essential = [unit for unit in units if unit.essential]
        while essential:
            if error is not None and not self._make_room(error):
                return [_refusal(unit) for unit in essential]
            try:
                return self._commit(essential)
            except Lost as lost:
                error = lost.__cause__ or lost
        return []

    def _commit(self, units: Sequence[Unit]) -> list[Answer]:
        try:
            self._reload()
            results = self._run([unit.work for unit in units])
        except Exception as error:
            self._stale = True
            self._try_reload()
            raise Lost from (error.__cause__ if isinstance(error, Lost) else error)
        self._tell_committed()
        return [(unit, value, error) for unit, (value, error) in zip(units, results, strict=True)]

    def _run(self, works: Sequence[Work]) -> list[Result]:
        try:
            return commit_bare(self._connection, self._tx, works, self.on_run)
        except Raised as raised:  # rare: the group runs again from what is on disk, each unit in a savepoint
            if len(works) == 1:
                return [(None, for_caller(raised.__cause__ or raised))]
            self._stale = True
            self._reload()
            return commit_group(self._connection, self._tx, works)

    def _make_room(self, error: BaseException) -> bool:
        if not space_may_help(error) or not self._reserve.give_up_step():
            return False
        log.error("the disk is full: %d bytes are left in reserve for %s", self._reserve.held(), self._path)
        self._checkpoint("PASSIVE")  # the log is then written from its start again, in space it has
        return True

    def _checkpoint(self, mode: str) -> None:
        try:
            self._connection.execute(f"PRAGMA wal_checkpoint({mode})").fetchall()
        except sqlite3.Error as error:
            log.warning("%s: no checkpoint: %s", self._path, error)

    def _tell_committed(self) -> None:
        if self._observer is None:
            return
        try:
            self._observer.committed()
        except Exception:
            log.exception("the observer of %s failed after a commit", self._path)
            self._stale = True
            self._try_reload()

    def _try_reload(self) -> None:
        try:
            self._reload()
        except Exception:  # tried again before anything is decided
            log.exception("%s cannot be read again", self._path)

    def _reload(self) -> None:
        """Lets the observer read what is on disk, if memory may differ from it."""
        if not self._stale:
            return
        self._connection.execute("BEGIN")
        try:
            if self._observer is not None:
                self._observer.lost(self._tx)
        finally:
            undo(self._connection)
        self._stale = False

    def _fail(self, error: BaseException | None) -> None:
        log.error("%s cannot be written: %s", self._path, error)
        self._set_state("failing")

    def _set_state(self, state: StorageState) -> None:
        self.state = state
        self._connection.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES[state]}").fetchall()

    @staticmethod
    def _refuse(units: Sequence[Unit]) -> list[Answer]:
        return [_refusal(unit) for unit in units if not unit.essential]


def _refusal(unit: Unit) -> Answer:
    return unit, None, StorageUnavailable("the database cannot be written; nothing was changed")
