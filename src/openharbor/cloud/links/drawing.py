"""Drawing open tokens from a link, for whoever has it (locker-states.md A7, A10). A unit of work."""

import msgspec

from openharbor.cloud.links import store
from openharbor.cloud.links.requests import LINK_NOT_FOUND, no_longer
from openharbor.cloud.links.store import Link
from openharbor.cloud.lockers import links
from openharbor.cloud.lockers import store as locker_store
from openharbor.cloud.lockers.attempts import Attempt, carry_out
from openharbor.cloud.lockers.change import Minted
from openharbor.cloud.lockers.open_tokens import Mint, OpenToken, finish
from openharbor.cloud.lockers.store import Loaded
from openharbor.cloud.master_key import Vault
from openharbor.cloud.scope import TenantScope
from openharbor.kit.database.face import Transaction
from openharbor.kit.errors import Refusal

NO_CLIENT = "link"  # for whom tokens are issued when an organization has no client


class Draw(msgspec.Struct, frozen=True, kw_only=True):
    """`token_id` is fresh; `iv`: 16 random bytes."""

    link_id: int
    token_id: int
    iv: bytes

    def __repr__(self) -> str:
        return f"Draw(link_id={self.link_id})"


class Drawn(msgspec.Struct, frozen=True):
    """`client_id`, `organization_id`: for whom the token of the SDK API is issued."""

    token: OpenToken
    client_id: str
    organization_id: int


def draw(scope: TenantScope, tx: Transaction, command: Draw, attempt: Attempt, vault: Vault) -> Drawn | Refusal:
    """404 for an unknown link; 409 once it does not work any more. `scope`: INSTALLATION; the link says whose it is."""
    link = store.find(scope, tx, command.link_id)
    if link is None:
        carry_out(scope, tx, attempt, LINK_NOT_FOUND, tower_id=None, locker_id=None)
        return LINK_NOT_FOUND
    scope = TenantScope(link.organization_id)
    found = no_longer(link, attempt.now) or locker_store.load(scope, tx, link.tower_id, link.locker_id, lock=True)
    minted = found if isinstance(found, Refusal) else _mint(link, found, command.token_id, attempt.now)
    mint = Mint(
        tower_id=link.tower_id,
        locker_id=link.locker_id,
        token_id=command.token_id,
        iv=command.iv,
        duration_s=0,
        client_info=link.client_info,
    )
    token = finish(scope, tx, mint, attempt, vault, found, minted)
    if isinstance(token, Refusal):
        return token
    return Drawn(token, store.client_of(scope, tx) or NO_CLIENT, link.organization_id)


def _mint(link: Link, found: Loaded, token_id: int, now: int) -> Minted | Refusal:
    if link.kind == "dropoff":
        return links.draw_dropoff(
            found.locker,
            found.tower,
            link.link_id,
            token_id=token_id,
            now=now,
            keypad_code=link.keypad_code or "",
            persists=link.persist_keypad_code,
            client_info=link.client_info,
        )
    return links.draw_pickup(
        found.locker,
        found.tower,
        link.organization_id,
        link.link_id,
        token_id=token_id,
        link_expires_at=link.expires_at,
        client_info=link.client_info,
        now=now,
    )
