"""The event log of a tower is restarted: queued (sdk.yaml, `reset-events`), and what its effect means (E6).

After the reset the tower counts in a new epoch, from the number on that the command names: so far ahead that it is
larger than every id the tower can have used (8.5). So the cloud knows which event of the epoch is the first.
"""

import msgspec
from msgspec.structs import replace

from openharbor.cloud import audit
from openharbor.cloud.catalog.reading import TOWER_NOT_FOUND
from openharbor.cloud.lockers import operators
from openharbor.cloud.lockers import store as lockers
from openharbor.cloud.lockers.attempts import Attempt, note
from openharbor.cloud.lockers.locker import Locker
from openharbor.cloud.lockers.stopping import unsettled
from openharbor.cloud.scope import INSTALLATION, TenantScope
from openharbor.cloud.towers import commands, event_store, queue_store, store
from openharbor.cloud.towers.coverage import end_of
from openharbor.cloud.towers.event_store import Log
from openharbor.kit.database.face import Transaction
from openharbor.kit.errors import Refusal

AHEAD = 2**20
LARGEST_START = 2**31 - 2**20  # ids have 31 bits, and a tower keeps a million for later


class Begun(msgspec.Struct, frozen=True):
    """The log of the new epoch. `asked`: the cloud had queued the reset."""

    log: Log
    asked: bool


def reset_events(
    scope: TenantScope, tx: Transaction, tower_id: str, *, reason: str | None, attempt: Attempt
) -> int | Refusal:
    """Queues RESET_EVENT_COUNTER; the number that events will go on from. One that waits already is enough.

    Nothing else changes before the tower has done it: events that come until then still count.
    """
    log = event_store.lock_log(scope, tx, tower_id)
    decided = TOWER_NOT_FOUND if log is None else _queue(scope, tx, log, attempt.now)
    details: dict[str, object] = {} if reason is None else {"reason": reason}
    if isinstance(decided, Refusal):
        note(scope, tx, attempt, decided.message, tower_id=tower_id, details=details)
    else:
        note(scope, tx, attempt, "queued", tower_id=tower_id, details={**details, "start": decided})
    return decided


def _queue(scope: TenantScope, tx: Transaction, log: Log, now: int) -> int | Refusal:
    tower = log.tower
    waits = queue_store.waiting_reset(scope, tx, tower.tower_id)
    if waits is not None:
        return waits.start
    known = max(end_of(log.covered, tower.next_event), store.last_stored_event(scope, tx, tower.tower_id) + 1)
    start = known + AHEAD
    if start > LARGEST_START:
        return Refusal("EVENT_IDS_USED_UP", 409, "The tower has used up its event numbers; it needs a new id")
    commands.queue_next(scope, tx, tower.tower_id, [commands.reset_event_counter(start)], now)
    return start


def begin_epoch(scope: TenantScope, tx: Transaction, log: Log, epoch: int, first: int, attempt: Attempt) -> Begun:
    """The tower counts in a new epoch: E6 for each locker with an unsettled token, and the log from its first event on.

    `first`: the lowest id of the epoch that has come. It counts where nobody asked for the reset.
    """
    tower_id, now = log.tower.tower_id, attempt.now
    for wired in store.wired_lockers(scope, tx, tower_id, lock=True):
        if unsettled(wired.locker):
            _lose(tx, wired.locker, attempt)
    asked = queue_store.waiting_reset(scope, tx, tower_id)
    start = first if asked is None else asked.start
    if asked is None:
        commands.queue_mark_seen(scope, tx, tower_id, start, now, lost=True)
    else:  # it was done, and all that was queued before it: the new epoch proves it
        queue_store.finish_until(scope, tx, tower_id, asked.command_id, now)
    # what the end of the former epoch queued has been numbered since
    next_command = store.take_numbers(scope, tx, tower_id, 0)
    tower = replace(log.tower, epoch=epoch, next_event=start, next_command=next_command)
    return Begun(Log(tower=tower), asked is not None)


def _lose(tx: Transaction, locker: Locker, attempt: Attempt) -> None:
    change = operators.reset_log(locker)
    lockers.keep(INSTALLATION, tx, change, now=attempt.now, new_message_id=attempt.new_message_id)
    audit.note(
        TenantScope(locker.holder),
        tx,
        at=attempt.now,
        actor=attempt.actor,
        action=attempt.action,
        outcome=change.row,
        tower_id=locker.tower_id,
        locker_id=locker.locker_id,
    )
