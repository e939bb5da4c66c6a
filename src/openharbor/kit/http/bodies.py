"""Request bodies: read up to a limit, and only as JSON."""

from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from email.message import Message
from functools import lru_cache
from typing import Any

from openharbor.kit.errors import Refusal

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]

READS_BODY = "openharbor.reads_body"  # set in the scope while the body is waited for; `connections` has its deadline
LONGEST_SHOWN = 100


async def read_body(scope: MutableMapping[str, Any], receive: Receive, limit: int) -> bytes | Refusal | None:
    """The whole body, None when the client went away, or 413 without reading on; `limit` in bytes."""
    scope[READS_BODY] = True
    message = await receive()
    if message["type"] == "http.request" and not message.get("more_body", False):
        body: bytes = message.get("body", b"")
        return body if len(body) <= limit else too_large(limit)
    return await _read_rest(message, receive, limit)


async def _read_rest(message: MutableMapping[str, Any], receive: Receive, limit: int) -> bytes | Refusal | None:
    parts: list[bytes] = []
    size = 0
    while message["type"] == "http.request":
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > limit:
            return too_large(limit)
        if not message.get("more_body", False):
            return b"".join(parts)
        message = await receive()
    return None


def unfit(headers: Mapping[str, str], limit: int) -> Refusal | None:
    """Why a body is refused for what its headers say of it. A body that is not there is not refused."""
    length = headers.get("content-length", "" if "transfer-encoding" in headers else "0")
    if length.isascii() and length.isdigit():
        if length.strip("0") == "":
            return None
        if len(length) > 18 or int(length) > limit:
            return too_large(limit)
    given = headers.get("content-type", "")
    return None if is_json(given) else not_json_type(given)


def too_large(limit: int) -> Refusal:
    return Refusal("PAYLOAD_TOO_LARGE", 413, "The body is larger than allowed", {"maxBytes": str(limit)})


def not_json_type(given: str) -> Refusal:
    details = {"contentType": given[:LONGEST_SHOWN]}
    return Refusal("UNSUPPORTED_MEDIA_TYPE", 415, "The body must be application/json", details)


@lru_cache(maxsize=64)
def is_json(content_type: str) -> bool:
    """Whether this is `application/json`, in UTF-8 where it names a charset."""
    if content_type == "application/json":
        return True
    parsed = Message()
    parsed["content-type"] = content_type
    essence = content_type.partition(";")[0].strip().lower()
    charset = parsed.get_content_charset("utf-8")
    return essence == "application/json" and charset in ("utf-8", "utf8")
