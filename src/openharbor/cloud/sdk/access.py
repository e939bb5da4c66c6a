"""Who asks about a tower, whether it is open to them, and what their sessions with it may do (sdk.yaml)."""

from collections.abc import Iterable
from typing import Final

import msgspec

from openharbor.cloud.accounts import store as account_store
from openharbor.cloud.accounts.claims import STAFF, USUAL
from openharbor.cloud.callers import NOT_PERMITTED, scope_of
from openharbor.cloud.catalog.reading import TOWER_NOT_FOUND
from openharbor.cloud.scope import INSTALLATION, TenantScope
from openharbor.cloud.sdk import tower_store
from openharbor.cloud.sdk.tower_store import TowerRow
from openharbor.kit.database.face import Transaction
from openharbor.kit.errors import Refusal
from openharbor.kit.http.operation import Caller

OPERATOR: Final = "operator"
EVERYTHING: Final = frozenset((*USUAL, *STAFF))


class Asker(msgspec.Struct, frozen=True, kw_only=True):
    """Whose token was shown. `scope`: what is open to them. `subject`, `user_id`: `sub` and `user_id` of the token.

    `name`: the client's id, or the operator's e-mail address. `tower_id`: of a token drawn from a Locker Open link, the
    only tower that it is good for.
    """

    scope: TenantScope
    kind: str
    name: str
    subject: str
    user_id: str | None = None
    tower_id: str | None = None

    @property
    def actor(self) -> str:
        """As in the audit log."""
        return f"{self.kind}:{self.name}"


class Entered(msgspec.Struct, frozen=True):
    """A tower that is open to the asker, and which claims their sessions with it may have."""

    tower: TowerRow
    claims: frozenset[str]


def asker_of(caller: Caller) -> Asker | Refusal:
    """403 for a caller without an organization who is no operator."""
    scope = INSTALLATION if caller.kind == OPERATOR else scope_of(caller)
    if isinstance(scope, Refusal):
        return scope
    name = str(caller.name)
    return Asker(
        scope=scope,
        kind=caller.kind,
        name=name,
        subject=str(caller.claims.get("sub", name)),
        user_id=caller.claims.get("user_id"),
        tower_id=caller.claims.get("tower_id"),
    )


def enter(scope: TenantScope, tx: Transaction, asker: Asker, tower_id: str) -> Entered | Refusal:
    """403 unless the tower is open to the asker; 404 for an unknown one, and until it is provisioned."""
    if asker.tower_id is not None and asker.tower_id != tower_id:
        return NOT_PERMITTED
    tower = tower_store.find_tower(scope, tx, tower_id)
    if tower is None:
        return TOWER_NOT_FOUND
    allowed = _allowed(scope, tx, asker)
    if not tower.is_open or allowed is None:
        return NOT_PERMITTED
    if tower.rotation is None:
        return TOWER_NOT_FOUND
    return Entered(tower, usable(allowed, end_user=asker.user_id is not None, for_test=tower.for_test))


def _allowed(scope: TenantScope, tx: Transaction, asker: Asker) -> frozenset[str] | None:
    """What the asker may ask for, as it is now; None: they were taken out since their token was made."""
    if asker.kind == OPERATOR:
        return None if account_store.find_operator(scope, tx, asker.name) is None else EVERYTHING
    client = account_store.find_client(scope, tx, asker.name)
    return None if client is None or client.revoked_at is not None else client.claims.union(USUAL)


def usable(allowed: frozenset[str], *, end_user: bool, for_test: bool) -> frozenset[str]:
    """Staff claims are not for end users, but at towers for test (sdk.yaml, create_session_token)."""
    return allowed.difference(STAFF) if end_user and not for_test else allowed


def granted(asked: Iterable[str], usable_claims: frozenset[str]) -> tuple[str, ...]:
    """What the session gets: what was asked for, or the three usual claims if something of that is not granted."""
    wanted = tuple(asked)
    return wanted if usable_claims.issuperset(wanted) else USUAL


def has_any(entered: Entered, claims: Iterable[str]) -> bool:
    """Whether the asker may ask for one of these."""
    return not entered.claims.isdisjoint(claims)
