"""What `openharbor cloud …` does besides serving: each opens the database, does one thing, and returns what to print.

All raise Failed, in one line that says what and why.
"""

import secrets
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from openharbor.cloud.accounts import operator_commands as accounts
from openharbor.cloud.accounts import store as account_store
from openharbor.cloud.accounts.jws import Algorithm
from openharbor.cloud.catalog.import_catalog import Summary, import_file
from openharbor.cloud.location import link_secret_of, master_key_path, migrate, opened
from openharbor.cloud.master_key import load_vault
from openharbor.cloud.master_key import rotate_master_key as rotate_in_file
from openharbor.cloud.scope import INSTALLATION
from openharbor.cloud.settings import CloudSettings
from openharbor.cloud.towers import operator_commands as towers
from openharbor.kit.clock import SystemClock
from openharbor.kit.database.opening import open_database
from openharbor.kit.database.urls import SQLITE, sqlite_path
from openharbor.kit.errors import Failed

CLOCK = SystemClock()


async def initialise(database_url: str, master_key_file: Path | None) -> dict[str, Any]:
    """`cloud init`: the schema, the master key, the first signing key. Run again it makes only what is missing."""
    key = master_key_path(database_url, master_key_file)
    if database_url.startswith(SQLITE):
        _make_directory(sqlite_path(database_url).parent)
    migrate(database_url, existing=False)
    load_vault(key, create=not await _has_keys(database_url))
    async with opened(database_url, key) as cloud:
        await cloud.database.write(lambda tx: link_secret_of(tx, cloud.vault))
        made = await accounts.ensure_signing_key(
            cloud.database, cloud.vault, now=CLOCK.now(), random=secrets.token_bytes
        )
    return {"database": database_url, "masterKeyFile": str(key), "signingKeyMade": made}


async def _has_keys(database_url: str) -> bool:
    """Whether something is sealed already: a new master key would not open it."""
    database = open_database(database_url, threads=1)
    try:
        return bool(await database.read(partial(account_store.signing_keys, INSTALLATION)))
    finally:
        await database.close()


def _make_directory(path: Path) -> None:
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Failed(f"{path} cannot be made: {error.strerror}") from error


async def import_catalog_file(database_url: str, file: Path, settings: CloudSettings) -> Summary:
    """`cloud import`. Raises Failed with every fault of the file, one a line."""
    migrate(database_url)
    database = open_database(database_url, threads=1)
    try:
        return await import_file(database, file, environment=settings.environment, now=CLOCK.now())
    finally:
        await database.close()


async def create_organization(
    database_url: str, master_key_file: Path | None, name: str, client_id: str | None
) -> dict[str, Any]:
    async with opened(database_url, master_key_file) as cloud:
        return await accounts.create_organization(
            cloud.database, cloud.numbers, name, now=CLOCK.now(), random=secrets.token_bytes, client_id=client_id
        )


async def list_clients(database_url: str, master_key_file: Path | None) -> list[dict[str, Any]]:
    async with opened(database_url, master_key_file) as cloud:
        return await accounts.list_clients(cloud.database)


async def revoke_client(database_url: str, master_key_file: Path | None, client_id: str) -> dict[str, Any]:
    async with opened(database_url, master_key_file) as cloud:
        return await accounts.revoke_client(cloud.database, client_id, now=CLOCK.now())


async def allow_claims(
    database_url: str, master_key_file: Path | None, client_id: str, claims: Sequence[str]
) -> dict[str, Any]:
    async with opened(database_url, master_key_file) as cloud:
        return await accounts.allow_claims(cloud.database, client_id, claims, now=CLOCK.now())


async def create_operator(
    database_url: str, master_key_file: Path | None, email: str, password: str | None
) -> dict[str, Any]:
    async with opened(database_url, master_key_file) as cloud:
        return await accounts.create_operator(
            cloud.database, email, password, now=CLOCK.now(), random=secrets.token_bytes
        )


async def provision_tower(
    database_url: str, master_key_file: Path | None, tower_id: str, out: Path, replace_reason: str | None
) -> dict[str, Any]:
    async with opened(database_url, master_key_file) as cloud:
        return await towers.provision(
            cloud.database, cloud.vault, tower_id, out, now=CLOCK.now(), replace_reason=replace_reason
        )


async def rotate_tower_key(database_url: str, master_key_file: Path | None, tower_id: str) -> dict[str, Any]:
    async with opened(database_url, master_key_file) as cloud:
        return await towers.rotate_key(cloud.database, cloud.vault, tower_id, now=CLOCK.now())


async def rotate_master_key(database_url: str, master_key_file: Path | None) -> dict[str, Any]:
    async with opened(database_url, master_key_file) as cloud:
        done = await rotate_in_file(cloud.database, master_key_path(database_url, master_key_file), CLOCK)
    return {"sealed": done["sealed_again"], "masterKeyFile": done["file"]}


async def rotate_signing_key(database_url: str, master_key_file: Path | None, algorithm: Algorithm) -> dict[str, Any]:
    async with opened(database_url, master_key_file) as cloud:
        return await accounts.rotate_signing_key(
            cloud.database, cloud.vault, now=CLOCK.now(), random=secrets.token_bytes, algorithm=algorithm
        )
