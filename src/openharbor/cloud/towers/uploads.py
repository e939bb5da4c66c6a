"""What a phone brings up from a tower: `POST /towers/{id}/events` as one unit of work (blink-protocol.md 13.4).

Under the tower's row lock: packets are verified all or nothing, stored by epoch and id, and what is known without a
gap takes effect (`applying`). Any split, order, repetition and number of phones comes to the same (locker-states.md,
invariants 10, 11).
"""

from collections.abc import Iterable, Sequence
from itertools import groupby

import msgspec
from msgspec.structs import replace

from openharbor.blink.batches import Batch, BatchRefused, open_batch
from openharbor.blink.cbor import Fields
from openharbor.cloud.catalog.reading import TOWER_NOT_FOUND
from openharbor.cloud.lockers.attempts import Attempt, note
from openharbor.cloud.master_key import Vault
from openharbor.cloud.scope import TenantScope
from openharbor.cloud.towers import alarms, applying, coverage, drift, event_store, reset_events
from openharbor.cloud.towers.alarms import Alarm
from openharbor.cloud.towers.applying import Outcome
from openharbor.cloud.towers.event_store import Log
from openharbor.cloud.towers.fields_text import to_text
from openharbor.cloud.towers.keys import opening_keys
from openharbor.kit.database.face import Transaction
from openharbor.kit.errors import Refusal

INVALID = Refusal("INVALID_EVENT_PACKET", 400, "Invalid event packet")


class EventPacket(msgspec.Struct, frozen=True):
    """One sealed batch as the phone sends it: `first`, `count` are what the phone says that it covers."""

    first: int
    count: int
    payload: bytes
    auth: bytes


class Received(msgspec.Struct, frozen=True, kw_only=True):
    """What came of an upload. `stored`: events that were new. `applied`: ids that took effect, dropped ones too.

    `told`: webhooks were queued. `alarms` are in the audit, and still to be told.
    """

    stored: int = 0
    applied: int = 0
    told: bool = False
    alarms: tuple[Alarm, ...] = ()


def take_in(
    scope: TenantScope,
    tx: Transaction,
    packets: Sequence[EventPacket],
    *,
    vault: Vault,
    tower_id: str,
    attempt: Attempt,
) -> Received | Refusal:
    """Takes an upload in. 404 for an unknown tower; 400 if one packet is not authentic: then nothing is stored.

    Whoever may speak for the tower may call it: the seals tell what is true. May raise Failed for a broken vault.
    """
    log = event_store.lock_log(scope, tx, tower_id)
    if log is None:
        return TOWER_NOT_FOUND
    batches = _verified(scope, tx, packets, vault, log)
    if isinstance(batches, BatchRefused):
        details = {"fault": batches.fault, "packets": len(packets)}
        note(scope, tx, attempt, INVALID.message, tower_id=tower_id, details=details)
        return INVALID
    received = _taken(scope, tx, log, batches, attempt)
    for alarm in received.alarms:
        alarms.note(scope, tx, alarm, actor=attempt.actor, now=attempt.now)
    details = {"packets": len(packets), "stored": received.stored, "applied": received.applied}
    note(scope, tx, attempt, "received", tower_id=tower_id, details=details)
    return received


def _verified(
    scope: TenantScope, tx: Transaction, packets: Sequence[EventPacket], vault: Vault, log: Log
) -> list[Batch] | BatchRefused:
    keys = opening_keys(scope, tx, vault, log.tower.tower_id)
    tower_id, epoch = bytes.fromhex(log.tower.tower_id), log.tower.epoch
    batches = []
    for packet in packets:
        batch = open_batch(
            keys,
            packet.payload,
            packet.auth,
            tower_id=tower_id,
            epoch=epoch,
            first=packet.first,
            count=packet.count,
        )
        if isinstance(batch, BatchRefused):
            return batch
        batches.append(batch)
    return batches


