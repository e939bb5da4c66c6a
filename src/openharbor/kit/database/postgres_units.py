"""One unit of work on a PostgreSQL session: run, committed, repeated when others were in its way."""

import time
from collections.abc import Callable
from typing import Any

import psycopg

from openharbor.kit.database.face import OutcomeUnknown, Transaction
from openharbor.kit.database.group import for_caller
from openharbor.kit.database.postgres_session import ConnectionLost, Session
from openharbor.kit.database.postgres_transaction import PostgresTransaction
from openharbor.kit.errors import StorageUnavailable

Work = Callable[[Transaction], Any]

ATTEMPTS = 40
LONGEST_PAUSE_S = 0.1
CONFLICTS = {"40001", "40P01"}  # serialization_failure, deadlock_detected: nothing was done, and again it may work
STALE_PLAN = "0A000"  # "cached plan must not change result type": the schema has changed under a prepared statement
# Classes that say the server cannot do its work: 53 insufficient resources, 57P operator intervention, 58 system
# error; 25006 in a unit that writes: a standby (https://www.postgresql.org/docs/current/errcodes-appendix.html).
UNAVAILABLE = ("53", "57P", "58")
READ_ONLY = "25006"


class Unavailable(Exception):
    """The server cannot do its work at the moment; `unknown`: whether it has done this unit is not known."""

    def __init__(self, why: str, *, unknown: bool = False) -> None:
        super().__init__(why)
        self.unknown = unknown

    def for_caller(self) -> StorageUnavailable:
        if self.unknown:
            return OutcomeUnknown("the database was lost during a commit; whether it was done is not known")
        return StorageUnavailable("the database cannot be reached or written; nothing was changed")


class _Again(Exception):
    """Nothing was done; the same unit may be run once more."""


class Units:
    """Runs the units of one thread, on one session after another.

    `connect` raises psycopg.Error. `random`: 0 up to 1, for the pauses. `conflicts` counts the repeats.
    """

    def __init__(self, connect: Callable[[], Session], random: Callable[[], float]) -> None:
        self._connect, self._random = connect, random
        self._session: Session | None = None
        self.conflicts = 0

    @property
    def connected(self) -> bool:
        return self._session is not None

    def write(self, work: Work) -> Any:
        """Its value, once it is durable. Raises Unavailable, StorageUnavailable, and what `work` raises."""
        return self._repeat(work, read_only=False)

    def read(self, work: Work) -> Any:
        """As `write`, on a snapshot that cannot be written. `end_read` is to follow."""
        return self._repeat(work, read_only=True)

    def end_read(self) -> None:
        """Gives the snapshot back, after the reader got its answer."""
        if self._session is not None:
            self._session.undo()
            self._drop_if_lost(self._session)

    def close(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            session.close()

    def _repeat(self, work: Work, *, read_only: bool) -> Any:
        reconnected = False
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return self._once(self._session or self._open(), work, read_only=read_only)
            except _Again:
                self.conflicts += 1
                time.sleep(self._random() * min(0.0005 * 2**attempt, LONGEST_PAUSE_S))
            except ConnectionLost as lost:  # before the commit: a session may have ended while it was idle
                if reconnected:
                    raise Unavailable(str(lost)) from lost
                reconnected = True
        raise StorageUnavailable(f"the unit was in conflict with others {ATTEMPTS} times; nothing was changed")

    def _open(self) -> Session:
        try:
            self._session = self._connect()
        except psycopg.Error as error:
            raise Unavailable(str(error).strip()) from error
        return self._session

    def _once(self, session: Session, work: Work, *, read_only: bool) -> Any:
        session.begin(read_only=read_only)
        try:
            value = work(PostgresTransaction(session))
        except BaseException as error:
            self._end(session, read_only=read_only)
            raise for_caller(error) from error.__cause__
        if session.fault is not None:  # the unit went on after an error; the database did not
            self._end(session, read_only=read_only)
            raise session.fault
        if not read_only:
            self._commit(session)
        return value

    def _end(self, session: Session, *, read_only: bool) -> None:
        """Undoes the unit. Raises what is to be done about its fault, if it is not for the caller to know."""
        session.undo()
        self._drop_if_lost(session)
        fault = session.fault
        if isinstance(fault, ConnectionLost):
            raise fault
        if isinstance(fault, psycopg.Error):
            self._judge(session, fault, read_only=read_only)

    def _judge(self, session: Session, fault: psycopg.Error, *, read_only: bool) -> None:
        state = fault.sqlstate or ""
        if state in CONFLICTS:
            raise _Again from fault
        if state == STALE_PLAN and session.fault_of_old:
            session.forget()
            raise _Again from fault
        if state.startswith(UNAVAILABLE) or (state == READ_ONLY and not read_only):
            self.close()
            raise Unavailable(str(fault)) from fault

    def _commit(self, session: Session) -> None:
        try:
            session.commit()
        except ConnectionLost as lost:
            self._drop_if_lost(session)
            raise Unavailable(str(lost), unknown=True) from lost
        except psycopg.Error:
            self._end(session, read_only=False)
            raise

    def _drop_if_lost(self, session: Session) -> None:
        if session.lost:
            self.close()
