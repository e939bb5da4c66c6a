"""Who may call what: API keys, and the rule that nothing but loopback is served without one."""

import hashlib
from collections.abc import Callable, Mapping
from functools import lru_cache
from ipaddress import ip_address

from openharbor.gateway.site import ApiKey, Site
from openharbor.gateway.trail import AUDITED
from openharbor.kit.clock import Clock
from openharbor.kit.errors import Refusal
from openharbor.kit.http.operation import Caller, Operation

UNAUTHORIZED = Refusal("UNAUTHORIZED", 401, "A valid API key is needed")
SAME_ADDRESS_MS = 60_000
MOST_ADDRESSES = 1000

Refuse = Callable[[Operation, Refusal, Caller], None]


def shown_key(headers: Mapping[str, str]) -> str | None:
    """The key that a request shows in `X-API-Key` or as bearer token; "" when it shows something else."""
    key = headers.get("x-api-key")
    if key is not None:
        return key.strip()
    authorization = headers.get("authorization")
    if authorization is None:
        return None
    scheme, _, token = authorization.partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def find_key(keys: Mapping[str, ApiKey], secret: str, now: int) -> ApiKey | None:
    """The valid key with this secret. Looked up by digest, so timing tells nothing about stored secrets."""
    key = keys.get(hashlib.sha256(secret.encode("utf-8", "surrogateescape")).hexdigest())
    if key is None or (key.expires_at is not None and key.expires_at <= now):
        return None
    return key


def admit(
    keys: Mapping[str, ApiKey],
    scope: str | None,
    headers: Mapping[str, str],
    address: str,
    now: int,
    *,
    open_to_all: bool,
) -> Caller | Refusal:
    """The caller of an operation that needs `scope`, or why not (contract, "Access"). A key that is sent is checked."""
    secret = shown_key(headers)
    if secret is None:
        return anonymous(address) if open_to_all or scope is None else UNAUTHORIZED
    key = find_key(keys, secret, now)
    if key is None:
        return anonymous(address) if scope is None else UNAUTHORIZED
    caller = Caller("apiKey", key.name, address, str(key.key_id), key.scopes)
    if scope is not None and scope not in key.scopes:
        return Refusal("FORBIDDEN", 403, f"This key lacks the scope {scope}", {"requiredScope": scope})
    return caller


@lru_cache(maxsize=1024)
def anonymous(address: str) -> Caller:
    """A caller without a key; on loopback it is known at least to be on this machine."""
    return Caller("loopback" if is_loopback(address) else "anonymous", None, address)


@lru_cache(maxsize=1024)
def is_loopback(address: str) -> bool:
    try:
        return ip_address(address.partition("%")[0]).is_loopback
    except ValueError:
        return False


class Access:
    """The gatekeeper of the Local API. Hands refusals that belong in the audit log to `audit`."""

    def __init__(self, site: Callable[[], Site], clock: Clock, *, open_to_all: bool, audit: Refuse) -> None:
        self._site, self._clock, self._open_to_all, self._audit = site, clock, open_to_all, audit
        self._told_at: dict[str, int] = {}

    def admit(self, operation: Operation, headers: Mapping[str, str], address: str, now: int) -> Caller | Refusal:
        return admit(self._site().api_keys, operation.scope, headers, address, now, open_to_all=self._open_to_all)

    def refused(self, operation: Operation, refusal: Refusal, caller: Caller | None, address: str) -> None:
        if not operation.changes_state or refusal.status not in AUDITED:
            return
        if refusal.status != 401 or self._is_news(address, self._clock.now()):
            self._audit(operation, refusal, caller or anonymous(address))

    def _is_news(self, address: str, now: int) -> bool:
        """Repeated 401 of one address make one audit entry a minute; the list of addresses is bounded."""
        last = self._told_at.get(address)
        if last is not None and now - last < SAME_ADDRESS_MS:
            return False
        if len(self._told_at) >= MOST_ADDRESSES:
            self._told_at.pop(next(iter(self._told_at)))
        self._told_at[address] = now
        return True
