"""Keys and clients in memory, true to the database within seconds, so that a request is let in without a query."""

from collections.abc import Mapping
from functools import partial
from types import MappingProxyType

import msgspec
import structlog

from openharbor.cloud.accounts import store
from openharbor.cloud.accounts.issuer_keys import ExternalIssuer
from openharbor.cloud.accounts.signing_keys import (
    LISTED_AFTER_MS,
    SigningKey,
    listed_at,
    read_private_key,
    signer_at,
    signing_algorithm,
)
from openharbor.cloud.accounts.store import Client, StoredKey
from openharbor.cloud.accounts.tokens import Issuer, TrustedKey
from openharbor.cloud.master_key import Vault
from openharbor.cloud.scope import INSTALLATION
from openharbor.kit.clock import Clock
from openharbor.kit.database.face import Database, Transaction
from openharbor.kit.errors import Closed, Failed

RELOAD_S = 3.0
TIDY_S = 600.0
log = structlog.get_logger("openharbor.accounts")


class Snapshot(msgspec.Struct, frozen=True):
    """What was known at one moment. Replaced as a whole, and only when something changed."""

    signing: tuple[SigningKey, ...] = ()
    trusted: Mapping[str, TrustedKey] = MappingProxyType({})
    clients: Mapping[str, Client] = MappingProxyType({})


class _Stored(msgspec.Struct, frozen=True):
    """What a reload reads. `clients` None: unchanged since `counted`."""

    keys: list[StoredKey]
    counted: tuple[int, int]
    clients: list[Client] | None


class AccountKeeper:
    """Holds the snapshot. `own`: this installation as issuer; `external`: another that is trusted besides.

    With an external issuer, own tokens count only for end users and links: clients get theirs over there.
    """

    def __init__(
        self, database: Database, vault: Vault, clock: Clock, own: Issuer, external: ExternalIssuer | None = None
    ) -> None:
        self._database, self._vault, self._clock = database, vault, clock
        self.own, self.external = own, external
        self.snapshot = Snapshot()
        self._counted = (-1, -1)
        self._stored: list[StoredKey] = []
        self._private: dict[str, SigningKey] = {}

    async def load(self) -> None:
        """Reads what is stored. Raises Failed when there is no key to sign with."""
        found = await self._database.read(partial(_read, counted=self._counted))
        if not found.keys:
            raise Failed("The database has no signing key; run `openharbor cloud init`")
        signing, clients = self._signing(found.keys), self.snapshot.clients
        if found.clients is not None:
            clients = MappingProxyType({client.client_id: client for client in found.clients})
        self._counted = found.counted
        trusted = self._trusted(signing)
        if signing != self.snapshot.signing or clients is not self.snapshot.clients or trusted != self.snapshot.trusted:
            self.snapshot = Snapshot(signing, MappingProxyType(trusted), clients)

    def find_key(self, kid: str) -> TrustedKey | None:
        """The key with this name. One that is not known is looked for at the external issuer, at its next refresh."""
        key = self.snapshot.trusted.get(kid)
        if key is None and self.external is not None:
            self.external.is_missing_a_key()
        return key

    def signer(self) -> SigningKey:
        """The key that signs now. Raises Failed."""
        key = signer_at(self.snapshot.signing, self._clock.now())
        if key is None:
            raise Failed("No key may sign at this time; is the clock right?")
        return key

    def listed(self) -> list[SigningKey]:
        """Keys to be published, the one that signs first."""
        return listed_at(self.snapshot.signing, self._clock.now())

    def _signing(self, stored: list[StoredKey]) -> tuple[SigningKey, ...]:
        """Opens each private half once: running processes outlive a change of the master key."""
        opened = self._private
        self._private = {row.kid: opened.get(row.kid) or self._open(row) for row in stored}
        return tuple(
            msgspec.structs.replace(self._private[row.kid], signs_from=row.signs_from, retired_at=row.retired_at)
            for row in stored
        )

    def _open(self, row: StoredKey) -> SigningKey:
        private = read_private_key(self._vault.open(row.sealed_private))
        return SigningKey(row.kid, row.public_jwk, private, row.signs_from, row.retired_at)

    def _trusted(self, signing: tuple[SigningKey, ...]) -> dict[str, TrustedKey]:
        others = {} if self.external is None else self.external.keys
        return {**others, **{key.kid: _own_key(key, self.own) for key in signing}}


async def keep_accounts(keeper: AccountKeeper, database: Database, clock: Clock) -> None:
    """Reads keys and clients again every three seconds, until it is cancelled or the database closed."""
    failing, tidied = False, clock.monotonic()
    while True:
        await clock.sleep(RELOAD_S)
        try:
            if keeper.external is not None:
                await keeper.external.refresh_if_due()
            await keeper.load()
            if clock.monotonic() - tidied >= TIDY_S:
                tidied = clock.monotonic()
                await database.write(partial(_tidy, now=clock.now()))
        except Closed:
            return
        except Exception as error:  # what is known stays good until it can be read again
            if not failing:
                log.warning("Keys and clients could not be read again", error=type(error).__name__)
            failing = True
        else:
            failing = False


def _own_key(key: SigningKey, own: Issuer) -> TrustedKey:
    until = None if key.retired_at is None else key.retired_at + LISTED_AFTER_MS
    return TrustedKey(key.kid, signing_algorithm(key), key.private.public_key(), own, until)


def _read(tx: Transaction, counted: tuple[int, int]) -> _Stored:
    keys, now_counted = store.signing_keys(INSTALLATION, tx), store.count_clients(INSTALLATION, tx)
    return _Stored(keys, now_counted, None if now_counted == counted else store.all_clients(INSTALLATION, tx))


def _tidy(tx: Transaction, now: int) -> None:
    store.forget_expired(INSTALLATION, tx, now)
