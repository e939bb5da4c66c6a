"""What a type cannot say of a link's fields: limits in bytes, the form of a URL, the payload as it was given. Pure."""

import re
from urllib.parse import urlsplit

import msgspec

from openharbor.cloud.links.messages import LinkRequest
from openharbor.kit.errors import Refusal
from openharbor.kit.http.faults import field_fault

MOST_CLIENT_INFO = 500  # bytes of UTF-8
MOST_PAYLOAD = 4096  # bytes of JSON without white space
LONGEST_URL = 2048  # characters
URL = re.compile(r"https?://[!-~]+")
COMPACT = -1


class Texts(msgspec.Struct, frozen=True):
    """`payload`: a JSON object as text, without white space between its parts."""

    return_url: str
    client_info: str
    payload: str


class _Payload(msgspec.Struct):
    payload: msgspec.Raw = msgspec.Raw(b"{}")


_decode = msgspec.json.Decoder(_Payload).decode


def texts_of(body: LinkRequest, raw_body: bytes) -> Texts | Refusal:
    """The texts of a request that was decoded from `raw_body`, or 422 naming the field."""
    if len(body.client_info.encode()) > MOST_CLIENT_INFO:
        return _too_long("clientInfo", MOST_CLIENT_INFO)
    refusal = _unfit_url(body.return_url)
    if refusal is not None:
        return refusal
    payload = msgspec.json.format(bytes(_decode(raw_body).payload), indent=COMPACT)
    if len(payload) > MOST_PAYLOAD:
        return _too_long("payload", MOST_PAYLOAD)
    return Texts(body.return_url, body.client_info, payload.decode())


def _unfit_url(url: str) -> Refusal | None:
    """Empty, or http or https with a host. It becomes a link on a page: no other scheme, no white space."""
    loc = ("body", "returnUrl")
    if not url:
        return None
    if len(url) > LONGEST_URL:
        return field_fault(loc, f"String should have at most {LONGEST_URL} characters", "string_too_long")
    if not url.startswith(("http://", "https://")):
        return field_fault(loc, "String should match pattern '^https?://'", "string_pattern_mismatch")
    if not URL.fullmatch(url) or not _has_host(url):
        return field_fault(loc, "Input should be a valid URL", "url_parsing")
    return None


def _has_host(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _too_long(field: str, most: int) -> Refusal:
    return field_fault(("body", field), f"Value should have at most {most} bytes")
