"""The keys of towers: what is sealed with, and what batches are opened with (blink-protocol.md 4.1, 13)."""

from weakref import WeakKeyDictionary

from openharbor.blink.keys import TowerKey, derive
from openharbor.cloud.master_key import Vault
from openharbor.cloud.scope import TenantScope
from openharbor.cloud.towers import store
from openharbor.kit.database.face import Transaction

MOST_KEPT = 65_536

# A rotation number is never used for another key, so what was derived once is true as long as the database is.
_derived: WeakKeyDictionary[Vault, dict[tuple[str, int], TowerKey]] = WeakKeyDictionary()


def sealing_key(scope: TenantScope, tx: Transaction, vault: Vault, tower_id: str, rotation: int) -> TowerKey:
    """The derived keys of a rotation that is not revoked, as read in this unit of work; kept in memory.

    Raises LookupError when the tower has no such key, Failed when the vault cannot open it.
    """
    kept = _derived.setdefault(vault, {})
    key = kept.get((tower_id, rotation))
    if key is None:
        sealed = store.sealed_root(scope, tx, tower_id, rotation)
        if sealed is None:
            raise LookupError(f"tower {tower_id} has no key of rotation {rotation}")
        key = derive(vault.open(sealed), rotation)
        if len(kept) >= MOST_KEPT:
            kept.clear()
        kept[(tower_id, rotation)] = key
    return key


def opening_keys(scope: TenantScope, tx: Transaction, vault: Vault, tower_id: str) -> dict[int, TowerKey]:
    """Every rotation that may have sealed a batch: all that are not revoked, by number (13.4)."""
    numbers = [one.number for one in store.rotations(scope, tx, tower_id) if one.state != "revoked"]
    return {number: sealing_key(scope, tx, vault, tower_id, number) for number in numbers}
