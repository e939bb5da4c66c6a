"""Signatures of webhooks: Standard Webhooks 1.0.0, symmetric (webhooks.md 4)."""

import base64
import hashlib
import hmac
from collections.abc import Sequence

import msgspec

PREFIX = "whsec_"
SECRET_BYTES = 32
ROTATION_MS = 24 * 3_600_000  # for which the secret before also signs


class Secrets(msgspec.Struct, frozen=True):
    """An endpoint's secrets, sealed. `previous_until`: ms since 1970."""

    sealed: str
    sealed_previous: str | None = None
    previous_until: int | None = None


def new_secret(random: bytes) -> str:
    """`whsec_` and the base64 of 32 random bytes. Raises ValueError for any other number of them."""
    if len(random) != SECRET_BYTES:
        raise ValueError(f"a webhook secret has {SECRET_BYTES} bytes, not {len(random)}")
    return PREFIX + base64.b64encode(random).decode("ascii")


def rotated(secrets: Secrets, sealed: str, now: int) -> Secrets:
    """The secrets after a new one was made at `now`: the one before signs for another 24 hours."""
    return Secrets(sealed, secrets.sealed, now + ROTATION_MS)


def signing(secrets: Secrets, now: int) -> tuple[str, ...]:
    """Which sealed secrets sign at `now`, newest first."""
    if secrets.sealed_previous is None or secrets.previous_until is None or now >= secrets.previous_until:
        return (secrets.sealed,)
    return secrets.sealed, secrets.sealed_previous


def signature(secrets: Sequence[str], message_id: str, timestamp_s: int, body: bytes) -> str:
    """The `webhook-signature` header: one signature for each secret, in their order."""
    content = f"{message_id}.{timestamp_s}.".encode("ascii") + body
    return " ".join(f"v1,{_signed(secret, content)}" for secret in secrets)


def _signed(secret: str, content: bytes) -> str:
    key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    return base64.b64encode(hmac.digest(key, content, hashlib.sha256)).decode("ascii")
