"""Standard Webhooks 1.0.0, symmetric: secrets, message ids, signatures, when to try again (webhooks.md 1, 4, 6)."""

import base64
import hashlib
import hmac
from typing import Final

PREFIX: Final = "whsec_"
SECRET_BYTES: Final = 32
ID_BYTES: Final = 10  # random ones of a message id
WAITS_S: Final = (5, 300, 1800, 7200, 18_000, 36_000, 36_000)  # before attempts 2 to 8
CROCKFORD: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def new_secret(random: bytes) -> str:
    """`whsec_` and the base64 of 32 random bytes. Raises ValueError for any other number of them."""
    if len(random) != SECRET_BYTES:
        raise ValueError(f"a webhook secret has {SECRET_BYTES} bytes, not {len(random)}")
    return PREFIX + base64.b64encode(random).decode("ascii")


def key_in(secret: str) -> bytes:
    """What signs. Raises ValueError for what is no base64."""
    return base64.b64decode(secret.removeprefix(PREFIX), validate=True)


def message_id(now: int, random: bytes) -> str:
    """A `webhook-id`: `msg_` and a ULID of `now` (ms since 1970) and 10 random bytes; the same for every attempt."""
    number = int.from_bytes(now.to_bytes(6) + random)
    return "msg_" + "".join(CROCKFORD[number >> shift & 31] for shift in range(125, -1, -5))


def signed(key: bytes, message: str, timestamp_s: int, body: bytes) -> str:
    """One signature of the `webhook-signature` header, for an attempt made at the Unix time `timestamp_s`."""
    content = f"{message}.{timestamp_s}.".encode("ascii") + body
    return "v1," + base64.b64encode(hmac.digest(key, content, hashlib.sha256)).decode("ascii")


def next_attempt_at(failed: int, now: int) -> int | None:
    """After so many failed attempts, the last one at `now` (ms): when to try again; None: it is given up."""
    return now + WAITS_S[failed - 1] * 1000 if failed <= len(WAITS_S) else None
