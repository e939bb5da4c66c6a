"""The token endpoint: who asks, what it may have, and the token (accounts.yaml, create_token)."""

from collections.abc import Callable

import structlog

from openharbor.cloud.accounts import store
from openharbor.cloud.accounts.clients import is_authentic, is_client_id
from openharbor.cloud.accounts.failures import FailureCounter
from openharbor.cloud.accounts.issuing import TokenIssuer
from openharbor.cloud.accounts.messages import TokenResponse
from openharbor.cloud.accounts.refresh_tokens import REFRESH_TOKEN_S, Exchange, Exchanged, exchange
from openharbor.cloud.accounts.scopes import scope_list
from openharbor.cloud.accounts.store import Client
from openharbor.cloud.accounts.token_request import (
    TokenRequest,
    granted_scopes,
    invalid_client,
    invalid_grant,
    invalid_scope,
    read_request,
    too_many_failures,
)
from openharbor.cloud.accounts.tokens import CLIENT_TOKEN_S
from openharbor.cloud.scope import INSTALLATION, TenantScope
from openharbor.kit.clock import Clock
from openharbor.kit.database.face import Database
from openharbor.kit.errors import Refusal
from openharbor.kit.http.operation import Answer, Call

GUESSES = ("invalid_client", "invalid_grant")
log = structlog.get_logger("openharbor.accounts")


class TokenEndpoint:
    """Answers token requests. `new_secret`: 256 random bits as text."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        issuer: TokenIssuer,
        failures: FailureCounter,
        new_secret: Callable[[], str],
    ) -> None:
        self._database, self._clock, self._issuer = database, clock, issuer
        self._failures, self._new_secret = failures, new_secret

    async def answer(self, call: Call) -> Answer | Refusal:
        """A token, or why there is none. Failures of a client from an address are counted, and slowed."""
        authorization = call.headers.authorization
        request = read_request(call.body, authorization if isinstance(authorization, str) else None)
        client_id = call.body.client_id if isinstance(request, Refusal) else request.client_id
        wait = self._failures.wait(client_id, call.caller.address, self._clock.monotonic())
        if wait is not None:
            return too_many_failures(wait)
        client = None
        if not isinstance(request, Refusal) and is_client_id(client_id):
            client = await self._database.read(lambda tx: store.find_client(INSTALLATION, tx, client_id))
        reply = request if isinstance(request, Refusal) else await self._grant(request, client, call.received_at)
        if isinstance(reply, Refusal):
            self._note(reply, client, client_id, call.caller.address)
            return reply
        return Answer(200, reply, {"cache-control": "no-store"})

    async def _grant(self, request: TokenRequest, client: Client | None, now: int) -> TokenResponse | Refusal:
        if not is_authentic(client, request.secret) or client is None:
            return invalid_client(by_basic=request.by_basic)
        if request.grant == "refresh_token":
            return await self._exchange(request, client, now)
        scopes = granted_scopes(request.scopes, client.scopes)
        if isinstance(scopes, Refusal):
            return scopes
        return self._response(client, Exchanged(scope_list(scopes), None), None, now)

    async def _exchange(self, request: TokenRequest, client: Client, now: int) -> TokenResponse | Refusal:
        asked = Exchange(client.client_id, request.refresh_token, self._new_secret(), request.scopes)
        granted = await self._database.write(lambda tx: exchange(TenantScope(client.organization_id), tx, asked, now))
        if granted == "invalid_scope":
            return invalid_scope(request.scopes or ())
        if granted == "invalid_grant":
            return invalid_grant()
        return self._response(client, granted, asked.replacement, now)

    def _response(self, client: Client, granted: Exchanged, refresh: str | None, now: int) -> TokenResponse:
        token = self._issuer.issue(
            client.client_id,
            granted.scope,
            now=now,
            lives_s=CLIENT_TOKEN_S,
            user_id=granted.user_id,
            organization_id=client.organization_id,
        )
        refresh_expires_in = 0 if refresh is None else REFRESH_TOKEN_S
        return TokenResponse(token, refresh, refresh_expires_in, CLIENT_TOKEN_S, "Bearer", granted.scope)

    def _note(self, refusal: Refusal, client: Client | None, client_id: str, address: str) -> None:
        """The id of a client that does not exist stays out of the log: some people swap it with the secret."""
        known = "unknown" if client is None else client.client_id
        log.warning("Token request refused", client=known, address=address, reason=refusal.code)
        if refusal.code not in GUESSES:
            return
        now = self._clock.monotonic()
        self._failures.add(client_id, address, now)
        wait = self._failures.wait(client_id, address, now)
        if wait is not None:
            log.warning("Token requests held back after too many failures", client=known, address=address, seconds=wait)
