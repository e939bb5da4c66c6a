"""The database on a server: `face.Database` on PostgreSQL, for several processes (architecture.md, "The foundations").

Units run side by side, each in a REPEATABLE READ transaction, and are repeated when two of them were in conflict.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import psycopg

from openharbor.kit.database.face import StorageState, Transaction
from openharbor.kit.database.postgres_health import Health
from openharbor.kit.database.postgres_session import Session
from openharbor.kit.database.postgres_units import Units
from openharbor.kit.database.postgres_url import checked, failed, shown
from openharbor.kit.database.postgres_workers import Workers
from openharbor.kit.errors import Failed

T = TypeVar("T")

OLDEST = 130000  # server_version: 13, the oldest that this is tested with
MOST_WAITING = 10_000
TRIAL_SECONDS = 1.0
KEEPALIVE = {"keepalives_idle": 15, "keepalives_interval": 5, "keepalives_count": 3, "tcp_user_timeout": 20_000}
# A server may be set to acknowledge commits that are not on disk yet; for this database that would be a lie.
SETTINGS = (
    "SELECT set_config('statement_timeout', %(statement)s, false), set_config('lock_timeout', %(lock)s, false),"
    " set_config('idle_in_transaction_session_timeout', %(statement)s, false),"
    " CASE current_setting('synchronous_commit') WHEN 'off' THEN set_config('synchronous_commit', 'on', false) END"
)


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds: for a statement (and between two of them), its wait for a lock, its answer beyond that, a connection."""

    statement_s: float
    lock_s: float
    answer_s: float
    connect_s: int


class PostgresDatabase:
    """Connects to `url`. Raises Failed, without the password, when there is no server, or one older than 13.

    `threads`: how many units run at once, each on a connection. A statement over its time raises
    psycopg.errors.QueryCanceled to the unit's caller, a wait for a lock LockNotAvailable; a server that is silent for
    `answer_timeout_s` longer counts as lost. `random` (0 up to 1) spreads the repeats. For callers of one event loop.
    """

    def __init__(
        self,
        url: str,
        *,
        threads: int = 16,
        statement_timeout_s: float = 10.0,
        lock_timeout_s: float = 5.0,
        answer_timeout_s: float = 5.0,
        connect_timeout_s: int = 5,
        trial_seconds: float = TRIAL_SECONDS,
        most_waiting: int = MOST_WAITING,
        random: Callable[[], float] = random.random,
    ) -> None:
        address = checked(url)
        limits = Limits(statement_timeout_s, lock_timeout_s, answer_timeout_s, connect_timeout_s)

        def connect() -> Session:
            return _connect(address, limits)

        _check_server(connect, url)
        self._health = Health(connect, shown(url), trial_seconds)
        self._runners = [Units(connect, random) for _ in range(threads)]
        self._workers = Workers(self._runners, self._health, most_waiting)

    @property
    def state(self) -> StorageState:
        return self._health.state

    @property
    def conflicts(self) -> int:
        """How often a unit was repeated because another was in its way."""
        return sum(units.conflicts for units in self._runners)

    async def write(self, work: Callable[[Transaction], T], *, essential: bool = False) -> T:  # noqa: ARG002
        """`essential` changes nothing: the space is the server's affair."""
        result: T = await self._workers.submit(work, read_only=False)
        return result

    async def read(self, work: Callable[[Transaction], T]) -> T:
        result: T = await self._workers.submit(work, read_only=True)
        return result

    async def close(self) -> None:
        await self._workers.close()
        self._health.close()


def _connect(address: str, limits: Limits) -> Session:
    """Raises psycopg.Error."""
    options: dict[str, Any] = {"connect_timeout": limits.connect_s, "application_name": "openharbor", **KEEPALIVE}
    connection = psycopg.connect(address, autocommit=True, client_encoding="UTF8", **options)
    try:
        texts = {"statement": _milliseconds(limits.statement_s), "lock": _milliseconds(limits.lock_s)}
        connection.execute(SETTINGS, texts)
        return Session(connection, limits.statement_s + limits.answer_s)
    except BaseException:
        connection.close()
        raise


def _milliseconds(seconds: float) -> str:
    return str(max(round(seconds * 1000), 1))


def _check_server(connect: Callable[[], Session], url: str) -> None:
    try:
        session = connect()
    except psycopg.Error as error:
        raise failed(url, "reached", error) from None
    version = session.server_version
    session.close()
    if version < OLDEST:
        raise Failed(f"{shown(url)} is PostgreSQL {version // 10000}; it must be 13 or newer")
