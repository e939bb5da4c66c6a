"""What a token request asks, read from its form and its Authorization header (accounts.yaml; RFC 6749, 2.3.1 and 5.2).

Refusals carry the error of OAuth 2.0 as their code.
"""

import binascii
from base64 import b64decode
from collections.abc import Mapping
from typing import Literal
from urllib.parse import unquote_plus

import msgspec

from openharbor.cloud.accounts.messages import TokenForm
from openharbor.cloud.accounts.scopes import unknown_scopes
from openharbor.kit.errors import NO_DETAILS, Refusal

Grant = Literal["client_credentials", "refresh_token"]

BASIC = 'Basic realm="harbor"'
CHALLENGE: Mapping[str, str] = {"challenge": BASIC}
LONGEST_BASIC = 2048
LONGEST_SHOWN = 100
BOTH_WAYS = "Client credentials must be given once, in the form or in the Authorization header"


class TokenRequest(msgspec.Struct, frozen=True):
    """A request that can be looked at. `by_basic`: the client showed its secret in the header.

    `scopes` None: every scope the client has.
    """

    grant: Grant
    client_id: str
    secret: str
    by_basic: bool
    scopes: tuple[str, ...] | None
    refresh_token: str

    def __repr__(self) -> str:
        return f"TokenRequest({self.grant!r})"


def read_request(form: TokenForm, authorization: str | None) -> TokenRequest | Refusal:
    """The request, or 400 for one that cannot be understood, or 401 for one that shows no client."""
    if not form.grant_type:
        return missing("grant_type")
    if form.grant_type not in ("client_credentials", "refresh_token"):
        return Refusal("unsupported_grant_type", 400, "Unsupported grant_type")
    if form.grant_type == "refresh_token" and not form.refresh_token:
        return missing("refresh_token")
    shown = _credentials(form, authorization)
    if isinstance(shown, Refusal):
        return shown
    client_id, secret, by_basic = shown
    scopes = tuple(form.scope.split(" ")) if form.scope else None
    grant: Grant = "refresh_token" if form.grant_type == "refresh_token" else "client_credentials"
    return TokenRequest(grant, client_id, secret, by_basic, scopes, form.refresh_token)


def granted_scopes(asked: tuple[str, ...] | None, has: frozenset[str]) -> frozenset[str] | Refusal:
    """What a client gets of what it has, or 400 invalid_scope that names what it may not have."""
    if asked is None:
        return has
    return invalid_scope(unknown_scopes(asked, has)) if unknown_scopes(asked, has) else frozenset(asked)


def invalid_client(*, by_basic: bool) -> Refusal:
    """401; the challenge is sent only to who tried HTTP Basic."""
    message = "Invalid client or Invalid client credentials"
    return Refusal("invalid_client", 401, message, CHALLENGE if by_basic else NO_DETAILS)


def invalid_scope(scopes: tuple[str, ...]) -> Refusal:
    return Refusal("invalid_scope", 400, f"Invalid scopes: {' '.join(scopes)[:LONGEST_SHOWN]}")


def invalid_grant() -> Refusal:
    return Refusal("invalid_grant", 400, "Invalid refresh token")


def missing(parameter: str) -> Refusal:
    return Refusal("invalid_request", 400, f"Missing form parameter: {parameter}")


def too_many_failures(wait: int) -> Refusal:
    """429; `wait` in s."""
    return Refusal("temporarily_unavailable", 429, "Too many failed requests", retry_after=wait)


def _credentials(form: TokenForm, authorization: str | None) -> tuple[str, str, bool] | Refusal:
    """Client id, secret, and whether they came by Basic. A client id alone in the form may repeat the header's."""
    if authorization is None:
        if form.client_id and form.client_secret:
            return form.client_id, form.client_secret, False
        return invalid_client(by_basic=False)
    scheme, _, encoded = authorization.partition(" ")
    if scheme.lower() != "basic":
        return invalid_client(by_basic=False)
    basic = _basic(encoded.strip())
    if basic is None:
        return invalid_client(by_basic=True)
    if form.client_secret or form.client_id not in ("", basic[0]):
        return Refusal("invalid_request", 400, BOTH_WAYS)
    return *basic, True


def _basic(encoded: str) -> tuple[str, str] | None:
    """Id and secret; each was form encoded before (RFC 6749, 2.3.1)."""
    if len(encoded) > LONGEST_BASIC:
        return None
    try:
        text = b64decode(encoded, validate=True).decode("utf-8")
    except (binascii.Error, ValueError):
        return None
    client_id, colon, secret = text.partition(":")
    return (unquote_plus(client_id), unquote_plus(secret)) if colon and client_id and secret else None
