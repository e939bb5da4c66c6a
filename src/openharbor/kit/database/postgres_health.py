"""Whether a PostgreSQL server does its work: `failing` until a trial write was durable."""

import logging
from collections.abc import Callable
from threading import Event, Lock, Thread

import psycopg

from openharbor.kit.database.face import StorageState
from openharbor.kit.database.postgres_session import ConnectionLost, Session
from openharbor.kit.database.postgres_transaction import PostgresTransaction

log = logging.getLogger("openharbor.database")

# Writes a record to the server's log and nothing else: its commit is as durable as any, and it needs no table.
TRIAL = (
    "SELECT pg_logical_emit_message(true, 'openharbor', 'trial') AS place,"
    " current_setting('transaction_read_only') AS read_only"
)


class Health:
    """`name` is for the log. While failing, a thread of its own makes a trial every `trial_seconds`."""

    def __init__(self, connect: Callable[[], Session], name: str, trial_seconds: float) -> None:
        self._connect, self._name, self._trial_seconds = connect, name, trial_seconds
        self._lock = Lock()
        self._closing = Event()
        self._thread: Thread | None = None
        self.state: StorageState = "ok"

    def fail(self, why: str) -> None:
        """From any thread."""
        with self._lock:
            if self.state == "failing" or self._closing.is_set():
                return
            self.state = "failing"
            log.error("%s cannot be reached or written: %s", self._name, why)
            self._thread = Thread(target=self._try_until_ok, name="database trials", daemon=True)
            self._thread.start()

    def close(self) -> None:
        """Ends the trials, and waits for the one that is under way."""
        with self._lock:
            self._closing.set()
        if self._thread is not None:
            self._thread.join()

    def _try_until_ok(self) -> None:
        while not self._closing.wait(self._trial_seconds):
            if self._trial():
                self.state = "ok"
                log.warning("%s can be written again", self._name)
                return

    def _trial(self) -> bool:
        try:
            session = self._connect()
        except psycopg.Error:
            return False
        try:
            session.begin(read_only=False)
            row = PostgresTransaction(session).one(TRIAL)
            session.commit()
        except (psycopg.Error, ConnectionLost):
            return False
        finally:
            session.close()
        return row is not None and row["read_only"] == "off"
