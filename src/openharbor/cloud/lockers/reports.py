"""A tower's events applied to its lockers, in number order, each once (locker-states.md 4 C, D; invariants 10, 11)."""

from collections.abc import Iterable, Mapping, Sequence

import msgspec
from msgspec.structs import replace

from openharbor.cloud.lockers.accesses import accessed
from openharbor.cloud.lockers.change import Change, Notice, SetClock, Source
from openharbor.cloud.lockers.ending import following, notice
from openharbor.cloud.lockers.facts import (
    Accessed,
    ClockUnsure,
    Executed,
    Fact,
    Forced,
    KeyRevoked,
    RefusedAccess,
    Updated,
    WrongDoor,
)
from openharbor.cloud.lockers.locker import Locker, Tower
from openharbor.cloud.lockers.settlement import aged, by_key, cleared, executed, settle
from openharbor.cloud.lockers.states import expire
from openharbor.cloud.lockers.updates import updated


class Applied(msgspec.Struct, frozen=True, kw_only=True):
    """What an upload came to. `lockers`: the changed ones by number. `changes` in order; each is written once.

    `corrections` are to be queued like the commands of `changes`; all are numbered from the tower's `next_command` in
    the order of `commands`. `synced`: TOWER_SYNCED, after everything else; None: the frontier did not move.
    """

    tower: Tower
    lockers: Mapping[int, Locker]
    changes: tuple[Change, ...]
    corrections: tuple[SetClock, ...]
    synced: Notice | None


def next_run(stored: Iterable[tuple[int, int]], next_event: int) -> int:
    """The first event id that is missing from `next_event` on. `stored`: what batches covered, as (first id, count).

    Ids that the tower had to drop are covered by their batch too (blink-protocol.md 8.6).
    """
    frontier = next_event
    for start, count in sorted(stored):
        if start > frontier:
            break
        frontier = max(frontier, start + count)
    return frontier


class _Progress:
    """One application under way: the lockers and the tower so far, and what happened."""

    def __init__(self, tower: Tower, lockers: Mapping[int, Locker], now: int) -> None:
        self.tower = tower
        self.lockers = dict(lockers)
        self.now = now
        self.changes: list[Change] = []
        self.touched: set[int] = set()
        self.corrections: list[SetClock] = []

    def keep(self, number: int, change: Change | None) -> None:
        """Takes the change in. One that leaves the locker as it was is for the audit log (C11)."""
        if change is None:
            return
        if change.locker is not self.lockers[number]:
            self.lockers[number] = change.locker
            self.touched.add(number)
        self.changes.append(change)
        if change.commands:
            self.tower = replace(self.tower, next_command=self.tower.next_command + len(change.commands))


def apply(
    tower: Tower,
    lockers: Mapping[int, Locker],
    facts: Sequence[Fact],
    *,
    now: int,
    until: int | None = None,
    sealed_s: int | None = None,
) -> Applied:
    """Applies a gapless run of events. `lockers` of the tower by number, all of them; `now` in ms.

    `until`: the first id after the run (`next_run`), where the last ids of it were dropped. Facts before the frontier
    were applied already and are passed over. `sealed_s`: the sealed time of an empty batch that follows the run, which
    counts as an event of that time.
    """
    progress = _Progress(tower, lockers, now)
    for number, locker in lockers.items():
        if locker.due_at is not None and locker.due_at <= now:
            progress.keep(number, expire(locker, now))
    end = tower.next_event
    for fact in facts:
        if fact.event_id < end:
            continue
        _apply_one(progress, fact)
        end = fact.event_id + 1
        progress.tower = replace(progress.tower, next_event=end, synced_s=fact.at_s)
    if until is not None and until > end:
        progress.tower = replace(progress.tower, next_event=until)
    if sealed_s is not None:
        _judge(progress, sealed_s, frozenset())
    return _applied(progress, tower)


