"""Access tokens: what they say, and whether one that is shown can be believed (accounts.yaml, AccessTokenClaims).

Decisions only: keys and time are passed in. The key decides which algorithm and which issuer count, never the token.
"""

from collections.abc import Callable, Mapping
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from openharbor.cloud.accounts.jws import Algorithm, Malformed, PublicKey, is_signed_by, json_object, take_apart
from openharbor.cloud.accounts.scopes import LIST, SCOPES

LEEWAY_S = 60
CLIENT_TOKEN_S = 300
END_USER_TOKEN_S = 3600
OPERATOR_TOKEN_S = 3600
LATEST_S = 1 << 40  # a date far beyond any token; keeps arithmetic in bounds

Seconds = Annotated[int, Meta(ge=0, le=LATEST_S)]
Moment = Annotated[int, Meta(ge=0, le=LATEST_S)] | Annotated[float, Meta(ge=0, le=LATEST_S)]
Text = Annotated[str, Meta(min_length=1, max_length=256)]
UserId = Annotated[str, Meta(min_length=1, max_length=128)]
TowerId = Annotated[str, Meta(pattern=r"\A[0-9a-f]{16}\Z")]
ScopeList = Annotated[str, Meta(pattern=rf"\A{LIST.pattern}\Z")]


class Issuer(msgspec.Struct, frozen=True):
    """Whose tokens are believed. `own`: this installation's; others' tokens do not name the organization."""

    url: str
    audience: str
    own: bool


class TrustedKey(msgspec.Struct, frozen=True):
    """A public key and whose it is. `until`: when its last token has expired, ms since 1970."""

    kid: str
    algorithm: Algorithm
    public: PublicKey
    issuer: Issuer
    until: int | None = None


class Verified(msgspec.Struct, frozen=True):
    """What a token says that was found good. `expires_s`, `issued_s`: seconds since 1970.

    `organization_id`: None in tokens of another issuer, and of an operator. `subject`: its `sub`.
    `operator`: somebody of the installation itself, whose e-mail address `client_id` is then.
    """

    kid: str
    own: bool
    client_id: str
    organization_id: int | None
    scopes: frozenset[str]
    issued_s: int
    expires_s: int
    token_id: str | None
    user_id: str | None
    tower_id: str | None
    subject: str
    operator: bool = False


class Rejected(msgspec.Struct, frozen=True):
    """Why a token is not believed; a reason for the log that quotes nothing of it."""

    reason: str


class Claims(msgspec.Struct, frozen=True, omit_defaults=True):
    """The payload of our own tokens."""

    iss: Text
    sub: Annotated[str, Meta(min_length=1, max_length=320)]
    aud: Text
    scope: ScopeList
    exp: Seconds
    iat: Seconds
    jti: Text
    organization_id: int | None = None
    user_id: UserId | None = None
    tower_id: TowerId | None = None
    operator: bool = False

    def __post_init__(self) -> None:
        if self.operator == (self.organization_id is not None):
            raise ValueError("a token is an organization's or an operator's")


class ForeignClaims(msgspec.Struct, frozen=True):
    """The payload of another issuer's tokens, as far as it is looked at."""

    iss: str
    sub: Text
    aud: str | list[str]
    exp: Moment
    iat: Moment
    scope: str = ""
    nbf: Moment | None = None
    azp: Text | None = None
    client_id: Text | None = None
    jti: Text | None = None
    typ: str = "Bearer"  # what Keycloak tells its kinds of tokens apart by
    user_id: UserId | None = None
    tower_id: TowerId | None = None


FindKey = Callable[[str], TrustedKey | None]
UnknownKey = Rejected("signed by a key that is not known")


