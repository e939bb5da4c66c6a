"""Which lockers the caller holds. Read in one unit of work."""

from openharbor.cloud.lockers import messages as m
from openharbor.cloud.lockers import states, store, views
from openharbor.cloud.lockers.store import Loaded
from openharbor.cloud.scope import TenantScope
from openharbor.kit.database.face import Transaction


def assigned(scope: TenantScope, tx: Transaction, *, now: int) -> list[m.AssignedLocker]:
    """As they are at `now`, by id: what is over is left out, whether or not a worker has written that down."""
    current = (Loaded(states.as_of(one.locker, now), one.tower, one.shown) for one in store.held(scope, tx))
    return [views.assigned_body(one) for one in current if one.locker.holder == scope.organization_id]
