"""Which secrets of an endpoint sign, and the header that they make (webhooks.md 4)."""

from collections.abc import Sequence

import msgspec

from openharbor.kit.webhooks import key_in, signed

ROTATION_MS = 24 * 3_600_000  # for which the secret before also signs


class Secrets(msgspec.Struct, frozen=True):
    """An endpoint's secrets, sealed. `previous_until`: ms since 1970."""

    sealed: str
    sealed_previous: str | None = None
    previous_until: int | None = None


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
    return " ".join(signed(key_in(secret), message_id, timestamp_s, body) for secret in secrets)
