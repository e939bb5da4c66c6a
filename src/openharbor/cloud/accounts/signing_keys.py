"""Keys that sign access tokens: made, published before they sign, listed until their last token has expired.

Several processes share them through the database; each reads them again every few seconds. That, and the time for
which others may keep the published set, is less than the time between publishing a key and signing with it.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_private_key,
)

from openharbor.cloud import audit
from openharbor.cloud.accounts import store
from openharbor.cloud.accounts.jwk import to_jwk
from openharbor.cloud.accounts.jws import Algorithm, PrivateKey, algorithm_of
from openharbor.cloud.accounts.store import StoredKey
from openharbor.cloud.scope import TenantScope
from openharbor.kit.database.face import Transaction
from openharbor.kit.errors import Failed

CERTS_KEPT_S = 300  # by whoever fetches them: Cache-Control of certs
PUBLISHED_AHEAD_MS = (CERTS_KEPT_S + 60) * 1000
LONGEST_TOKEN_MS = 3_600_000  # an end user's
LISTED_AFTER_MS = LONGEST_TOKEN_MS + 120_000
RSA_BITS = 2048
SUFFIX_BYTES = 4


class SigningKey(msgspec.Struct, frozen=True):
    """A key in memory. `private` has no readable form. Signs from `signs_from` until `retired_at`, ms since 1970."""

    kid: str
    jwk: dict[str, str]
    private: PrivateKey
    signs_from: int
    retired_at: int | None

    def __repr__(self) -> str:
        return f"SigningKey({self.kid!r})"


class FreshKey(msgspec.Struct, frozen=True):
    """A key just made: its name, both halves, and the private one as bytes to be sealed."""

    kid: str
    algorithm: Algorithm
    jwk: dict[str, str]
    private: bytes

    def __repr__(self) -> str:
        return f"FreshKey({self.kid!r})"


def make_key(algorithm: Algorithm, random: bytes, now: int) -> FreshKey:
    """A new key pair; `random`: 4 bytes that make its name unique. RSA takes a tenth of a second and more."""
    private = new_private_key(algorithm)
    day = datetime.fromtimestamp(now / 1000, UTC).strftime("%Y-%m-%d")
    kid = f"{day}-{'ed25519' if algorithm == 'EdDSA' else 'rsa'}-{random[:SUFFIX_BYTES].hex()}"
    der = private.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    return FreshKey(kid, algorithm, to_jwk(kid, private.public_key()), der)


def new_private_key(algorithm: Algorithm) -> PrivateKey:
    """Ed25519, or RSA of 2048 bits."""
    if algorithm == "EdDSA":
        return Ed25519PrivateKey.generate()
    return rsa.generate_private_key(public_exponent=65537, key_size=RSA_BITS)


def read_private_key(der: bytes) -> PrivateKey:
    """The private half as it was sealed. Raises Failed when it is none."""
    key: Any = load_der_private_key(der, None)
    if not isinstance(key, Ed25519PrivateKey | rsa.RSAPrivateKey):
        raise Failed("A stored signing key is of a kind that this release does not know")
    return key


def ensure_signing_key(scope: TenantScope, tx: Transaction, fresh: FreshKey, sealed: str, now: int) -> bool:
    """Stores the first key, which signs at once; whether it was needed."""
    if any(key.retired_at is None for key in store.signing_keys(scope, tx)):
        return False
    store.add_signing_key(scope, tx, _stored(fresh, sealed, now, signs_from=now))
    audit.note(scope, tx, at=now, actor="command line", action="signing_key.create", outcome=fresh.kid)
    return True


def rotate_signing_key(
    scope: TenantScope, tx: Transaction, fresh: FreshKey, sealed: str, actor: str, now: int
) -> StoredKey:
    """Publishes a new key; it signs, and the others retire, six minutes later. Forgets keys long retired.

    Raises Failed while an earlier rotation is not over: its key could not be told to others in time.
    """
    keys = store.signing_keys(scope, tx)
    if any(key.signs_from > now for key in keys):
        raise Failed("The last rotation is not over; wait a few minutes and try again")
    signs_from = now + PUBLISHED_AHEAD_MS if keys else now
    store.retire_signing_keys(scope, tx, [key.kid for key in keys], signs_from)
    stored = _stored(fresh, sealed, now, signs_from=signs_from)
    store.add_signing_key(scope, tx, stored)
    store.forget_signing_keys(scope, tx, now - LISTED_AFTER_MS)
    audit.note(scope, tx, at=now, actor=actor, action="signing_key.rotate", outcome=fresh.kid)
    return stored


def signer_at(keys: Iterable[SigningKey], now: int) -> SigningKey | None:
    """The key that signs: the last to have begun."""
    begun = [key for key in keys if key.signs_from <= now and (key.retired_at is None or key.retired_at > now)]
    return max(begun, key=lambda key: (key.signs_from, key.kid), default=None)


def listed_at(keys: Iterable[SigningKey], now: int) -> list[SigningKey]:
    """Keys to be published: the one that signs, those that will, and those whose tokens may still be good."""
    known = [key for key in keys if key.retired_at is None or key.retired_at + LISTED_AFTER_MS > now]
    signer = signer_at(known, now)
    return sorted(known, key=lambda key: (key is not signer, -key.signs_from, key.kid))


def is_trusted(key: SigningKey, now: int) -> bool:
    """Whether a token may still be signed by this key."""
    return key.retired_at is None or key.retired_at + LISTED_AFTER_MS > now


def unsealed(stored: Sequence[StoredKey], private: Sequence[bytes]) -> tuple[SigningKey, ...]:
    """Keys for memory, of rows and their private halves opened."""
    return tuple(
        SigningKey(row.kid, row.public_jwk, read_private_key(der), row.signs_from, row.retired_at)
        for row, der in zip(stored, private, strict=True)
    )


def signing_algorithm(key: SigningKey) -> Algorithm:
    """What the header of its tokens names."""
    return algorithm_of(key.private)


def _stored(fresh: FreshKey, sealed: str, now: int, *, signs_from: int) -> StoredKey:
    return StoredKey(fresh.kid, fresh.algorithm, fresh.jwk, sealed, now, signs_from)
