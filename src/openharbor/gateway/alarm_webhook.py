"""Where an alarm's webhook goes, and how an attempt is signed (webhooks.md 1, 4). Pure."""

from ipaddress import ip_address
from urllib.parse import urlsplit

from openharbor.kit.errors import Failed
from openharbor.kit.webhooks import PREFIX, SECRET_BYTES, key_in, signed

LONGEST_URL = 2048


def key_of(secret: str) -> bytes:
    """What signs. Raises ValueError, without the secret in it."""
    try:
        key = key_in(secret)
    except ValueError:
        key = b""
    if not secret.startswith(PREFIX) or len(key) != SECRET_BYTES:
        raise ValueError(f"a webhook secret is {PREFIX} and the base64 of {SECRET_BYTES} bytes")
    return key


def headers(key: bytes, message: str, timestamp_s: int, body: bytes) -> dict[str, str]:
    """What identifies and signs one attempt, made at the Unix time `timestamp_s`."""
    return {
        "content-type": "application/json",
        "webhook-id": message,
        "webhook-timestamp": str(timestamp_s),
        "webhook-signature": signed(key, message, timestamp_s, body),
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
