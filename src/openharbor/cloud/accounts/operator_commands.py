"""What the command line does with accounts: each returns what is to be printed.

A secret stands in it once, and nowhere else. The database is open and at its schema's head. All raise Failed, in one
line that says what and why.
"""

import asyncio
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from openharbor.cloud.accounts import claims as client_claims
from openharbor.cloud.accounts import clients, operators, signing_keys, store
from openharbor.cloud.accounts.clients import SECRET_BYTES, SUFFIX_BYTES
from openharbor.cloud.accounts.jws import Algorithm
from openharbor.cloud.master_key import Vault
from openharbor.cloud.scope import INSTALLATION
from openharbor.kit.database.face import Database, Transaction
from openharbor.kit.database.numbers import Numbers
from openharbor.kit.http.timestamps import rfc3339

ACTOR = "command line"
PASSWORD_BYTES = 32

Random = Callable[[int], bytes]


async def create_organization(
    database: Database, numbers: Numbers, name: str, *, now: int, random: Random, client_id: str | None = None
) -> dict[str, Any]:
    """`cloud organization create`: a client with both scopes, for an organization that is made if it is new.

    `client_id`: the name that an external issuer knows the client by; None: made from the organization's.
    """
    secret = clients.secret_text(random(SECRET_BYTES))
    new = clients.new_client(
        name, await numbers.next("organizations"), secret=secret, random=random(SUFFIX_BYTES), client_id=client_id
    )
    client = await database.write(lambda tx: clients.create_client(INSTALLATION, tx, new, ACTOR, now))
    return {
        "organizationId": client.organization_id,
        "name": new.organization,
        "clientId": client.client_id,
        "clientSecret": secret,
        "scopes": sorted(client.scopes),
    }


async def list_clients(database: Database) -> list[dict[str, Any]]:
    """Every client, without its secret."""
    found = await database.read(lambda tx: store.all_clients(INSTALLATION, tx))
    return [_shown(client) for client in found]


async def revoke_client(database: Database, client_id: str, *, now: int) -> dict[str, Any]:
    """Ends a client; a running server refuses its tokens within seconds."""
    return _shown(await database.write(lambda tx: clients.revoke_client(INSTALLATION, tx, client_id, ACTOR, now)))


async def allow_claims(database: Database, client_id: str, claims: Iterable[str], *, now: int) -> dict[str, Any]:
    """`cloud client claims`: which staff claims its session tokens may carry, in place of those it had."""
    wanted = client_claims.staff_claims(claims)
    unit = partial(client_claims.allow_claims, INSTALLATION, client_id=client_id, claims=wanted, actor=ACTOR, now=now)
    return _shown(await database.write(unit))


async def create_operator(
    database: Database, email: str, password: str | None, *, now: int, random: Random
) -> dict[str, Any]:
    """`cloud operator create`. `password` None: one is made up, to be printed once."""
    address = operators.checked_email(email)
    made_up = password is None
    chosen = clients.secret_text(random(PASSWORD_BYTES)) if password is None else password
    digest = await asyncio.to_thread(operators.hash_password, chosen)
    await database.write(lambda tx: operators.create_operator(INSTALLATION, tx, address, digest, ACTOR, now))
    return {"email": address, **({"password": chosen} if made_up else {})}


async def ensure_signing_key(
    database: Database, vault: Vault, *, now: int, random: Random, algorithm: Algorithm = "EdDSA"
) -> bool:
    """`cloud init`: the first signing key; whether it was made."""
    if await database.read(_has_key):
        return False
    fresh = signing_keys.make_key(algorithm, random(signing_keys.SUFFIX_BYTES), now)
    sealed = vault.seal(fresh.private)
    return await database.write(partial(_ensure, fresh=fresh, sealed=sealed, now=now))


async def rotate_signing_key(
    database: Database, vault: Vault, *, now: int, random: Random, algorithm: Algorithm = "EdDSA"
) -> dict[str, Any]:
    """A new signing key: published at once, signing six minutes later, by every process."""
    fresh = signing_keys.make_key(algorithm, random(signing_keys.SUFFIX_BYTES), now)
    sealed = vault.seal(fresh.private)
    stored = await database.write(
        lambda tx: signing_keys.rotate_signing_key(INSTALLATION, tx, fresh, sealed, ACTOR, now)
    )
    return {"keyId": stored.kid, "algorithm": stored.algorithm, "signsFrom": rfc3339(stored.signs_from)}


def _has_key(tx: Transaction) -> bool:
    return any(key.retired_at is None for key in store.signing_keys(INSTALLATION, tx))


def _ensure(tx: Transaction, fresh: signing_keys.FreshKey, sealed: str, now: int) -> bool:
    return signing_keys.ensure_signing_key(INSTALLATION, tx, fresh, sealed, now)


def _shown(client: store.Client) -> dict[str, Any]:
    return {
        "clientId": client.client_id,
        "organizationId": client.organization_id,
        "scopes": sorted(client.scopes),
        "claims": sorted(client.claims),
        "revokedAt": None if client.revoked_at is None else rfc3339(client.revoked_at),
    }
