"""A tower's flash, as the real one keeps it: what a power cut leaves is what comes back from the tables."""

from openharbor.kit.database.driver import sqlite3
from openharbor.kit.database.transaction import SqliteTransaction
from openharbor.tower import flash
from openharbor.tower.state import Tower

# as openharbor.tower.migrations makes them
TABLES = (
    "CREATE TABLE parts (name TEXT NOT NULL PRIMARY KEY, value TEXT NOT NULL)",
    "CREATE TABLE events (event_id INTEGER NOT NULL PRIMARY KEY, value BLOB NOT NULL)",
)


class FlashChip:
    """`lasting`: the state as it was stored last."""

    def __init__(self, tower: Tower) -> None:
        self.lasting = tower
        self._connection = sqlite3.connect(":memory:", isolation_level=None)
        self._connection.row_factory = sqlite3.Row
        for table in TABLES:
            self._connection.execute(table)
        self._written: Tower | None = None

    def read_back(self) -> Tower:
        """What a start finds. The step from the last read to now is written as the shell would."""
        transaction = SqliteTransaction(self._connection)
        flash.save(transaction, self._written, self.lasting)
        self._written = self.lasting
        found = flash.load(transaction)
        assert found is not None
        return found

    def close(self) -> None:
        self._connection.close()
