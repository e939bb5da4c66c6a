"""Requests and answers of the accounts and of the login operations, field for field the contracts."""

from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType


class TokenForm(msgspec.Struct, frozen=True):
    """accounts.yaml, TokenRequest. A parameter without a value counts as left out (RFC 6749, 3.2)."""

    grant_type: str
    scope: Annotated[str, Meta(max_length=256)] = ""
    client_id: Annotated[str, Meta(max_length=128)] = ""
    client_secret: Annotated[str, Meta(max_length=512)] = ""
    refresh_token: Annotated[str, Meta(max_length=512)] = ""

    def __repr__(self) -> str:
        return "TokenForm()"


class TokenHeaders(msgspec.Struct, frozen=True):
    """What the token endpoint reads of the headers."""

    authorization: str | UnsetType = msgspec.field(default=UNSET, name="Authorization")

    def __repr__(self) -> str:
        return "TokenHeaders()"


class TokenResponse(msgspec.Struct, frozen=True):
    """accounts.yaml."""

    access_token: str
    refresh_token: str | None
    refresh_expires_in: int
    expires_in: int
    token_type: str
    scope: str

    def __repr__(self) -> str:
        return f"TokenResponse(scope={self.scope!r})"


class JwkSet(msgspec.Struct, frozen=True):
    """accounts.yaml."""

    keys: list[dict[str, str]]


class OpenIdConfiguration(msgspec.Struct, frozen=True):
    """accounts.yaml."""

    issuer: str
    token_endpoint: str
    jwks_uri: str
    grant_types_supported: tuple[str, ...]
    token_endpoint_auth_methods_supported: tuple[str, ...]
    scopes_supported: tuple[str, ...]
    response_types_supported: tuple[str, ...]
    subject_types_supported: tuple[str, ...]
    id_token_signing_alg_values_supported: tuple[str, ...]


class TokenInfo(msgspec.Struct, frozen=True, rename="camel"):
    """service-provider.yaml."""

    client_id: str
    organization_id: int
    scopes: list[str]
    expires: str


class AuthorizeRequest(msgspec.Struct, frozen=True, rename="camel"):
    """service-provider.yaml."""

    user_id: Annotated[str, Meta(min_length=1, max_length=128)]


class AuthorizeResult(msgspec.Struct, frozen=True):
    """service-provider.yaml."""

    access_token: str
    token_type: str
    expires_in: int

    def __repr__(self) -> str:
        return "AuthorizeResult()"
