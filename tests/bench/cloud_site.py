"""A cloud to be measured: one location with twenty provisioned towers of sixty lockers."""

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg

from harness.catalogs import catalog_file
from harness.clouds import CloudDatabase, new_database
from openharbor.cloud.commands import provision_tower
from openharbor.kit.database.driver import connect
from openharbor.kit.database.urls import SQLITE, sqlite_path

from .cloud_requests import Locker

LOCATION, TOWERS, LOCKERS = 54, 20, 60
LOCATIONS_FROM = 1000  # the ids of further locations come after
MOST_TAKEN = TOWERS * LOCKERS  # lockers that one burst of tokens takes

# A locker's row as it is after its tower was provisioned.
AVAILABLE = (
    """'{"locker_id":' || id || ',"tower_id":"' || tower_id || '","number":' || number || ',"type_id":' || type_id"""
    """ || ',"status":1}'"""
)
RESET = (
    f"UPDATE lockers SET status = 1, holder_id = NULL, due_at = NULL, state = {AVAILABLE} WHERE holder_id IS NOT NULL",
    "UPDATE assignments SET ended_at = 1795000000000 WHERE ended_at IS NULL",
    "UPDATE open_tokens SET settled = 'expired' WHERE settled IS NULL",
)


@dataclass(frozen=True)
class Site:
    """An initialised database, and how many lockers it has, by ids from 1 on, sixty to a tower."""

    database: CloudDatabase
    lockers: int = MOST_TAKEN

    @property
    def url(self) -> str:
        return self.database.url

    def taken(self) -> list[Locker]:
        """The lockers that a burst of tokens takes, spread evenly over all."""
        step = self.lockers // MOST_TAKEN
        ids = (1 + number * step for number in range(MOST_TAKEN))
        return [(tower_id((one - 1) // LOCKERS + 1), one) for one in ids]

    def locations(self) -> list[int]:
        """Those of the lockers that are taken: the first, and what it has grown by."""
        grown = self.lockers // MOST_TAKEN - 1
        return [LOCATION, *(LOCATIONS_FROM + number for number in range(1, grown + 1))]


def tower_id(number: int) -> str:
    """Of the towers from 1 on; SQL can make it too."""
    return f"0{100_000_000_000_000 + number}"


def new_site(directory: Path, url: str | None = None) -> Site:
    """On SQLite, or on the PostgreSQL at `url`."""
    directory.mkdir(parents=True, exist_ok=True)
    towers = [tower_id(number) for number in range(1, TOWERS + 1)]
    database = new_database(directory, url, catalog=catalog_file(directory / "catalog.toml", _sizes(towers)))
    for one in towers:
        asyncio.run(provision_tower(database.url, database.master_key_file, one, directory / f"{one}.json", None))
    if url is not None:
        vacuum(url, "VACUUM ANALYZE")
    return Site(database)


def _sizes(towers: list[str]) -> Mapping[str, int]:
    return dict.fromkeys(towers, LOCKERS)


def reset(site: Site) -> None:
    """Every locker is available again; what was is past. The server may run."""
    with statements(site.url) as execute:
        for sql in RESET:
            execute(sql)
    if not site.url.startswith(SQLITE):
        vacuum(site.url, *(f"VACUUM {table}" for table in ("lockers", "assignments", "open_tokens")))


def vacuum(url: str, *commands: str) -> None:
    """Autovacuum is off on the test server; what it would do in good time is done between the rounds."""
    with psycopg.connect(url, autocommit=True) as connection:
        for command in commands:
            connection.execute(command.encode())


class Execute:
    """Runs one statement with `:named` values, on either database."""

    def __init__(self, url: str) -> None:
        self._sqlite = connect(sqlite_path(url)) if url.startswith(SQLITE) else None
        self._postgres = None if self._sqlite else psycopg.connect(url, autocommit=True)

    def __call__(self, sql: str) -> int:
        """Rows changed."""
        if self._sqlite is not None:
            return self._sqlite.execute(sql).rowcount
        assert self._postgres is not None
        return self._postgres.execute(sql.encode()).rowcount

    def close(self) -> None:
        for one in (self._sqlite, self._postgres):
            if one is not None:
                one.close()


@contextmanager
def statements(url: str) -> Iterator[Execute]:
    """For SQL without values; each statement is committed by itself."""
    with closing(Execute(url)) as execute:
        yield execute
