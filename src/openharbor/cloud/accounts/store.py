"""SQL of the accounts: clients, refresh tokens, signing keys, operators. Times in ms since 1970, UTC."""

import json
from collections.abc import Iterable, Sequence

import msgspec

from openharbor.cloud.scope import TenantScope
from openharbor.kit.database.face import Row, Transaction


class Client(msgspec.Struct, frozen=True):
    """A service provider's way in. `secret_digest`: SHA-256 in hex. `claims`: of `claims.STAFF`."""

    client_id: str
    organization_id: int
    secret_digest: str
    scopes: frozenset[str]
    revoked_at: int | None = None
    claims: frozenset[str] = frozenset()

    def __repr__(self) -> str:
        return f"Client({self.client_id!r}, organization_id={self.organization_id}, revoked_at={self.revoked_at})"


class StoredKey(msgspec.Struct, frozen=True):
    """A row of `signing_keys`; `sealed_private` is sealed under the master key."""

    kid: str
    algorithm: str
    public_jwk: dict[str, str]
    sealed_private: str
    created_at: int
    signs_from: int
    retired_at: int | None = None

    def __repr__(self) -> str:
        return f"StoredKey({self.kid!r}, signs_from={self.signs_from}, retired_at={self.retired_at})"


class RefreshToken(msgspec.Struct, frozen=True):
    """A row of `refresh_tokens`. `family`: names all tokens that replaced one another."""

    digest: str
    family: str
    client_id: str
    scopes: str
    user_id: str | None
    expires_at: int
    used_at: int | None = None


CLIENT = "SELECT client_id, organization_id, secret_digest, scopes, revoked_at, claims FROM clients"
OF_SCOPE = "(CAST(:organization_id AS BIGINT) IS NULL OR organization_id = :organization_id)"


def find_organization(_scope: TenantScope, tx: Transaction, name: str) -> int | None:
    row = tx.one("SELECT id FROM organizations WHERE name = :name", name=name)
    return None if row is None else int(row["id"])


def add_organization(_scope: TenantScope, tx: Transaction, organization_id: int, name: str, now: int) -> None:
    tx.execute(
        "INSERT INTO organizations (id, key, name, created_at) VALUES (:id, NULL, :name, :now)",
        id=organization_id,
        name=name,
        now=now,
    )


def find_client(scope: TenantScope, tx: Transaction, client_id: str) -> Client | None:
    row = tx.one(
        f"{CLIENT} WHERE client_id = :client_id AND {OF_SCOPE}",
        client_id=client_id,
        organization_id=scope.organization_id,
    )
    return None if row is None else _client(row)


def all_clients(scope: TenantScope, tx: Transaction) -> list[Client]:
    rows = tx.all(
        f"{CLIENT} WHERE {OF_SCOPE} ORDER BY client_id",
        organization_id=scope.organization_id,
    )
    return [_client(row) for row in rows]


def count_clients(_scope: TenantScope, tx: Transaction) -> tuple[int, int]:
    """All of them, and those revoked: clients are neither deleted nor revived, so any change changes the pair."""
    row = tx.one("SELECT count(*) AS made, count(revoked_at) AS revoked FROM clients")
    return (0, 0) if row is None else (int(row["made"]), int(row["revoked"]))


def add_client(_scope: TenantScope, tx: Transaction, client: Client, now: int) -> None:
    tx.execute(
        "INSERT INTO clients (client_id, organization_id, secret_digest, scopes, created_at, claims)"
        " VALUES (:client_id, :organization_id, :secret_digest, :scopes, :now, :claims)",
        client_id=client.client_id,
        organization_id=client.organization_id,
        secret_digest=client.secret_digest,
        scopes=" ".join(sorted(client.scopes)),
        now=now,
        claims=json.dumps(sorted(client.claims)),
    )


def set_claims(scope: TenantScope, tx: Transaction, client_id: str, claims: Iterable[str]) -> bool:
    """Whether there was a client to change."""
    changed = tx.execute(
        f"UPDATE clients SET claims = :claims WHERE client_id = :client_id AND revoked_at IS NULL AND {OF_SCOPE}",  # noqa: S608  # constants
        client_id=client_id,
        claims=json.dumps(sorted(claims)),
        organization_id=scope.organization_id,
    )
    return changed == 1


def end_client(scope: TenantScope, tx: Transaction, client_id: str, now: int) -> bool:
    """Whether there was one to revoke."""
    changed = tx.execute(
        f"UPDATE clients SET revoked_at = :now WHERE client_id = :client_id AND revoked_at IS NULL AND {OF_SCOPE}",  # noqa: S608  # constants
        client_id=client_id,
        now=now,
        organization_id=scope.organization_id,
    )
    return changed == 1


