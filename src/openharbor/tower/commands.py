"""What `openharbor tower …` does beside serving: makes a tower from its provisioning file."""

import asyncio
import os
import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from openharbor.blink import provisioning
from openharbor.blink.provisioning import LARGEST_FILE, Provision, RefusedFile
from openharbor.boards.address import Address, AddressError, conflicts, parse, warnings
from openharbor.kit.database.face import Transaction
from openharbor.kit.database.sqlite import SqliteDatabase
from openharbor.kit.errors import Failed
from openharbor.tower import flash
from openharbor.tower.app import RESERVE_BYTES
from openharbor.tower.cabinet import places_of
from openharbor.tower.location import DATABASE, migrate, store_boards
from openharbor.tower.power_up import provisioned
from openharbor.tower.state import Tower

CODE_KEY_BYTES = 32


def initialise(data: Path, provision_file: Path, board_urls: Sequence[str]) -> dict[str, Any]:
    """Makes a tower in an empty directory; nothing is written unless file and addresses are whole, no lock fires.

    Raises Failed with the path of what is wrong (`lockers[2].port`).
    """
    if data.exists() and (not data.is_dir() or any(data.iterdir())):
        raise Failed(f"{data} is in use: a tower starts in an empty directory; choose another")
    provision = _read(provision_file)
    addresses = _addresses(board_urls)
    _check_ports(provision_file, provision, len(_places(addresses)))
    existed = data.exists()
    try:
        _make(data, provisioned(provision, secrets.token_bytes(CODE_KEY_BYTES)), [str(one) for one in addresses])
    except BaseException:
        _empty(data, remove=not existed)
        raise
    return {
        "towerId": provision.tower_id,
        "name": provision.name,
        "lockers": len(provision.lockers),
        "boards": len(addresses),
        "provisionFile": str(provision_file),
        "warnings": [f"boards[{place}]: {text}" for place, one in enumerate(addresses) for text in warnings(one)],
    }


def _read(path: Path) -> Provision:
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST_FILE + 1)
    except OSError as error:
        raise Failed(f"{path} cannot be read: {error.strerror}") from error
    try:
        return provisioning.read(data)
    except RefusedFile as refused:
        raise Failed(f"{path}: {refused}; nothing was written") from None


def _addresses(urls: Sequence[str]) -> list[Address]:
    if not urls:
        raise Failed("a tower needs at least one board: --boards URL")
    addresses = []
    for place, url in enumerate(urls):
        try:
            addresses.append(parse(url))
        except AddressError as error:
            raise Failed(f"boards[{place}]: {error}; nothing was written") from None
    # two names of one serial port are one line
    clashes = conflicts(dict(enumerate(addresses)), os.path.realpath)
    if clashes:
        raise Failed(f"boards[{clashes[0].second}]: {clashes[0].message}; nothing was written")
    return addresses


def _places(addresses: Sequence[Address]) -> Sequence[object]:
    try:
        return places_of(addresses)
    except ValueError as error:
        raise Failed(f"{error}; nothing was written") from None


def _check_ports(path: Path, provision: Provision, locks: int) -> None:
    for place, locker in enumerate(provision.lockers):
        if locker.port >= locks:
            raise Failed(
                f"{path}: lockers[{place}].port is {locker.port}, and the boards have the ports 0 to {locks - 1};"
                " nothing was written"
            )


def _make(data: Path, tower: Tower, urls: Sequence[str]) -> None:
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    data.chmod(0o700)
    migrate(data)

    def save(tx: Transaction) -> None:
        flash.save(tx, None, tower)
        store_boards(tx, urls)

    async def write() -> None:
        database = SqliteDatabase(data / DATABASE, reserve_bytes=RESERVE_BYTES)
        try:
            await database.write(save)
        finally:
            await database.close()

    asyncio.run(write())


def _empty(data: Path, *, remove: bool) -> None:
    """Leaves the directory as it was found."""
    for path in data.iterdir() if data.is_dir() else ():
        path.unlink()
    if remove and data.is_dir():
        data.rmdir()