def _taken(scope: TenantScope, tx: Transaction, log: Log, batches: Sequence[Batch], attempt: Attempt) -> Received:
    """Epoch by epoch: events of the present one take effect before a later one makes it past."""
    received = Received()
    ordered = sorted(batches, key=lambda batch: (batch.epoch, batch.first))
    for epoch, found in groupby(ordered, key=lambda batch: batch.epoch):
        group = list(found)
        if epoch > log.tower.epoch:
            log, begun = _begin_epoch(scope, tx, log, epoch, group, attempt)
            received = replace(received, alarms=received.alarms + begun)
        log, part = _taken_in_epoch(scope, tx, log, group, attempt)
        received = _joined(received, part)
    event_store.keep_log(scope, tx, log, attempt.now)
    drift.watch(scope, tx, log.tower, [one for one in batches if one.epoch == log.tower.epoch], attempt.now)
    return received


def _begin_epoch(
    scope: TenantScope, tx: Transaction, log: Log, epoch: int, batches: Sequence[Batch], attempt: Attempt
) -> tuple[Log, tuple[Alarm, ...]]:
    first = min(batch.first for batch in batches)
    begun = reset_events.begin_epoch(scope, tx, log, epoch, first, attempt)
    if begun.asked:
        return begun.log, ()
    return begun.log, (Alarm(kind="epoch_unasked", tower_id=log.tower.tower_id, epoch=epoch, event_id=first),)


def _taken_in_epoch(
    scope: TenantScope, tx: Transaction, log: Log, batches: Sequence[Batch], attempt: Attempt
) -> tuple[Log, Received]:
    """Batches of the log's epoch: what is new is stored, what is gapless takes effect."""
    tower = log.tower
    ranges = coverage.waiting(((batch.first, batch.count) for batch in batches), 0)
    texts = event_store.stored_texts(scope, tx, tower.tower_id, tower.epoch, ranges)
    fresh, conflicts = sorted_out(batches, texts)
    covered = (*log.covered, *((batch.first, batch.count) for batch in batches))
    outcome = applying.take_effect(scope, tx, replace(log, covered=covered), fresh, batches, attempt)
    event_store.insert_events(
        scope,
        tx,
        tower.tower_id,
        tower.epoch,
        fresh,
        applied=range(tower.next_event, outcome.tower.next_event),
        now=attempt.now,
    )
    raised = [
        Alarm(kind="event_conflict", tower_id=tower.tower_id, epoch=tower.epoch, event_id=one) for one in conflicts
    ]
    received = Received(
        stored=len(fresh),
        applied=outcome.tower.next_event - tower.next_event,
        told=outcome.told,
        alarms=(*raised, *outcome.alarms),
    )
    return _known(log, outcome, covered, attempt.now), received


def sorted_out(batches: Sequence[Batch], stored: dict[int, str]) -> tuple[dict[int, Fields], list[int]]:
    """The events that are new, by id in order; and the ids of those that are known with other content.

    `stored`: what is stored already, as it is stored. Between two of the same upload the first one stays.
    """
    fresh: dict[int, Fields] = {}
    known = dict(stored)
    conflicts: dict[int, None] = {}
    for batch in batches:
        for fields in batch.events:
            event_id, text = fields[30], to_text(fields)
            if known.setdefault(event_id, text) != text:
                conflicts[event_id] = None
            elif event_id not in stored:
                fresh[event_id] = fields
    return dict(sorted(fresh.items())), list(conflicts)


def _known(before: Log, outcome: Outcome, covered: Iterable[coverage.Range], now: int) -> Log:
    """How far the log is known now. A gap is as old as its first missing event is known to be missing."""
    tower = outcome.tower
    beyond = coverage.waiting(covered, tower.next_event)
    if not beyond:
        return Log(tower=tower)
    same = before.gap_since is not None and tower.next_event == before.tower.next_event
    return Log(
        tower=tower,
        covered=beyond,
        gap_since=before.gap_since if same else now,
        gap_told_at=before.gap_told_at if same else None,
    )


def _joined(one: Received, other: Received) -> Received:
    return Received(
        stored=one.stored + other.stored,
        applied=one.applied + other.applied,
        told=one.told or other.told,
        alarms=one.alarms + other.alarms,
    )
