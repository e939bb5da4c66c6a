"""Where a cloud keeps its data: the database and, beside it or elsewhere, the file of its master key."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from openharbor.cloud import migrations
from openharbor.cloud.master_key import Vault, check, installation_secret, load_vault
from openharbor.cloud.scope import INSTALLATION
from openharbor.kit.database.face import Database, Transaction
from openharbor.kit.database.migrations import current, upgrade
from openharbor.kit.database.numbers import Numbers
from openharbor.kit.database.opening import open_database
from openharbor.kit.database.urls import SQLITE
from openharbor.kit.errors import Failed

MASTER_KEY = "master.key"
LINKS = "links"  # the name of a secret


@dataclass(frozen=True, slots=True)
class Opened:
    """A database with its numbers, and the vault that its secrets are sealed in."""

    database: Database
    numbers: Numbers
    vault: Vault


def master_key_path(database_url: str, given: Path | None) -> Path:
    """The file of the master key: as given, else beside an SQLite database. Raises Failed if neither says where."""
    if given is not None:
        return given
    if database_url.startswith(SQLITE):
        return Path(database_url.removeprefix(SQLITE)).parent / MASTER_KEY
    raise Failed("name the file of the master key with --master-key-file: only a file has a place beside it", 2)


def migrate(database_url: str, *, existing: bool = True) -> None:
    """Brings the schema up to this release. `existing`: raises Failed where there is no cloud yet."""
    if existing and current(database_url) is None:
        raise Failed("There is no cloud in this database; run `openharbor cloud init` with the same --database first")
    upgrade(database_url, migrations.FOLDER, migrations.HEAD)


@asynccontextmanager
async def opened(database_url: str, master_key_file: Path | None, *, threads: int = 4) -> AsyncIterator[Opened]:
    """The database of an existing cloud, for the time of a block. Raises Failed when it cannot be had.

    Nothing is ever sealed under a master key that is not the database's: what is stored would be lost with it.
    """
    migrate(database_url)
    vault = load_vault(master_key_path(database_url, master_key_file))
    database = open_database(database_url, threads=threads)
    try:
        await database.read(partial(check, INSTALLATION, vault=vault))
        yield Opened(database, Numbers(database), vault)
    finally:
        await database.close()


def link_secret_of(tx: Transaction, vault: Vault) -> bytes:
    """What signs the links of this installation. Raises Failed."""
    return installation_secret(INSTALLATION, tx, vault, LINKS)