def _applied(progress: _Progress, before: Tower) -> Applied:
    tower = progress.tower
    synced = None
    if tower.next_event > before.next_event:
        synced = Notice(
            event="TOWER_SYNCED",
            source="TOWER_SYNCED",
            organization_id=None,
            tower_id=tower.tower_id,
            at=progress.now,
            event_start=before.next_event,
            event_count=tower.next_event - before.next_event,
            synced_until=tower.synced_s,
        )
    return Applied(
        tower=tower,
        lockers={number: progress.lockers[number] for number in sorted(progress.touched)},
        changes=tuple(progress.changes),
        corrections=tuple(progress.corrections),
        synced=synced,
    )


def _apply_one(progress: _Progress, fact: Fact) -> None:
    revoked: frozenset[int] = frozenset()
    match fact:
        case Executed():
            revoked = _executed(progress, fact)
        case KeyRevoked():
            for number, locker in list(progress.lockers.items()):
                progress.keep(number, settle(locker, by_key(fact.rotation), "S4"))
        case ClockUnsure():
            _correct_clock(progress, fact)
        case RefusedAccess():
            if fact.number is not None and fact.number in progress.lockers:
                progress.keep(fact.number, Change(row="C11", locker=progress.lockers[fact.number]))
        case Accessed() | Updated() | Forced() | WrongDoor():
            if fact.number in progress.lockers:
                change, revoked = _of_one_locker(progress.lockers[fact.number], progress.tower, fact)
                progress.keep(fact.number, change)
        case _:
            pass
    _judge(progress, fact.at_s, revoked)


def _of_one_locker(
    locker: Locker, tower: Tower, fact: Accessed | Updated | Forced | WrongDoor
) -> tuple[Change, frozenset[int]]:
    match fact:
        case Accessed():
            return accessed(locker, tower, fact), frozenset()
        case Updated():
            revoked = any(one.command_id == fact.command_id for one in locker.queued)
            return updated(locker, tower, fact), frozenset((locker.number,) if revoked else ())
        case Forced():
            return _alarm(locker, "DOOR_FORCED", fact.at_s), frozenset()
        case WrongDoor():
            return _alarm(locker, "WRONG_DOOR", fact.at_s), frozenset()


def _alarm(locker: Locker, source: Source, at_s: int) -> Change:
    """C12. Without a holder, every organization with access to the tower is told."""
    holder = locker.assignment
    told = notice(
        locker,
        "LOCKER_ALARM",
        source,
        locker.holder,
        at_s * 1000,
        tower_clock=True,
        client_info=holder.client_info if holder else "",
    )
    return Change(row="C12", locker=locker, notices=(told,))


def _executed(progress: _Progress, fact: Executed) -> frozenset[int]:
    """The results of commands; the numbers of the lockers that had some among them.

    A correction whose result was lost is over as well: it was done, or refused for good.
    """
    end = fact.first + fact.count
    tower = progress.tower
    if any(one < end for one in tower.corrections):
        progress.tower = replace(tower, corrections=tuple(one for one in tower.corrections if one >= end))
    concerned: set[int] = set()
    for number, locker in list(progress.lockers.items()):
        change = executed(locker, fact) if locker.queued else None
        if change is not None:
            concerned.add(number)
            progress.keep(number, change)
    return frozenset(concerned)


def _correct_clock(progress: _Progress, fact: ClockUnsure) -> None:
    """The tower's clock is to be set (blink-protocol.md 13.6); until that is known to be done, S1 rests (T7)."""
    tower = progress.tower
    correction = SetClock(tower.next_command, fact.challenge)
    progress.corrections.append(correction)
    progress.tower = replace(
        tower, next_command=tower.next_command + 1, corrections=(*tower.corrections, correction.command_id)
    )


def _judge(progress: _Progress, at_s: int, revoked: frozenset[int]) -> None:
    """Settlement by time, then D1 and D2, after each applied event, for every locker of the tower."""
    by_time = not progress.tower.corrections
    for number, locker in list(progress.lockers.items()):
        if not locker.tokens and not locker.queued:
            continue
        older = aged(locker, at_s, progress.now) if by_time else None
        current = locker if older is None else older.locker
        over = cleared(current, at_s * 1000, progress.now, revoked=number in revoked)
        progress.keep(number, older if over is None else following(older, over))
