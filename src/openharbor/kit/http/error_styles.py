"""The shape of error answers: each contract has its own, and one service may serve several contracts.

GATEWAY_STYLE: gateway-local.yaml, "Error". DETAIL_STYLE: service-provider.yaml, `{"detail": …}`. OAUTH_STYLE:
accounts.yaml, `{"error": …, "error_description": …}`.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from openharbor.kit.errors import FieldFault, Refusal
from openharbor.kit.http.answers import CHALLENGE, ENCODE, JSON, NO_STORE, Header, Rendered, error_body
from openharbor.kit.http.faults import FAULT_WORDS
from openharbor.kit.http.limits import too_many_at_once
from openharbor.kit.http.oauth_words import OAUTH_WORDS
from openharbor.kit.http.routing import nothing_at
from openharbor.kit.http.wording import GATEWAY_WORDS, Words

FIXED_DETAILS = {
    405: "Method Not Allowed",
    413: "Request Entity Too Large",
    500: "Internal Server Error",
    503: "Service Unavailable",
}
FIXED_OAUTH = {
    405: ("invalid_request", "Method Not Allowed"),
    413: ("invalid_request", "Request Entity Too Large"),
    429: ("temporarily_unavailable", ""),
    500: ("server_error", "Internal server error"),
    503: ("temporarily_unavailable", "Service unavailable"),
}
BUSY = "BUSY"  # seen in logs and metrics; these contracts show no codes
OAUTH_ERROR = re.compile(r"[a-z_]+")
NOT_IN_DESCRIPTION = re.compile(r"[^ !#-\[\]-~]")  # RFC 6749, section 5.2


@dataclass(frozen=True, slots=True)
class ErrorStyle:
    """How a contract tells errors.

    `words`: for requests that do not fit. `body`: a refusal that arose at a time (ms since 1970, UTC) as JSON.
    `challenge`: the `WWW-Authenticate` header of a 401, or None. `nothing_at`: no operation at this path. `busy`: this
    many requests are being handled already. `shows_incident`: the number of a defect is a header, `x-incident`.
    """

    words: Words
    body: Callable[[Refusal, int], bytes]
    challenge: Callable[[Refusal], str | None]
    nothing_at: Callable[[str], Refusal]
    busy: Callable[[int], Refusal]
    shows_incident: bool = True


def render_refusal(style: ErrorStyle, refusal: Refusal, at: int) -> Rendered:
    """A refusal that arose at `at` (ms since 1970, UTC), with the headers that its status asks for."""
    body = style.body(refusal, at)
    headers: list[Header] = [JSON, NO_STORE, (b"content-length", b"%d" % len(body))]
    if refusal.retry_after is not None:
        headers.append((b"retry-after", b"%d" % refusal.retry_after))
    if refusal.status == 401 and (challenge := style.challenge(refusal)) is not None:
        headers.append((b"www-authenticate", challenge.encode("ascii")))
    if refusal.status == 405 and "allow" in refusal.details:
        headers.append((b"allow", refusal.details["allow"].encode("ascii")))
    if style.shows_incident and "incident" in refusal.details:
        headers.append((b"x-incident", refusal.details["incident"].encode("ascii")))
    return refusal.status, headers, body


def _detail_body(refusal: Refusal, _at: int) -> bytes:
    detail: str | tuple[FieldFault, ...] = FIXED_DETAILS.get(refusal.status, refusal.message)
    return ENCODE({"detail": refusal.faults if refusal.status == 422 and refusal.faults else detail})


def _oauth_body(refusal: Refusal, _at: int) -> bytes:
    error, description = FIXED_OAUTH.get(refusal.status, (refusal.code, ""))
    if not OAUTH_ERROR.fullmatch(error):
        error = "invalid_client" if refusal.status == 401 else "invalid_request"
    told: dict[str, Any] = {
        "error": error,
        "error_description": NOT_IN_DESCRIPTION.sub("?", description or refusal.message),
    }
    return ENCODE(told)


def _not_found(_path: str) -> Refusal:
    return Refusal("NOT_FOUND", 404, "Not Found")


def _busy(limit: int) -> Refusal:
    """The contracts know no 429 for it."""
    details = {"limitAtOnce": str(limit)}
    return Refusal(BUSY, 503, "Too many requests at once", details, retry_after=1)


GATEWAY_STYLE = ErrorStyle(
    words=GATEWAY_WORDS,
    body=error_body,
    challenge=lambda _refusal: CHALLENGE,
    nothing_at=nothing_at,
    busy=too_many_at_once,
    shows_incident=False,
)
DETAIL_STYLE = ErrorStyle(
    words=FAULT_WORDS, body=_detail_body, challenge=lambda _refusal: "Bearer", nothing_at=_not_found, busy=_busy
)
OAUTH_STYLE = ErrorStyle(
    words=OAUTH_WORDS,
    body=_oauth_body,
    # Sent when the client tried HTTP Basic, which only the handler knows: it says so in the refusal's details.
    challenge=lambda refusal: refusal.details.get("challenge"),
    nothing_at=_not_found,
    busy=_busy,
)
