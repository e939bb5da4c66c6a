"""What `openharbor gateway …` does beside serving: found a site, check and copy its journal, make and end API keys."""

import asyncio
import os
import secrets
import shutil
import socket
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from openharbor.gateway import api_keys, journal_check
from openharbor.gateway.api_keys import SECRET_BYTES
from openharbor.gateway.journal import found_site
from openharbor.gateway.keeper import Keeper, Work
from openharbor.gateway.location import DATABASE, migrate
from openharbor.gateway.site import ApiKey
from openharbor.gateway.site_file import SiteFile, read_site_file
from openharbor.gateway.store import valid_api_keys
from openharbor.gateway.trail import SYSTEM
from openharbor.kit.clock import SystemClock
from openharbor.kit.database.backup import backup
from openharbor.kit.database.readers import reading
from openharbor.kit.database.sqlite import SqliteDatabase
from openharbor.kit.errors import Failed, Refusal
from openharbor.kit.http.timestamps import rfc3339

R = TypeVar("R")

SHORTEST_PASSWORD = 12


def initialise(data: Path, site: Path | None, password: str | None) -> dict[str, Any]:
    """Founds a gateway in an empty directory; nothing is written unless the site file is whole. Raises Failed."""
    if data.exists() and (not data.is_dir() or any(data.iterdir())):
        raise Failed(f"{data} is not an empty directory; choose another, or remove what is in it")
    if password is not None and len(password) < SHORTEST_PASSWORD:
        raise Failed(f"The admin password must be at least {SHORTEST_PASSWORD} characters")
    read = _read_site(site)
    made_up = None if password is not None else secrets.token_urlsafe(15)
    existed = data.exists()
    try:
        _found(data, read, password or made_up or "")
    except BaseException:
        _empty(data, remove=not existed)
        raise
    settings = read.site.settings
    return {
        "gatewayId": settings.gateway_id,
        "lockers": len(read.site.lockers),
        "controllers": len(read.site.controllers),
        "adminPassword": made_up,
        "warnings": list(read.warnings),
    }


def _read_site(path: Path | None) -> SiteFile:
    try:
        text = path.read_text(encoding="utf-8") if path is not None else ""
    except (OSError, UnicodeDecodeError) as error:
        raise Failed(f"{path} cannot be read: {error}") from error
    gateway_id = f"gw-{secrets.token_hex(4)}"
    read = read_site_file(
        text,
        gateway_id=gateway_id,
        host_name=socket.gethostname(),
        now=SystemClock().now(),
        resolve=os.path.realpath,  # two names of one serial port are one line
    )
    if isinstance(read, SiteFile):
        return read
    faults = "".join(f"\n  {fault}" for fault in read)
    raise Failed(f"{path} has {len(read)} fault{'s' if len(read) > 1 else ''}; nothing was written:{faults}")


def _found(data: Path, read: SiteFile, password: str) -> None:
    from argon2 import PasswordHasher

    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    migrate(data)
    digest, now = PasswordHasher().hash(password), SystemClock().now()

    async def write() -> None:
        database = SqliteDatabase(data / DATABASE)
        try:
            await database.write(partial(found_site, site=read.site, admin_password_hash=digest, now=now))
        finally:
            await database.close()

    asyncio.run(write())


def _empty(data: Path, *, remove: bool) -> None:
    """Leaves the directory as it was found."""
    for path in data.iterdir() if data.is_dir() else ():
        path.unlink() if path.is_file() else shutil.rmtree(path)
    if remove and data.is_dir():
        data.rmdir()


def check_journal(data: Path) -> dict[str, Any]:
    """Verifies the journal, also beside a running gateway. Raises Failed, naming the first bad row."""
    with reading(data / DATABASE) as tx:
        found = journal_check.examine(tx)
    if found.fault is not None:
        raise Failed(found.fault)
    return {"auditEntries": found.audit_entries, "whole": True}


def back_up(data: Path, target: Path) -> dict[str, Any]:
    """Copies the journal to a new file, also beside a running gateway. Raises Failed."""
    backup(data / DATABASE, target)
    return {"file": str(target), "bytes": target.stat().st_size}


def create_api_key(data: Path, name: str, scopes: list[str], expires: str | None) -> dict[str, Any]:
    """A new key; its secret is in the answer and nowhere else. Needs the gateway stopped. Raises Failed."""
    now = SystemClock().now()
    expires_at = None if expires is None else api_keys.parse_expiry(expires)
    secret, key = api_keys.new_key(
        random=secrets.token_bytes(SECRET_BYTES), name=name, scopes=scopes, expires_at=expires_at, now=now
    )
    stored = _accepted(_changed(data, partial(api_keys.add_api_key, key=key, caller=SYSTEM, now=now)))
    return {"key": secret, **_shown(stored)}


def list_api_keys(data: Path) -> list[dict[str, Any]]:
    """Every key that was not revoked, without its secret."""
    with reading(data / DATABASE) as tx:
        return [_shown(key) for key in valid_api_keys(tx)]


def revoke_api_key(data: Path, key_id: int) -> dict[str, Any]:
    """Ends a key. Needs the gateway stopped. Raises Failed."""
    work = partial(api_keys.revoke_api_key, key_id=key_id, caller=SYSTEM, now=SystemClock().now())
    return _shown(_accepted(_changed(data, work)))


def _changed(data: Path, work: Work[R]) -> R:
    """One unit of work on a gateway that is stopped. Raises DatabaseInUse beside a running one."""

    async def run() -> R:
        keeper = Keeper()
        database = SqliteDatabase(data / DATABASE, observer=keeper)
        try:
            await keeper.open(database)
            return await keeper.change(work)
        finally:
            await database.close()

    migrate(data, existing=True)
    return asyncio.run(run())


def _accepted(result: ApiKey | Refusal) -> ApiKey:
    if isinstance(result, Refusal):
        raise Failed(result.message)
    return result


def _shown(key: ApiKey) -> dict[str, Any]:
    return {
        "apiKeyId": key.key_id,
        "name": key.name,
        "scopes": sorted(key.scopes),
        "createdAt": rfc3339(key.created_at),
        "expiresAt": None if key.expires_at is None else rfc3339(key.expires_at),
    }
