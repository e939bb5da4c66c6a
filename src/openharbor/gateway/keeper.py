"""The site in memory, kept true to the journal: the writing thread works on it, readers get it after the commit."""

from collections.abc import Callable
from functools import partial
from typing import TypeVar

from openharbor.gateway.journal import load_state
from openharbor.gateway.site import Site
from openharbor.gateway.trail import State
from openharbor.kit.database.face import Database, Transaction

R = TypeVar("R")
Work = Callable[[Transaction, State], tuple[State, R]]


class Keeper:
    """Holds the working state and the published site; the `CommitObserver` of the database that journals them.

    Make it, give it to the database as observer, then `open` it on that database. `site` may be read from
    everywhere; the rest belongs to the thread that writes.
    """

    _database: Database
    _state: State
    _site: Site

    def __init__(self) -> None:
        self._stale = False

    async def open(self, database: Database) -> None:
        """Takes the site from disk; before anything is written."""
        self._database = database
        await database.read(self.load)

    @property
    def site(self) -> Site:
        """The site as of the last commit."""
        return self._site

    async def change(self, work: Work[R], *, essential: bool = False) -> R:
        """Runs one unit of work on the state; its result comes once it is durable. Raises as `Database.write`.

        A unit that raises leaves the state as it was, since its result is never taken over.
        """
        return await self._database.write(partial(self._run, work), essential=essential)

    def load(self, tx: Transaction) -> None:
        """Takes the site and the end of the audit log from disk."""
        self._state = load_state(tx)
        self._site = self._state.site
        self._stale = False

    def committed(self) -> None:
        self._site = self._state.site

    def lost(self, transaction: Transaction) -> None:
        # Should even reading fail, nothing may be decided on what is in memory until it succeeds.
        self._stale = True
        self.load(transaction)

    def _run(self, work: Work[R], tx: Transaction) -> R:
        if self._stale:
            self.load(tx)
        self._state, result = work(tx, self._state)
        return result
