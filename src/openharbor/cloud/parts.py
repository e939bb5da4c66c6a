"""What the cloud's routes and workers share; put together in `app`."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from openharbor.cloud.master_key import Vault
from openharbor.cloud.settings import CloudSettings
from openharbor.kit.clock import Clock
from openharbor.kit.database.face import Database
from openharbor.kit.database.numbers import Numbers


class AccessTokens(Protocol):
    """Makes access tokens (accounts.yaml, AccessTokenClaims)."""

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

        `organization_id` None: that of the client, which then must be known to this process.
        """


@dataclass(frozen=True, slots=True)
class CloudParts:
    """`random`: that many random bytes. `public_url`: without a slash at the end. `wake_webhooks`: something waits.

    `link_secret`: 32 bytes that sign Locker Open links.
    """

    database: Database
    clock: Clock
    numbers: Numbers
    vault: Vault
    access_tokens: AccessTokens
    settings: CloudSettings
    public_url: str
    link_secret: bytes = field(repr=False)
    random: Callable[[int], bytes]
    wake_webhooks: Callable[[], None]
