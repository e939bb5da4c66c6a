"""How an alarm's webhook is signed, and when it is tried again: Standard Webhooks 1.0.0 (webhooks.md 1, 4, 6). Pure."""

import base64
import hashlib
import hmac
from ipaddress import ip_address
from urllib.parse import urlsplit

from openharbor.kit.errors import Failed

PREFIX = "whsec_"
SECRET_BYTES = 32
WAITS_S = (5, 300, 1800, 7200, 18_000, 36_000, 36_000)  # before attempts 2 to 8
LONGEST_URL = 2048
CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def next_attempt_at(failed: int, now: int) -> int | None:
    """After so many failed attempts, the last one at `now` (ms): when to try again; None: it is given up."""
    return now + WAITS_S[failed - 1] * 1000 if failed <= len(WAITS_S) else None


def new_secret(random: bytes) -> str:
    """`whsec_` and the base64 of 32 random bytes. Raises ValueError for any other number of them."""
    if len(random) != SECRET_BYTES:
        raise ValueError(f"a webhook secret has {SECRET_BYTES} bytes, not {len(random)}")
    return PREFIX + base64.b64encode(random).decode("ascii")


def key_of(secret: str) -> bytes:
    """What signs. Raises ValueError, without the secret in it."""
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except ValueError:
        key = b""
    if not secret.startswith(PREFIX) or len(key) != SECRET_BYTES:
        raise ValueError(f"a webhook secret is {PREFIX} and the base64 of {SECRET_BYTES} bytes")
    return key


def message_id(now: int, random: bytes) -> str:
    """`msg_` and a ULID of `now` (ms since 1970) and 10 random bytes; the same for every attempt."""
    number = int.from_bytes(now.to_bytes(6) + random)
    return "msg_" + "".join(CROCKFORD[number >> shift & 31] for shift in range(125, -1, -5))


def headers(key: bytes, message: str, timestamp_s: int, body: bytes) -> dict[str, str]:
    """What identifies and signs one attempt, made at the Unix time `timestamp_s`."""
    content = f"{message}.{timestamp_s}.".encode("ascii") + body
    signature = base64.b64encode(hmac.digest(key, content, hashlib.sha256)).decode("ascii")
    return {
        "content-type": "application/json",
        "webhook-id": message,
        "webhook-timestamp": str(timestamp_s),
        "webhook-signature": f"v1,{signature}",
    }


def checked_url(url: str) -> str:
    """The URL of a setting: https, or http to this machine. Private addresses are right here: the receiver often stands
    beside the gateway, and only its operator can name one. Raises Failed (exit code 2)."""
    parts = urlsplit(url if len(url) <= LONGEST_URL and url.isascii() and url.isprintable() else "")
    if not parts.hostname or parts.username is not None or " " in url or not _has_port(parts.netloc):
        raise Failed("alarm_webhook_url: must be a URL with a host, without a user name and spaces", 2)
    if parts.scheme != "https" and not (parts.scheme == "http" and _is_loopback(parts.hostname)):
        raise Failed("alarm_webhook_url: must begin with https://, or with http:// for a loopback address", 2)
    return url


def _has_port(netloc: str) -> bool:
    try:
        return urlsplit(f"//{netloc}").port != 0
    except ValueError:
        return False


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
