"""The statements of minting, as the product runs them, for a handler that runs them bare."""

import asyncio
import re
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import msgspec

from harness.clouds import CloudDatabase
from openharbor.cloud.location import opened
from openharbor.cloud.lockers.attempts import Attempt
from openharbor.cloud.lockers.open_tokens import Mint, mint_dropoff
from openharbor.cloud.master_key import Vault
from openharbor.cloud.scope import TenantScope
from openharbor.kit.database.face import Row, Transaction
from openharbor.kit.errors import Refusal

from .cloud_requests import EACH, Locker

NAMED = re.compile(r"(?<!:):([a-z_]\w*)")
FIRST_ID = 900_000_000_000  # of what is recorded; no row has such an id
NOW = 1_795_000_000_000


class Statement(msgspec.Struct, frozen=True):
    """SQL as psycopg takes it. `places`: values that differ from call to call, by what they are."""

    sql: str
    values: dict[str, int | str | None]
    places: dict[str, str]
    reads: bool


class Undone(Exception):
    """Ends a unit that was only to be listened to."""


class Recorder:
    """`face.Transaction` that notes what goes through it."""

    def __init__(self, inner: Transaction) -> None:
        self._inner = inner
        self.heard: list[tuple[str, dict[str, Any], bool]] = []

    def execute(self, sql: str, /, **values: object) -> int:
        self.heard.append((sql, values, False))
        return self._inner.execute(sql, **values)

    def execute_many(self, sql: str, rows: Sequence[dict[str, object]], /) -> None:
        self.heard += [(sql, row, False) for row in rows]
        self._inner.execute_many(sql, rows)

    def one(self, sql: str, /, **values: object) -> Row | None:
        self.heard.append((sql, values, True))
        return self._inner.one(sql, **values)

    def all(self, sql: str, /, **values: object) -> list[Row]:
        self.heard.append((sql, values, True))
        return self._inner.all(sql, **values)


def recorded(database: CloudDatabase, locker: Locker) -> list[list[Statement]]:
    """The statements of the first token of an available locker, of its second, and so on. Nothing is changed."""
    return asyncio.run(_recorded(database, locker))


async def _recorded(database: CloudDatabase, locker: Locker) -> list[list[Statement]]:
    async with opened(database.url, database.master_key_file, threads=1) as cloud:
        found: list[list[Statement]] = []

        def listen(tx: Transaction) -> None:
            found[:] = [_mint(tx, cloud.vault, locker, number) for number in range(EACH)]
            raise Undone

        for _ in range(2):  # the first time the tower's key is read too, which is kept from then on
            with suppress(Undone):
                await cloud.database.write(listen)
    return found


def _mint(tx: Transaction, vault: Vault, locker: Locker, number: int) -> list[Statement]:
    recorder, ids = Recorder(tx), {"token": FIRST_ID + 2 * number, "assignment": FIRST_ID + 2 * number + 1}
    command = Mint(
        tower_id=locker[0],
        locker_id=locker[1],
        token_id=ids["token"],
        assignment_id=ids["assignment"],
        locker_token="ab" * 16,
        iv=bytes(16),
        duration_s=3600,
        client_info="parcel 4711",
    )
    attempt = Attempt(
        action="create_dropoff_locker_token", actor="client:acme-parcels", now=NOW, new_message_id=lambda: "msg_0"
    )
    made = mint_dropoff(TenantScope(1), recorder, command, attempt, vault)
    assert not isinstance(made, Refusal), made
    return [_statement(*heard, locker) for heard in recorder.heard]


def _statement(sql: str, values: dict[str, Any], reads: bool, locker: Locker) -> Statement:
    places = {name: place for name, value in values.items() if (place := _place(name, value, locker)) is not None}
    named = NAMED.sub(r"%(\1)s", sql.replace("%", "%%"))
    return Statement(named, values, places, reads)


def _place(name: str, value: object, locker: Locker) -> str | None:
    if value == locker[0]:
        return "tower"
    if name in ("id", "locker_id") and value == locker[1]:
        return "locker"
    if isinstance(value, int) and FIRST_ID <= value <= FIRST_ID + 2 * EACH:
        return "assignment" if (value - FIRST_ID) % 2 else "token"
    return None
