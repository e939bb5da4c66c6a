"""Making drop-off and pick-up tokens: decided, written, sealed for the tower (A2, A4, A7, A10, A13). Units of work."""

from collections.abc import Callable

import msgspec

from openharbor.blink.payloads import encode_open
from openharbor.blink.sealing import Sealed, seal
from openharbor.cloud.lockers import mint, store
from openharbor.cloud.lockers.attempts import Attempt, carry_out, organization_of
from openharbor.cloud.lockers.change import Minted
from openharbor.cloud.lockers.store import Loaded
from openharbor.cloud.master_key import Vault
from openharbor.cloud.scope import INSTALLATION, TenantScope
from openharbor.cloud.towers.keys import sealing_key
from openharbor.kit.database.face import Transaction
from openharbor.kit.errors import Refusal


class Mint(msgspec.Struct, frozen=True, kw_only=True):
    """`duration_s` 1 to 2,592,000. The ids are fresh; `locker_token`: 16 random bytes as hex; `iv`: 16 random bytes.

    A pick-up token needs neither `assignment_id` nor `locker_token`.
    """

    tower_id: str
    locker_id: int
    token_id: int
    iv: bytes
    duration_s: int
    client_info: str
    assignment_id: int = 0
    locker_token: str = ""

    def __repr__(self) -> str:
        return f"Mint(token_id={self.token_id})"


class OpenToken(msgspec.Struct, frozen=True):
    """A token that was made: the locker after it, and what the tower is shown. `expires_s` as sealed."""

    found: Loaded
    token_id: int
    expires_s: int
    sealed: Sealed

    def __repr__(self) -> str:
        return f"OpenToken(token_id={self.token_id})"


def mint_dropoff(
    scope: TenantScope, tx: Transaction, command: Mint, attempt: Attempt, vault: Vault
) -> OpenToken | Refusal:
    """404; 409 unless the locker is available or the caller's, and beyond 16 of one assignment."""

    def decide(found: Loaded) -> Minted | Refusal:
        return mint.mint_dropoff(
            found.locker,
            found.tower,
            organization_of(scope),
            token_id=command.token_id,
            assignment_id=command.assignment_id,
            locker_token=command.locker_token,
            duration_s=command.duration_s,
            client_info=command.client_info,
            now=attempt.now,
        )

    return _mint(scope, tx, command, attempt, vault, decide)


def mint_pickup(
    scope: TenantScope, tx: Transaction, command: Mint, attempt: Attempt, vault: Vault
) -> OpenToken | Refusal:
    """404; 409 unless the caller holds the locker and it is occupied."""

    def decide(found: Loaded) -> Minted | Refusal:
        return mint.mint_pickup(
            found.locker,
            found.tower,
            organization_of(scope),
            token_id=command.token_id,
            duration_s=command.duration_s,
            client_info=command.client_info,
            now=attempt.now,
        )

    return _mint(scope, tx, command, attempt, vault, decide)


def _mint(
    scope: TenantScope,
    tx: Transaction,
    command: Mint,
    attempt: Attempt,
    vault: Vault,
    decide: Callable[[Loaded], Minted | Refusal],
) -> OpenToken | Refusal:
    found = store.load(scope, tx, command.tower_id, command.locker_id, lock=True)
    minted = found if isinstance(found, Refusal) else decide(found)
    return finish(scope, tx, command, attempt, vault, found, minted)


def finish(
    scope: TenantScope,
    tx: Transaction,
    command: Mint,
    attempt: Attempt,
    vault: Vault,
    found: Loaded | Refusal,
    minted: Minted | Refusal,
) -> OpenToken | Refusal:
    """Writes what was decided and seals it."""
    carry_out(
        scope,
        tx,
        attempt,
        minted if isinstance(minted, Refusal) else minted.change,
        tower_id=command.tower_id,
        locker_id=command.locker_id,
        details={"token": command.token_id},
    )
    if isinstance(minted, Refusal):
        return minted
    if isinstance(found, Refusal):
        return found
    locker, payload = minted.change.locker, minted.payload
    token = locker.tokens[-1]
    store.add_token(scope, tx, locker, token, attempt.now)
    key = sealing_key(INSTALLATION, tx, vault, locker.tower_id, token.rotation)
    sealed = seal(key, encode_open(payload), command.iv)
    return OpenToken(Loaded(locker, found.tower, found.shown), token.token_id, payload.expires, sealed)
