"""Puts the accounts together for a server: what is in memory, who is let in, who makes tokens."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass

from openharbor.cloud.accounts.failures import FailureCounter
from openharbor.cloud.accounts.gatekeeper import CloudGatekeeper
from openharbor.cloud.accounts.issuer_keys import ExternalIssuer, Fetch
from openharbor.cloud.accounts.issuing import TokenIssuer
from openharbor.cloud.accounts.keeper import AccountKeeper, keep_accounts
from openharbor.cloud.accounts.password_sign_in import PasswordSignIn
from openharbor.cloud.accounts.token_endpoint import TokenEndpoint
from openharbor.cloud.accounts.tokens import Issuer
from openharbor.cloud.master_key import Vault
from openharbor.cloud.settings import CloudSettings
from openharbor.kit import ids
from openharbor.kit.clock import Clock
from openharbor.kit.database.face import Database

REALM_PATH = "/realms/harbor"
TOKEN_ID_BYTES = 16


@dataclass(frozen=True, slots=True)
class Accounts:
    """The accounts of a running server. `keep` runs beside it until it is cancelled."""

    keeper: AccountKeeper
    access_tokens: TokenIssuer
    gatekeeper: CloudGatekeeper
    token_endpoint: TokenEndpoint
    sign_in: PasswordSignIn
    database: Database
    clock: Clock

    async def keep(self) -> None:
        """Reads keys and clients again every few seconds."""
        await keep_accounts(self.keeper, self.database, self.clock)


async def open_accounts(
    database: Database,
    vault: Vault,
    clock: Clock,
    settings: CloudSettings,
    public_url: str,
    *,
    read_link: Callable[[str], int | None],
    fetch: Fetch | None = None,
) -> Accounts:
    """Loads keys and clients. Raises Failed without a signing key, or when the external issuer cannot be reached.

    `public_url`: without a slash at the end. `read_link`: the id of the request that a good link token names, or None.
    """
    external = None
    if settings.issuer:
        issuer = Issuer(settings.issuer, settings.audience, own=False)
        external = ExternalIssuer(issuer, _fetcher() if fetch is None else fetch, clock)
        await external.start()
    own = Issuer(f"{public_url}{REALM_PATH}", settings.audience, own=True)
    keeper = AccountKeeper(database, vault, clock, own, external)
    await keeper.load()
    issuing = TokenIssuer(keeper, lambda: secrets.token_hex(TOKEN_ID_BYTES))
    endpoint = TokenEndpoint(database, clock, issuing, FailureCounter(), ids.secret)
    sign_in = PasswordSignIn(database, clock, issuing, enabled=settings.password_sign_in)
    return Accounts(keeper, issuing, CloudGatekeeper(keeper, clock, read_link), endpoint, sign_in, database, clock)


def _fetcher() -> Fetch:
    """Imported only where it is needed: most installations trust nobody else."""
    from openharbor.cloud.accounts.issuer_client import fetcher

    return fetcher()
