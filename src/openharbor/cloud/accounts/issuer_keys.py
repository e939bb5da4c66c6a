"""The keys of another OpenID Connect issuer, such as Keycloak: found by discovery, fetched again as they change."""

from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit

import structlog

from openharbor.cloud.accounts.jwk import from_jwk
from openharbor.cloud.accounts.jws import Malformed, algorithm_of, json_object
from openharbor.cloud.accounts.tokens import Issuer, TrustedKey
from openharbor.kit.clock import Clock
from openharbor.kit.errors import NOT_REACHABLE, Failed

REFRESH_S = 300.0
SOONEST_S = 30.0  # between two refreshes, whatever tokens are shown
MOST_KEYS = 100
log = structlog.get_logger("openharbor.accounts")

Fetch = Callable[[str], Awaitable[bytes]]


class Unreachable(Exception):
    """A document could not be fetched; says why, in a few words."""


class ExternalIssuer:
    """An issuer and its keys. `fetch` gets a document by its URL, or raises Unreachable."""

    def __init__(self, issuer: Issuer, fetch: Fetch, clock: Clock) -> None:
        self.issuer = issuer
        self.keys: Mapping[str, TrustedKey] = MappingProxyType({})
        self._fetch, self._clock = fetch, clock
        self._fetched_at, self._missing, self._failing = 0.0, False, False

    async def start(self) -> None:
        """Fetches discovery and keys. Raises Failed (exit code 4) when they cannot be had."""
        try:
            await self._refresh()
        except (Unreachable, Malformed) as error:
            raise Failed(f"The issuer {self.issuer.url} cannot be used: {error}", NOT_REACHABLE) from error

    def is_missing_a_key(self) -> None:
        """A token named a key that is not known: the keys are fetched again as soon as that may be."""
        self._missing = True

    async def refresh_if_due(self) -> None:
        """Fetches the keys again every five minutes, or after 30 s if one was missing. Failing, it keeps the old."""
        waited = self._clock.monotonic() - self._fetched_at
        if waited < (SOONEST_S if self._missing or self._failing else REFRESH_S):
            return
        try:
            await self._refresh()
        except (Unreachable, Malformed) as error:
            if not self._failing:
                log.warning("The issuer's keys could not be fetched", issuer=self.issuer.url, reason=str(error))
            self._failing = True

    async def _refresh(self) -> None:
        self._fetched_at, self._missing = self._clock.monotonic(), False
        about = json_object(await self._fetch(f"{self.issuer.url.rstrip('/')}/.well-known/openid-configuration"))
        address = jwks_address(about, self.issuer.url)
        self.keys = MappingProxyType(read_keys(json_object(await self._fetch(address)), self.issuer))
        self._failing = False


def jwks_address(about: Mapping[str, Any], issuer: str) -> str:
    """Where the keys are (OpenID Connect Discovery, 4.3). Raises Malformed.

    The document must name the issuer it was fetched for, and must not lead from https to an open connection.
    """
    if about.get("issuer") != issuer:
        raise Malformed("its discovery document names another issuer")
    address = about.get("jwks_uri")
    if not isinstance(address, str) or not _is_safe(address, issuer):
        raise Malformed("its discovery document has no jwks_uri that can be used")
    return address


def read_keys(key_set: Mapping[str, Any], issuer: Issuer) -> dict[str, TrustedKey]:
    """The signing keys of a JSON Web Key Set that this project understands. Raises Malformed if there are none."""
    listed = key_set.get("keys")
    if not isinstance(listed, list) or len(listed) > MOST_KEYS:
        raise Malformed(f"its key set is no list of at most {MOST_KEYS} keys")
    read = [from_jwk(one) for one in listed if isinstance(one, dict)]
    keys = {kid: TrustedKey(kid, algorithm_of(key), key, issuer) for kid, key in filter(None, read)}
    if not keys:
        raise Malformed("its key set has no RS256 or EdDSA key")
    return keys


def _is_safe(address: str, issuer: str) -> bool:
    scheme, least = urlsplit(address).scheme, urlsplit(issuer).scheme
    return scheme == "https" or (scheme == "http" and least == "http")
