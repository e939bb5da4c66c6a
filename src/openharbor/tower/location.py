"""Where a tower keeps what it must not forget, and which boards it has."""

from collections.abc import Sequence
from pathlib import Path

import msgspec

from openharbor.kit.database.face import Transaction
from openharbor.kit.database.migrations import sqlite_url, upgrade
from openharbor.kit.errors import Failed
from openharbor.tower import migrations

DATABASE = "tower.db"
BOARDS = "boards"  # the part that the device does not know of


def migrate(data: Path, *, existing: bool = False) -> None:
    """Brings the schema up to this release. `existing`: raises Failed where there is no tower yet."""
    path = data / DATABASE
    if existing and not path.is_file():
        raise Failed(f"There is no tower in {data}; run `openharbor tower init --data {data} …` first")
    upgrade(sqlite_url(path), migrations.FOLDER, migrations.HEAD)


def store_boards(tx: Transaction, urls: Sequence[str]) -> None:
    """Their addresses, in the order in which ports are counted."""
    tx.execute(
        "INSERT INTO parts (name, value) VALUES (:name, :value)"
        " ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        name=BOARDS,
        value=msgspec.json.encode(list(urls)).decode(),
    )


def stored_boards(tx: Transaction) -> list[str]:
    """Raises Failed where there are none."""
    row = tx.one("SELECT value FROM parts WHERE name = :name", name=BOARDS)
    if row is None:
        raise Failed("the tower's store names no boards; it was not made by `openharbor tower init`")
    return msgspec.json.decode(row["value"], type=list[str])