def add_refresh_token(_scope: TenantScope, tx: Transaction, token: RefreshToken) -> None:
    tx.execute(
        "INSERT INTO refresh_tokens (digest, family, client_id, scopes, user_id, expires_at)"
        " VALUES (:digest, :family, :client_id, :scopes, :user_id, :expires_at)",
        digest=token.digest,
        family=token.family,
        client_id=token.client_id,
        scopes=token.scopes,
        user_id=token.user_id,
        expires_at=token.expires_at,
    )


def lock_refresh_token(_scope: TenantScope, tx: Transaction, digest: str) -> RefreshToken | None:
    row = tx.one(
        "SELECT digest, family, client_id, scopes, user_id, expires_at, used_at FROM refresh_tokens"
        " WHERE digest = :digest FOR UPDATE",
        digest=digest,
    )
    if row is None:
        return None
    return RefreshToken(
        row["digest"],
        row["family"],
        row["client_id"],
        row["scopes"],
        row["user_id"],
        row["expires_at"],
        row["used_at"],
    )


def use_refresh_token(_scope: TenantScope, tx: Transaction, digest: str, now: int) -> None:
    tx.execute("UPDATE refresh_tokens SET used_at = :now WHERE digest = :digest", digest=digest, now=now)


def end_family(_scope: TenantScope, tx: Transaction, family: str) -> int:
    return tx.execute("DELETE FROM refresh_tokens WHERE family = :family", family=family)


def end_tokens_of_client(_scope: TenantScope, tx: Transaction, client_id: str) -> int:
    return tx.execute("DELETE FROM refresh_tokens WHERE client_id = :client_id", client_id=client_id)


def forget_expired(_scope: TenantScope, tx: Transaction, now: int) -> int:
    """Removes refresh tokens that are good for nothing any more."""
    return tx.execute("DELETE FROM refresh_tokens WHERE expires_at <= :now", now=now)


def signing_keys(_scope: TenantScope, tx: Transaction) -> list[StoredKey]:
    rows = tx.all(
        "SELECT kid, algorithm, public_jwk, sealed_private, created_at, signs_from, retired_at FROM signing_keys"
        " ORDER BY signs_from, kid"
    )
    return [
        StoredKey(
            row["kid"],
            row["algorithm"],
            json.loads(row["public_jwk"]),
            row["sealed_private"],
            row["created_at"],
            row["signs_from"],
            row["retired_at"],
        )
        for row in rows
    ]


def add_signing_key(_scope: TenantScope, tx: Transaction, key: StoredKey) -> None:
    tx.execute(
        "INSERT INTO signing_keys (kid, algorithm, public_jwk, sealed_private, created_at, signs_from)"
        " VALUES (:kid, :algorithm, :public_jwk, :sealed_private, :created_at, :signs_from)",
        kid=key.kid,
        algorithm=key.algorithm,
        public_jwk=json.dumps(key.public_jwk),
        sealed_private=key.sealed_private,
        created_at=key.created_at,
        signs_from=key.signs_from,
    )


def retire_signing_keys(_scope: TenantScope, tx: Transaction, kids: Sequence[str], at: int) -> None:
    rows: list[dict[str, object]] = [{"kid": kid, "at": at} for kid in kids]
    tx.execute_many("UPDATE signing_keys SET retired_at = :at WHERE kid = :kid AND retired_at IS NULL", rows)


def forget_signing_keys(_scope: TenantScope, tx: Transaction, retired_before: int) -> int:
    return tx.execute("DELETE FROM signing_keys WHERE retired_at < :before", before=retired_before)


def find_operator(_scope: TenantScope, tx: Transaction, email: str) -> str | None:
    """The hash of the operator's password."""
    row = tx.one("SELECT password_hash FROM operators WHERE email = :email", email=email)
    return None if row is None else str(row["password_hash"])


def add_operator(_scope: TenantScope, tx: Transaction, email: str, password_hash: str, now: int) -> None:
    tx.execute(
        "INSERT INTO operators (email, password_hash, created_at) VALUES (:email, :password_hash, :now)",
        email=email,
        password_hash=password_hash,
        now=now,
    )


def _client(row: Row) -> Client:
    return Client(
        row["client_id"],
        row["organization_id"],
        row["secret_digest"],
        frozenset(row["scopes"].split()),
        row["revoked_at"],
        frozenset(json.loads(row["claims"])),
    )
