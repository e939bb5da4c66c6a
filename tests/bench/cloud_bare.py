"""A bare handler: the statements of minting through psycopg in a pool of threads, and a constant answer.

`python -m tests.bench.cloud_bare BYTES` reads `{"url": …, "minted": [[statement, …], …]}` on stdin: the statements of a
locker's first token, of its second, and so on. Decoding is the product's; nothing is decided, encoded or sealed.
"""

import asyncio
import itertools
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import msgspec
import psycopg

from openharbor.kit.http.operation import Answer, Call

from .cloud_constant import body_of, run
from .cloud_statements import Statement

THREADS = 16  # as the cloud has
OWN_IDS = 500_000_000_000  # far from the product's


class Plan(msgspec.Struct):
    url: str
    minted: list[list[Statement]]


class Connections(threading.local):
    """A connection for each thread, in the isolation level of the product."""

    def __init__(self, url: str) -> None:
        self.one = psycopg.connect(url)
        self.one.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ


class Bare:
    """Which token of its locker a request is for is told by how many came before."""

    def __init__(self, plan: Plan, size: int) -> None:
        self._minted, self._body = plan.minted, body_of(size)
        self._connections = Connections(plan.url)
        self._threads = ThreadPoolExecutor(THREADS)
        self._ids = itertools.count(OWN_IDS)
        self._before: dict[int, tuple[int, int]] = {}  # tokens and assignment of a locker

    async def __call__(self, call: Call) -> Answer:
        locker = call.params.locker_id
        count, assignment = self._before.get(locker, (0, 0))
        assignment = assignment if count else next(self._ids)
        self._before[locker] = ((count + 1) % len(self._minted), assignment)
        places = {
            "tower": call.params.tower_id,
            "locker": locker,
            "token": next(self._ids),
            "assignment": assignment,
        }
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._threads, self._run, self._minted[count], places)
        return Answer(200, self._body)

    def _run(self, statements: list[Statement], places: dict[str, Any]) -> None:
        """Again after a conflict, as in the product: on a busy machine a token may overtake the one before it."""
        while True:
            with suppress(psycopg.errors.SerializationFailure, psycopg.errors.ForeignKeyViolation):
                self._transact(statements, places)
                return

    def _transact(self, statements: list[Statement], places: dict[str, Any]) -> None:
        connection = self._connections.one
        with connection.transaction():
            for one in statements:
                values = {**one.values, **{name: places[place] for name, place in one.places.items()}}
                cursor = connection.execute(one.sql.encode(), values, prepare=True)
                if one.reads:
                    cursor.fetchall()


if __name__ == "__main__":
    run(Bare(msgspec.json.decode(sys.stdin.buffer.read(), type=Plan), int(sys.argv[1])))
