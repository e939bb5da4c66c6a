"""Rows that the tests of the towers begin with, and short ways to look at what became of them."""

from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec

from openharbor.blink.provisioning import Provision, read
from openharbor.cloud.lockers.change import Change
from openharbor.cloud.lockers.locker import Locker
from openharbor.cloud.lockers.store import keep
from openharbor.cloud.master_key import Vault
from openharbor.cloud.scope import INSTALLATION
from openharbor.cloud.towers.operator_commands import provision
from openharbor.kit.database.face import Database, Row, Transaction

TOWER, EMPTY_TOWER = "0100000000000014", "0100000000000175"
ACME = 12
NOW = 1_795_428_000_000
IDS = count(1)


def populate(tx: Transaction) -> None:
    """Lockers 1 (port 0), 14 (port 13, inverted) and 16 (no port), out of service."""
    tx.execute("INSERT INTO organizations (id, name, created_at) VALUES (:id, 'Acme', 0)", id=ACME)
    tx.execute(
        "INSERT INTO locker_types (id, name, display_name, width_mm, height_mm, depth_mm)"
        " VALUES (3, 'large', 'Large', 1, 1, 1)"
    )
    tx.execute(
        "INSERT INTO locations (id, key, name, address1, city, state, zip, country)"
        " VALUES (54, 'library', 'Library', 'x', 'x', 'x', 'x', 'x')"
    )
    for tower, name in ((TOWER, "Bücherei am Nordtor"), (EMPTY_TOWER, "Empty")):
        tx.execute(
            "INSERT INTO towers (id, location_id, name, access, for_test, system_id, tower_model_id)"
            " VALUES (:id, 54, :name, 'public', 0, 1, 1)",
            id=tower,
            name=name,
        )
    for number, port, sensor in ((16, -1, "none"), (1, 0, "normal"), (14, 13, "inverted")):
        _add_locker(tx, number, port, sensor)


def _add_locker(tx: Transaction, number: int, port: int, sensor: str) -> None:
    locker = Locker(locker_id=900 + number, tower_id=TOWER, number=number, type_id=3)
    tx.execute(
        "INSERT INTO lockers (id, tower_id, number, name, type_id, low, port, door_sensor, status, state)"
        " VALUES (:id, :tower, :number, :name, 3, 0, :port, :sensor, 6, :state)",
        id=locker.locker_id,
        tower=TOWER,
        number=number,
        name=str(number),
        port=port,
        sensor=sensor,
        state=msgspec.json.encode(locker).decode(),
    )


def message_id() -> str:
    return f"msg_{next(IDS)}"


async def change(database: Database, made: Change) -> None:
    """Writes what a decision came to."""
    await database.write(lambda tx: keep(INSTALLATION, tx, made, now=NOW, new_message_id=message_id))


async def rows(database: Database, sql: str, **values: object) -> list[Row]:
    return await database.read(lambda tx: tx.all(sql, **values))


async def one(database: Database, sql: str, **values: object) -> Row:
    (found,) = await rows(database, sql, **values)
    return found


async def locker(database: Database, number: int) -> Locker:
    row = await one(database, "SELECT state FROM lockers WHERE number = :number", number=number)
    return msgspec.json.decode(row["state"], type=Locker)


async def audited(database: Database) -> list[tuple[str, str]]:
    found = await rows(database, "SELECT action, outcome FROM audit ORDER BY id")
    return [(row["action"], row["outcome"]) for row in found]


def provision_in(data: bytes) -> Provision:
    return read(data)


async def provisioned(database: Database, vault: Vault) -> None:
    """The tower as `cloud tower provision` leaves it; its file is thrown away."""
    with TemporaryDirectory() as folder:
        await provision(database, vault, TOWER, Path(folder) / "file.json", now=NOW)
