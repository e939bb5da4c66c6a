"""Who may call what in the cloud: bearer tokens of clients and of links (service-provider.yaml, "Unauthorized")."""

from collections import OrderedDict
from collections.abc import Callable, Mapping

import structlog

from openharbor.cloud.accounts.keeper import AccountKeeper, Snapshot
from openharbor.cloud.accounts.scopes import TOWER_ACCESS
from openharbor.cloud.accounts.tokens import Rejected, Verified, verify
from openharbor.cloud.callers import NOT_PERMITTED
from openharbor.kit.clock import Clock
from openharbor.kit.errors import Refusal
from openharbor.kit.http.operation import Caller, Operation

NOT_AUTHENTICATED = Refusal("UNAUTHORIZED", 401, "Not authenticated")
NOT_VALID = Refusal("UNAUTHORIZED", 401, "Could not validate credentials")
LINK, OPERATOR = "link", "operator"
MOST_KNOWN = 10_000
SAME_ADDRESS_S = 60.0
MOST_ADDRESSES = 1000
log = structlog.get_logger("openharbor.accounts")


class _Known:
    """A header that was found good, and who sent it; `seen`: what that was decided on."""

    __slots__ = ("caller", "seen", "token", "until")

    def __init__(self, token: Verified, caller: Caller, seen: Snapshot) -> None:
        self.token, self.caller, self.seen, self.until = token, caller, seen, token.expires_s * 1000


class CloudGatekeeper:
    """Lets requests in, in memory. `read_link`: the request of a link token that is good, or None.

    A token is verified once and remembered until it expires; of 10,000, those not seen for longest are forgotten.
    """

    def __init__(self, keeper: AccountKeeper, clock: Clock, read_link: Callable[[str], int | None]) -> None:
        self._keeper, self._clock, self._read_link = keeper, clock, read_link
        self._known: OrderedDict[str, _Known] = OrderedDict()
        self._told_at: OrderedDict[str, float] = OrderedDict()

    def admit(self, operation: Operation, headers: Mapping[str, str], address: str, now: int) -> Caller | Refusal:
        scope = operation.scope
        if scope is None:
            return Caller("anonymous", None, address)
        shown = headers.get("authorization")
        if shown is None:
            return NOT_AUTHENTICATED
        caller = self._link(shown, address) if scope == LINK else self._client(shown, address, now)
        return NOT_PERMITTED if isinstance(caller, Caller) and scope not in caller.scopes else caller

    def refused(self, operation: Operation, refusal: Refusal, caller: Caller | None, address: str) -> None:
        """Logs who was kept out; of one address once a minute."""
        if refusal.status in (401, 403) and self._is_news(address):
            name = None if caller is None else caller.name
            log.warning(
                "Request refused",
                operation=operation.operation_id,
                status=refusal.status,
                reason=refusal.message,
                client=name,
                address=address,
            )

    @property
    def remembered(self) -> int:
        """How many tokens are remembered."""
        return len(self._known)

    def _client(self, shown: str, address: str, now: int) -> Caller | Refusal:
        known = self._known.get(shown)
        if known is None or known.until <= now or known.seen is not self._keeper.snapshot:
            return self._verify(shown, address, now)
        self._known.move_to_end(shown)
        if known.caller.address != address:
            known.caller = _caller(known.token, known.caller.tenant, known.caller.scopes, address)
        return known.caller

    def _verify(self, shown: str, address: str, now: int) -> Caller | Refusal:
        self._known.pop(shown, None)
        text = bearer(shown)
        if text is None:
            return NOT_AUTHENTICATED
        token = verify(text, self._keeper.find_key, now)
        snapshot = self._keeper.snapshot
        if isinstance(token, Rejected):
            log.debug("Token refused", reason=token.reason, address=address)
            return NOT_VALID
        standing = standing_of(token, snapshot, own_clients=self._keeper.external is None)
        if standing is None:
            return NOT_VALID
        caller = _caller(token, *standing, address)
        self._known[shown] = _Known(token, caller, snapshot)
        if len(self._known) > MOST_KNOWN:
            self._known.popitem(last=False)
        return caller

    def _link(self, shown: str, address: str) -> Caller | Refusal:
        text = bearer(shown)
        if text is None:
            return NOT_AUTHENTICATED
        request_id = self._read_link(text)
        if request_id is None:
            return NOT_VALID
        return Caller(LINK, None, address, scopes=frozenset({LINK}), claims={"request_id": request_id})

    def _is_news(self, address: str) -> bool:
        now, last = self._clock.monotonic(), self._told_at.get(address)
        if last is not None and now - last < SAME_ADDRESS_S:
            return False
        self._told_at[address] = now
        self._told_at.move_to_end(address)
        if len(self._told_at) > MOST_ADDRESSES:
            self._told_at.popitem(last=False)
        return True


def bearer(authorization: str) -> str | None:
    """The token of an Authorization header; None for another scheme."""
    scheme, _, token = authorization.partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


def standing_of(token: Verified, snapshot: Snapshot, *, own_clients: bool) -> tuple[int | None, frozenset[str]] | None:
    """The organization that the token acts for and its scopes; None: its client is revoked or not ours.

    A client of our own that is not known yet was made by another process a moment ago: its token says enough.
    `own_clients` false: they get their tokens from another issuer, and ours are for end users and links only.
    An operator acts for the installation, at its towers alone.
    """
    if token.operator:
        return None, token.scopes & {TOWER_ACCESS}
    client = snapshot.clients.get(token.client_id)
    if client is not None and client.revoked_at is not None:
        return None
    if not token.own:
        return None if client is None else (client.organization_id, token.scopes & client.scopes)
    if not own_clients and token.user_id is None and token.tower_id is None:
        return None
    if token.organization_id is None or (client is not None and client.organization_id != token.organization_id):
        return None
    return token.organization_id, token.scopes


def _caller(token: Verified, tenant: int | None, scopes: frozenset[str], address: str) -> Caller:
    claims: dict[str, object] = {"exp": token.expires_s, "jti": token.token_id}
    if token.user_id is not None:
        claims["user_id"] = token.user_id
    if token.tower_id is not None:
        claims["tower_id"] = token.tower_id
    if token.subject != token.client_id:
        claims["sub"] = token.subject
    if token.operator:
        return Caller(OPERATOR, token.client_id, address, None, scopes, None, claims)
    return Caller("client", token.client_id, address, token.client_id, scopes, tenant, claims)
