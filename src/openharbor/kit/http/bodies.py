"""Request bodies: read up to a limit, and only in the form that the operation takes."""

from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from email.message import Message
from functools import lru_cache
from typing import Any

from openharbor.kit.errors import Refusal

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Unfit = Callable[[Mapping[str, str], int], Refusal | None]

READS_BODY = "openharbor.reads_body"  # set in the scope while the body is waited for; `connections` has its deadline
FORM = "application/x-www-form-urlencoded"


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


def make_unfit(fits: Callable[[str], bool], refusal: Callable[[str], Refusal]) -> Unfit:
    """What says why a body is refused for what its headers say of it: its length, or a content type that `fits` not.

    A body that is not there is not refused.
    """

    def unfit(headers: Mapping[str, str], limit: int) -> Refusal | None:
        length = headers.get("content-length", "" if "transfer-encoding" in headers else "0")
        if length.isascii() and length.isdigit():
            if length.strip("0") == "":
                return None
            if len(length) > 18 or int(length) > limit:
                return too_large(limit)
        given = headers.get("content-type", "")
        return None if fits(given) else refusal(given)

    return unfit


def too_large(limit: int) -> Refusal:
    return Refusal("PAYLOAD_TOO_LARGE", 413, "The body is larger than allowed", {"maxBytes": str(limit)})


@lru_cache(maxsize=64)
def is_json(content_type: str) -> bool:
    """Whether this is `application/json`, in UTF-8 where it names a charset."""
    return content_type == "application/json" or _is_utf8_of("application/json", content_type)


def is_json_or_untyped(content_type: str) -> bool:
    """Whether this is no content type at all, or `is_json`."""
    return not content_type or is_json(content_type)


@lru_cache(maxsize=64)
def is_form(content_type: str) -> bool:
    """Whether this is a form (`FORM`), in UTF-8 where it names a charset."""
    return _is_utf8_of(FORM, content_type)


def _is_utf8_of(wanted: str, content_type: str) -> bool:
    parsed = Message()
    parsed["content-type"] = content_type
    essence = content_type.partition(";")[0].strip().lower()
    charset = parsed.get_content_charset("utf-8")
    return essence == wanted and charset in ("utf-8", "utf8")
