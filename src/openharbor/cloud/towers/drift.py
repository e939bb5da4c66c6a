"""A tower's clock that is ahead is slowed down (blink-protocol.md 13.6, 10.4). One behind catches up by itself."""

from collections.abc import Sequence

import msgspec

from openharbor.blink.batches import Batch
from openharbor.cloud.lockers.locker import Tower
from openharbor.cloud.scope import TenantScope
from openharbor.cloud.towers import commands, queue_store
from openharbor.kit.database.face import Transaction

MOST_AHEAD_S = 60
MOST_AT_ONCE_S = 3600
SURE = 0


class Adjustment(msgspec.Struct, frozen=True):
    """The last ADJUST_CLOCK: by how many seconds, and when the tower was known to have it; None: it waits."""

    seconds: int
    done_at: int | None


def seconds_to_lose(batches: Sequence[Batch], tower: Tower, last: Adjustment | None, now: int) -> int:
    """By how much to slow the clock down; 0: not now. `now`: when the batches arrived, ms since 1970.

    A clock that is unsure, or about to be set, is not adjusted; nor one that may still be losing what it was told to,
    which takes it twice as long.
    """
    ahead = max((batch.sealed_at - now // 1000 for batch in batches if batch.clock_state == SURE), default=0)
    if ahead <= MOST_AHEAD_S or tower.corrections:
        return 0
    if last is not None and (last.done_at is None or now < last.done_at + 2000 * abs(last.seconds)):
        return 0
    return min(ahead, MOST_AT_ONCE_S)


def watch(scope: TenantScope, tx: Transaction, tower: Tower, batches: Sequence[Batch], now: int) -> int:
    """Queues an ADJUST_CLOCK if the batches that arrived just now show the need; by how many seconds, 0 if not."""
    if not seconds_to_lose(batches, tower, None, now):
        return 0
    found = queue_store.last_adjustment(scope, tx, tower.tower_id)
    lose = seconds_to_lose(batches, tower, None if found is None else Adjustment(*found), now)
    if lose:
        commands.queue_next(scope, tx, tower.tower_id, [commands.adjust_clock(-lose)], now)
    return lose
