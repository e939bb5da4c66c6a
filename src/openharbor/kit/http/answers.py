"""What leaves: answers and refusals as status, headers and bytes."""

import msgspec

from openharbor.kit.errors import Refusal
from openharbor.kit.http.operation import Answer
from openharbor.kit.http.timestamps import rfc3339

Header = tuple[bytes, bytes]
Rendered = tuple[int, list[Header], bytes]

JSON: Header = (b"content-type", b"application/json")
NO_STORE: Header = (b"cache-control", b"no-store")
CHALLENGE = 'Bearer realm="openharbor"'
STRICT_POLICY = b"default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'"
PAGE_HEADERS: tuple[Header, ...] = (
    (b"content-security-policy", STRICT_POLICY),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
)
BODILESS = (204, 304)
ENCODE = msgspec.json.Encoder().encode


class ErrorBody(msgspec.Struct, frozen=True, gc=False):
    """The contract's Error."""

    error: str
    message: str
    timestamp: str
    details: dict[str, str]


def error_body(refusal: Refusal, at: int) -> bytes:
    """The JSON body of a refusal that arose at `at` (ms since 1970, UTC)."""
    return ENCODE(ErrorBody(refusal.code, refusal.message, rfc3339(at), dict(refusal.details)))


def render_answer(answer: Answer) -> Rendered:
    """An answer. Raises ValueError or TypeError for what cannot be sent: a defect of the handler."""
    body = answer.body
    payload = b"" if body is None else body if isinstance(body, bytes) else ENCODE(body)
    headers = _headers_for(answer.media_type, payload, answer.status, has_body=body is not None)
    if answer.headers:
        given = [_checked(name, value) for name, value in answer.headers.items()]
        names = {name for name, _ in given}
        headers = [header for header in headers if header[0] not in names] + given
    return answer.status, headers, payload


def _headers_for(media_type: str, payload: bytes, status: int, *, has_body: bool) -> list[Header]:
    length = (b"content-length", b"%d" % len(payload))
    if media_type == "application/json" and has_body:
        return [JSON, NO_STORE, length]
    headers: list[Header] = [NO_STORE] if status in BODILESS else [NO_STORE, length]
    if has_body:
        headers.append((b"content-type", media_type.encode("latin-1")))
        if media_type.startswith("text/html"):
            headers.extend(PAGE_HEADERS)
    return headers


def _checked(name: str, value: str) -> Header:
    """A line break in a value would begin another header; the server finds out too late to answer 500."""
    if not value.isprintable():
        raise ValueError(f"the header {name} has a control character")
    return name.lower().encode("ascii"), value.encode("latin-1")
