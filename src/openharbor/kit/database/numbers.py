"""Numbers for rows, drawn in blocks before the unit of work that uses them: never the same one twice, gaps at restarts.

Needs the table `number_blocks (name TEXT PRIMARY KEY, next BIGINT NOT NULL)`: `next` is the first number that nobody
has taken.
"""

import asyncio
from functools import partial

from openharbor.kit.database.face import Database, Transaction

BLOCK = 100


class Numbers:
    """Draws numbers by name, from 1. `block`: how many are taken at once, 1 or more. For callers of one event loop."""

    def __init__(self, database: Database, block: int = BLOCK) -> None:
        if block < 1:
            raise ValueError(f"block is {block}; it must be 1 or more")
        self._database, self._block = database, block
        self._rows: dict[str, _Taken] = {}

    async def next(self, name: str) -> int:
        """A number that nobody else gets, in this process or another. Raises what `Database.write` raises."""
        taken = self._rows.get(name) or self._rows.setdefault(name, _Taken())
        while taken.next == taken.end:
            async with taken.refill:  # one refills, the others find its numbers
                if taken.next == taken.end:
                    taken.next, taken.end = await self._database.write(partial(take, name, self._block))
        number = taken.next
        taken.next += 1
        return number


class _Taken:
    """Numbers of one name that are this process's: from `next` up to, and without, `end`."""

    __slots__ = ("end", "next", "refill")

    def __init__(self) -> None:
        self.next = self.end = 0
        self.refill = asyncio.Lock()


def take(name: str, count: int, tx: Transaction) -> tuple[int, int]:
    """Takes the next `count` numbers: the first, and the one after the last."""
    row = tx.one(
        "INSERT INTO number_blocks (name, next) VALUES (:name, 1 + :count)"
        " ON CONFLICT (name) DO UPDATE SET next = number_blocks.next + :count RETURNING next",
        name=name,
        count=count,
    )
    if row is None:
        raise RuntimeError(f"no numbers for {name}: the database returned no row")
    return row["next"] - count, row["next"]