def verify(text: str, find_key: FindKey, now: int) -> Verified | Rejected:
    """What the token says, or why it is not believed. `now`: ms since 1970."""
    try:
        signed = take_apart(text)
        key = _key_of(signed.header, find_key, now)
        if isinstance(key, Rejected):
            return key
        if not is_signed_by(key.public, signed.signature, signed.signed):
            return Rejected("signature")
        claims = json_object(signed.payload)
        read = _own(claims, key) if key.issuer.own else _foreign(claims, key)
    except Malformed as error:
        return Rejected(str(error))
    except msgspec.ValidationError:
        return Rejected("claims")
    return read if isinstance(read, Rejected) else _in_time(read, now)


def claims_for(
    issuer: Issuer,
    *,
    client_id: str,
    organization_id: int | None,
    scope: str,
    now: int,
    lives_s: int,
    token_id: str,
    user_id: str | None = None,
    tower_id: str | None = None,
) -> dict[str, Any]:
    """The payload of a token that is good from `now` (ms since 1970) for `lives_s` seconds. Raises ValueError.

    `organization_id` None: of an operator, whose e-mail address `client_id` is then.
    """
    issued = now // 1000
    claims = {
        "iss": issuer.url,
        "sub": client_id,
        "aud": issuer.audience,
        "scope": scope,
        "exp": issued + lives_s,
        "iat": issued,
        "jti": token_id,
        **({"operator": True} if organization_id is None else {"organization_id": organization_id}),
        **({} if user_id is None else {"user_id": user_id}),
        **({} if tower_id is None else {"tower_id": tower_id}),
    }
    msgspec.convert(claims, Claims)  # what we would refuse must not be signed
    return claims


def _key_of(header: Mapping[str, Any], find_key: FindKey, now: int) -> TrustedKey | Rejected:
    kid = header.get("kid")
    key = find_key(kid) if isinstance(kid, str) else None
    if key is None or (key.until is not None and key.until <= now):
        return UnknownKey
    if header.get("alg") != key.algorithm:
        return Rejected("another algorithm than its key's")
    if not _is_access_token(header.get("typ"), own=key.issuer.own):
        return Rejected("not an access token")
    return key


def _is_access_token(kind: object, *, own: bool) -> bool:
    if own:
        return kind == "JWT"
    return kind is None or (isinstance(kind, str) and kind.lower() in ("jwt", "at+jwt", "application/at+jwt"))


def _own(claims: Mapping[str, Any], key: TrustedKey) -> Verified | Rejected:
    read = msgspec.convert(claims, Claims)
    if read.iss != key.issuer.url:
        return Rejected("issuer")
    if read.aud != key.issuer.audience:
        return Rejected("audience")
    return Verified(
        key.kid,
        True,
        read.sub,
        read.organization_id,
        frozenset(read.scope.split(" ")),
        read.iat,
        read.exp,
        read.jti,
        read.user_id,
        read.tower_id,
        read.sub,
        read.operator,
    )


def _foreign(claims: Mapping[str, Any], key: TrustedKey) -> Verified | Rejected:
    read = msgspec.convert(claims, ForeignClaims)
    if read.iss != key.issuer.url:
        return Rejected("issuer")
    if key.issuer.audience not in ([read.aud] if isinstance(read.aud, str) else read.aud):
        return Rejected("audience")
    if read.typ.lower() not in ("bearer", "jwt", "at+jwt"):
        return Rejected("not an access token")
    return Verified(
        key.kid,
        False,
        read.azp or read.client_id or read.sub,
        None,
        frozenset(read.scope.split()).intersection(SCOPES),
        int(max(read.iat, read.nbf or 0)),
        int(read.exp),
        read.jti,
        read.user_id,
        read.tower_id,
        read.sub,
    )


def _in_time(read: Verified, now: int) -> Verified | Rejected:
    if read.expires_s * 1000 <= now:
        return Rejected("expired")
    if read.issued_s > now // 1000 + LEEWAY_S:
        return Rejected("from the future")
    return read


def header_for(kid: str, algorithm: Algorithm) -> dict[str, object]:
    """The header of our own tokens."""
    return {"alg": algorithm, "kid": kid, "typ": "JWT"}
