"""Giving a locker back (locker-states.md A6, A8, A12, A14). A unit of work."""

from openharbor.cloud.lockers import states, store
from openharbor.cloud.lockers.attempts import Attempt, organization_of, try_on
from openharbor.cloud.lockers.store import Loaded
from openharbor.cloud.scope import TenantScope
from openharbor.kit.database.face import Transaction
from openharbor.kit.errors import Refusal


def release(scope: TenantScope, tx: Transaction, tower_id: str, locker_id: int, attempt: Attempt) -> Loaded | Refusal:
    """The locker after the release. 404, or 409 unless the caller holds it.

    The tower is locked before the locker: commands may be queued, and everybody locks in this order.
    """
    organization_id = organization_of(scope)
    tower = store.load_tower(scope, tx, tower_id, lock=True)
    return try_on(
        scope,
        tx,
        attempt,
        tower if isinstance(tower, Refusal) else store.load(scope, tx, tower_id, locker_id, lock=True),
        lambda found: states.release(found.locker, found.tower, organization_id, attempt.now),
        tower_id=tower_id,
        locker_id=locker_id,
    )
