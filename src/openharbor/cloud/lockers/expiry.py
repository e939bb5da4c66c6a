"""The worker that ends reservations and link holds when their time is over (locker-states.md B1 to B3).

Readers and writers judge by the clock in any case; this writes it down and tells the holders.
"""

from collections.abc import Callable
from functools import partial

import structlog

from openharbor.cloud.lockers import states, store
from openharbor.cloud.lockers.attempts import Attempt, carry_out, new_message_id
from openharbor.cloud.lockers.locker import Locker
from openharbor.cloud.parts import CloudParts
from openharbor.cloud.scope import INSTALLATION, TenantScope
from openharbor.kit.database.face import Transaction
from openharbor.kit.errors import Closed

log = structlog.get_logger("openharbor.lockers")

AT_ONCE = 50
LONGEST_WAIT_S = 1.0
SHORTEST_WAIT_S = 0.05


def expire_due(scope: TenantScope, tx: Transaction, now: int, limit: int, new_message_id: Callable[[], str]) -> int:
    """Ends what is over, the longest first; how many lockers were looked at, `limit` at most.

    A locker that another unit of work has is left to it: each expiry happens once, however many processes run this.
    """
    due = store.due(scope, tx, now, limit)
    for locker in due:
        _expire(tx, locker, Attempt(action="expire", actor="worker", now=now, new_message_id=new_message_id))
    return len(due)


def _expire(tx: Transaction, locker: Locker, attempt: Attempt) -> None:
    scope, change = TenantScope(locker.holder), states.expire(locker, attempt.now)
    if change is None:  # the column says more than the state: it must not come up again and again
        log.error("A locker was due that has nothing to expire", locker_id=locker.locker_id)
        store.update(scope, tx, locker)
        return
    carry_out(scope, tx, attempt, change, tower_id=locker.tower_id, locker_id=locker.locker_id)


async def keep_expiring(parts: CloudParts) -> None:
    """Runs until it is cancelled or the database closed. What fails is logged and tried again."""
    while True:
        wait_s = LONGEST_WAIT_S
        try:
            wait_s = await expire_now(parts)
        except Closed:
            return
        except Exception:  # a defect or a lost database must not end it: the next round may work
            log.exception("Expiring reservations and holds failed")
        await parts.clock.sleep(wait_s)


async def expire_now(parts: CloudParts) -> float:
    """Ends everything that is over; how many seconds to wait before looking again."""
    while True:
        due_at = await parts.database.read(partial(store.next_due, INSTALLATION))
        now = parts.clock.now()
        if due_at is None or due_at > now:
            return (
                LONGEST_WAIT_S if due_at is None else min(LONGEST_WAIT_S, max((due_at - now) / 1000, SHORTEST_WAIT_S))
            )
        unit = partial(expire_due, INSTALLATION, now=now, limit=AT_ONCE, new_message_id=partial(new_message_id, parts))
        if await parts.database.write(unit) == 0:  # another process has them
            return SHORTEST_WAIT_S
        parts.wake_webhooks()
