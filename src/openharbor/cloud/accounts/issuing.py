"""Making access tokens: for clients, for end users, and for those who hold a Locker Open link."""

from collections.abc import Callable
from typing import Any

from openharbor.cloud.accounts.jws import sign
from openharbor.cloud.accounts.keeper import AccountKeeper
from openharbor.cloud.accounts.scopes import TOWER_ACCESS
from openharbor.cloud.accounts.signing_keys import signing_algorithm
from openharbor.cloud.accounts.tokens import OPERATOR_TOKEN_S, claims_for, header_for
from openharbor.kit.errors import Failed


class TokenIssuer:
    """Signs tokens with the current key; `parts.AccessTokens`. `new_id` names each token, and no two alike."""

    def __init__(self, keeper: AccountKeeper, new_id: Callable[[], str]) -> None:
        self._keeper, self._new_id = keeper, new_id

    def issue(
        self,
        client_id: str,
        scope: str,
        *,
        now: int,
        lives_s: int,
        user_id: str | None = None,
        tower_id: str | None = None,
        organization_id: int | None = None,
    ) -> str:
        """A signed token that is good from `now` (ms since 1970) for `lives_s` seconds.

        `organization_id` None: the client's. Raises Failed for a client that is not known, ValueError for claims
        beyond the contract's limits.
        """
        if organization_id is None:
            client = self._keeper.snapshot.clients.get(client_id)
            if client is None:
                raise Failed(f"No client has the id {client_id}")
            organization_id = client.organization_id
        return self._signed(
            client_id=client_id,
            organization_id=organization_id,
            scope=scope,
            now=now,
            lives_s=lives_s,
            user_id=user_id,
            tower_id=tower_id,
        )

    def issue_to_operator(self, email: str, *, now: int) -> str:
        """A token for every tower of the installation, good for an hour from `now` (ms since 1970)."""
        return self._signed(
            client_id=email, organization_id=None, scope=TOWER_ACCESS, now=now, lives_s=OPERATOR_TOKEN_S
        )

    def _signed(self, **said: Any) -> str:
        key = self._keeper.signer()
        claims = claims_for(self._keeper.own, token_id=self._new_id(), **said)
        return sign(header_for(key.kid, signing_algorithm(key)), claims, key.private)
