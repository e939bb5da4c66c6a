"""A gapless run of a tower's events takes effect: lockers, webhooks, commands, keys (locker-states.md 4 C and D).

In the order of the log: what `lockers.reports` decides is written change by change, then commands that were dealt with
and keys, then TOWER_SYNCED. Runs under the tower's row lock.
"""

from collections.abc import Iterable, Mapping, Sequence

import msgspec
from msgspec.structs import replace

from openharbor.blink.batches import Batch
from openharbor.blink.cbor import Fields
from openharbor.blink.event_maps import read_event
from openharbor.blink.events import Booted, Event
from openharbor.blink.refusals import Rejected
from openharbor.cloud import audit
from openharbor.cloud.lockers import reports
from openharbor.cloud.lockers import store as lockers
from openharbor.cloud.lockers.attempts import Attempt
from openharbor.cloud.lockers.change import Change, SetClock, TowerCommand
from openharbor.cloud.lockers.facts import Fact, Passed
from openharbor.cloud.lockers.locker import Locker, Tower
from openharbor.cloud.lockers.reports import Applied
from openharbor.cloud.scope import INSTALLATION, TenantScope
from openharbor.cloud.towers import commands, event_store, results, rollover, store
from openharbor.cloud.towers.alarms import Alarm
from openharbor.cloud.towers.event_facts import fact_of
from openharbor.cloud.towers.event_store import Log
from openharbor.cloud.webhooks import outbox
from openharbor.kit.database.face import Transaction


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """`tower` after it: its frontier, time, corrections. `told`: webhooks were queued."""

    tower: Tower
    told: bool = False
    alarms: tuple[Alarm, ...] = ()


def take_effect(
    scope: TenantScope,
    tx: Transaction,
    log: Log,
    fresh: Mapping[int, Fields],
    batches: Sequence[Batch],
    attempt: Attempt,
) -> Outcome:
    """What is gapless now takes effect. `log.covered` with the batches, `fresh`: events that are not stored yet.

    An empty batch whose start is the next id wanted counts as an event of its sealed time (locker-states.md 2, S1).
    """
    tower = log.tower
    frontier = reports.next_run(log.covered, tower.next_event)
    sealed = [batch.sealed_at for batch in batches if batch.count == 0 and batch.first == frontier]
    if frontier == tower.next_event and not sealed:
        return Outcome(tower=tower)
    run = _run(scope, tx, log, fresh, frontier, attempt.now)
    events, alarms = _read(run, tower)
    facts: list[Fact] = [
        Passed(event_id=one, at_s=fields[5]) if one not in events else fact_of(events[one])
        for one, fields in run.items()
    ]
    before = {one.locker.number: one.locker for one in store.wired_lockers(scope, tx, tower.tower_id, lock=True)}
    applied = reports.apply(
        tower, before, facts, now=attempt.now, until=frontier, sealed_s=max(sealed) if sealed else None
    )
    _write(scope, tx, before, applied, attempt)
    if frontier > tower.next_event:
        lost = len(run) < frontier - tower.next_event
        _after_run(scope, tx, applied, list(events.values()), attempt, lost=lost)
    told = applied.synced is not None or any(change.notices for change in applied.changes)
    broken = _broken_promises(applied, tower)
    return Outcome(tower=applied.tower, told=told, alarms=(*alarms, *broken))


def _run(
    scope: TenantScope, tx: Transaction, log: Log, fresh: Mapping[int, Fields], frontier: int, now: int
) -> dict[int, Fields]:
    """The events up to the frontier by id, in order: new ones, and those that waited behind a gap."""
    tower = log.tower
    run = {one: fields for one, fields in fresh.items() if tower.next_event <= one < frontier}
    if log.gap_since is not None and frontier > tower.next_event:
        where = (tower.tower_id, tower.epoch, tower.next_event, frontier)
        run |= event_store.stored_events(scope, tx, *where)
        event_store.mark_applied(scope, tx, *where, now)
    return dict(sorted(run.items()))


def _read(run: Mapping[int, Fields], tower: Tower) -> tuple[dict[int, Event], list[Alarm]]:
    """The events that can be read. One that cannot takes no effect but for its time: it must not stop the log."""
    events: dict[int, Event] = {}
    alarms = []
    for event_id, fields in run.items():
        try:
            events[event_id] = read_event(fields)
        except Rejected as rejected:
            alarms.append(
                Alarm(
                    kind="event_unreadable",
                    tower_id=tower.tower_id,
                    epoch=tower.epoch,
                    event_id=event_id,
                    details=rejected.reason,
                )
            )
    return events, alarms


def _write(
    scope: TenantScope, tx: Transaction, before: Mapping[int, Locker], applied: Applied, attempt: Attempt
) -> None:
    """Each change once, in order; a locker's row where somebody is told, and at the end."""
    written = dict(before)
    for change in applied.changes:
        number = change.locker.number
        if _has_effects(change):
            lockers.keep(
                INSTALLATION,
                tx,
                replace(change, commands=()),
                now=attempt.now,
                new_message_id=attempt.new_message_id,
            )
        _note(tx, written[number].holder, change, attempt)
        written[number] = change.locker
    for locker in applied.lockers.values():
        lockers.update(scope, tx, locker)
    queued: list[TowerCommand | SetClock] = [one for change in applied.changes for one in change.commands]
    queued = sorted((*queued, *applied.corrections), key=lambda one: one.command_id)
    commands.queue(scope, tx, applied.tower.tower_id, queued, attempt.now)


def _has_effects(change: Change) -> bool:
    """Besides the locker's own row, which is written at the end."""
    return bool(
        change.notices
        or change.links
        or change.end_links
        or change.settled
        or change.reservation_end is not None
        or change.ended is not None
    )


def _note(tx: Transaction, holder: int | None, change: Change, attempt: Attempt) -> None:
    audit.note(
        TenantScope(holder),
        tx,
        at=attempt.now,
        actor=attempt.actor,
        action=attempt.action,
        outcome=change.row,
        tower_id=change.locker.tower_id,
        locker_id=change.locker.locker_id,
        details={"incident": change.incident} if change.incident else audit.NO_DETAILS,
    )


def _after_run(
    scope: TenantScope, tx: Transaction, applied: Applied, events: Sequence[Event], attempt: Attempt, *, lost: bool
) -> None:
    tower_id, now = applied.tower.tower_id, attempt.now
    results.take_in(scope, tx, tower_id, events, actor=attempt.actor, now=now)
    rollover.queue_due_steps(scope, tx, tower_id, now)
    commands.queue_mark_seen(scope, tx, tower_id, applied.tower.next_event, now, lost=lost)
    versions = [event.firmware for event in events if isinstance(event, Booted)]
    if versions:
        event_store.set_firmware(scope, tx, tower_id, versions[-1])
    if applied.synced is not None:
        outbox.record(INSTALLATION, tx, [applied.synced], recorded_at=now, new_id=attempt.new_message_id)


def _broken_promises(applied: Applied, tower: Tower) -> Iterable[Alarm]:
    """C14, C15: people have to look."""
    return (
        Alarm(
            kind="broken_promise",
            tower_id=tower.tower_id,
            epoch=tower.epoch,
            locker_id=change.locker.locker_id,
            details=change.incident,
        )
        for change in applied.changes
        if change.incident
    )
