"""Keys of the Local API: units of work, and what the command line says of them (gateway-admin.yaml, API Keys)."""

import hashlib
from collections.abc import Iterable

from msgspec.structs import replace

from openharbor.gateway import store
from openharbor.gateway.fields import SCOPES
from openharbor.gateway.site import ApiKey
from openharbor.gateway.trail import State, audit, audit_refusal
from openharbor.kit.database.face import Transaction as Tx
from openharbor.kit.errors import Failed, Refusal
from openharbor.kit.http.operation import Caller
from openharbor.kit.http.timestamps import parse_rfc3339

MOST_KEYS = 1000
SECRET_BYTES = 32


def new_key(*, random: bytes, name: str, scopes: Iterable[str], expires_at: int | None, now: int) -> tuple[str, ApiKey]:
    """The secret, to be shown once, and the key as it is stored, not yet numbered. `random`: 32 bytes.

    Raises Failed, naming what is wrong with the name, a scope or the time.
    """
    wanted = frozenset(scopes)
    if not 1 <= len(name) <= 100:
        raise Failed("The name of a key must be 1 to 100 characters")
    if not wanted or not wanted <= set(SCOPES):
        wrong = sorted(wanted - set(SCOPES))
        raise Failed(f"A scope must be one of {', '.join(SCOPES)}" + (f", not {wrong[0]}" if wrong else ""))
    if expires_at is not None and expires_at <= now:
        raise Failed("The time at which a key expires must lie ahead")
    secret = f"ohgw_{random.hex()}"
    digest = hashlib.sha256(secret.encode()).hexdigest()
    return secret, ApiKey(0, name, digest, wanted, now, expires_at, secret[:13])


def parse_expiry(text: str) -> int:
    """`--expires`: ms since 1970 of an RFC 3339 time. Raises Failed."""
    try:
        return parse_rfc3339(text)
    except ValueError as error:
        raise Failed(f"--expires {error}") from None


def add_api_key(tx: Tx, state: State, key: ApiKey, caller: Caller, now: int) -> tuple[State, ApiKey | Refusal]:
    """The key with its number; it counts from the next request on."""
    site = state.site
    if len(site.api_keys) >= MOST_KEYS:
        refusal = too_many_keys()
        return State(site, audit_refusal(tx, state.head, "API_KEY_CREATE_FAILED", refusal, caller, now)), refusal
    key = replace(key, key_id=store.insert_api_key(tx, key))
    details = {"apiKeyId": str(key.key_id), "name": key.name, "scopes": ",".join(sorted(key.scopes))}
    head = audit(tx, state.head, "API_KEY_CREATED", caller, now, details=details)
    return State(replace(site, api_keys={**site.api_keys, key.digest: key}), head), key


def revoke_api_key(tx: Tx, state: State, key_id: int, caller: Caller, now: int) -> tuple[State, ApiKey | Refusal]:
    """The key that is refused from the next request on; a repeat gets 404."""
    site = state.site
    key = next((one for one in site.api_keys.values() if one.key_id == key_id), None)
    if key is None:
        refusal = unknown_key(key_id)
        return State(site, audit_refusal(tx, state.head, "API_KEY_REVOKE_FAILED", refusal, caller, now)), refusal
    store.end_api_key(tx, key_id, now)
    details = {"apiKeyId": str(key_id), "name": key.name}
    head = audit(tx, state.head, "API_KEY_REVOKED", caller, now, details=details)
    left = {digest: one for digest, one in site.api_keys.items() if one is not key}
    return State(replace(site, api_keys=left), head), key


def too_many_keys() -> Refusal:
    """409: no further key can be made."""
    return Refusal("CONFLICT", 409, f"{MOST_KEYS} keys exist; revoke one first", {"maxApiKeys": str(MOST_KEYS)})


def unknown_key(key_id: int) -> Refusal:
    """404: no key has this number."""
    return Refusal("NOT_FOUND", 404, f"No API key has the id {key_id}", {"apiKeyId": str(key_id)})
