"""Refresh tokens: stored as digests, replaced at each use; one that is used twice was stolen, and ends its family.

Client credentials yield none (accounts.yaml); others issue them with `issue_refresh_token`.
"""

from typing import Literal

import msgspec

from openharbor.cloud import audit
from openharbor.cloud.accounts import store
from openharbor.cloud.accounts.clients import digest_of
from openharbor.cloud.accounts.scopes import scope_list, unknown_scopes
from openharbor.cloud.accounts.store import RefreshToken
from openharbor.cloud.scope import TenantScope
from openharbor.kit.database.face import Transaction

REFRESH_TOKEN_S = 1800


class Exchange(msgspec.Struct, frozen=True):
    """A refresh token that a client shows. `asked`: scopes it wants of those granted; None: all of them.

    `replacement` is the text of the next one, drawn before the unit of work.
    """

    client_id: str
    presented: str
    replacement: str
    asked: tuple[str, ...] | None = None

    def __repr__(self) -> str:
        return f"Exchange({self.client_id!r})"


class Exchanged(msgspec.Struct, frozen=True):
    """What the access token is to be good for, and for whom."""

    scope: str
    user_id: str | None


NotExchanged = Literal["invalid_grant", "invalid_scope"]


def issue_refresh_token(
    scope: TenantScope,
    tx: Transaction,
    text: str,
    *,
    client_id: str,
    scopes: str,
    user_id: str | None,
    now: int,
    family: str | None = None,
) -> RefreshToken:
    """Stores a token that is good for 1800 s. `text`: 256 random bits. `family` None: it begins one."""
    digest = digest_of(text)
    expires_at = now + REFRESH_TOKEN_S * 1000
    token = RefreshToken(digest, family or digest, client_id, scopes, user_id, expires_at)
    store.add_refresh_token(scope, tx, token)
    return token


def exchange(scope: TenantScope, tx: Transaction, asked: Exchange, now: int) -> Exchanged | NotExchanged:
    """Replaces the token. One that is unknown, another client's, expired or used is an invalid grant."""
    token = store.lock_refresh_token(scope, tx, digest_of(asked.presented))
    if token is None or token.client_id != asked.client_id:
        return "invalid_grant"
    if token.used_at is not None:
        _end_family(scope, tx, token, now)
        return "invalid_grant"
    if token.expires_at <= now:
        return "invalid_grant"
    granted = frozenset(token.scopes.split())
    if asked.asked is not None and unknown_scopes(asked.asked, granted):
        return "invalid_scope"
    store.use_refresh_token(scope, tx, token.digest, now)
    issue_refresh_token(
        scope,
        tx,
        asked.replacement,
        client_id=token.client_id,
        scopes=token.scopes,
        user_id=token.user_id,
        now=now,
        family=token.family,
    )
    return Exchanged(scope_list(granted if asked.asked is None else asked.asked), token.user_id)


def _end_family(scope: TenantScope, tx: Transaction, token: RefreshToken, now: int) -> None:
    store.end_family(scope, tx, token.family)
    audit.note(
        scope,
        tx,
        at=now,
        actor=f"client:{token.client_id}",
        action="refresh_token.use",
        outcome="used twice: its family was ended",
    )
