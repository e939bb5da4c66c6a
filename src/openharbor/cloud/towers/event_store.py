"""SQL of what towers report: their events, and how far their logs are known. Times in ms since 1970."""

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from openharbor.blink.cbor import Fields
from openharbor.cloud.lockers.locker import Tower
from openharbor.cloud.scope import TenantScope
from openharbor.cloud.towers.coverage import Range
from openharbor.cloud.towers.fields_text import from_text, to_text
from openharbor.cloud.towers.store import tower_of
from openharbor.kit.database.face import Transaction

FIND_LOG = (
    "SELECT id AS tower_id, rotation, next_command, next_event, epoch, synced_s, corrections, covered, gap_since,"
    " gap_told_at FROM towers WHERE id = :id FOR UPDATE"
)
KEEP_LOG = (
    "UPDATE towers SET next_event = :next_event, epoch = :epoch, synced_s = :synced_s, corrections = :corrections,"
    " covered = :covered, gap_since = :gap_since, gap_told_at = :gap_told_at, last_visit_at = :visited_at"
    " WHERE id = :id"
)
IN_RANGE = " FROM tower_events WHERE tower_id = :tower_id AND epoch = :epoch AND event_id >= :first AND event_id < :end"
INSERT = (
    "INSERT INTO tower_events (tower_id, epoch, event_id, packet_type, fields, tower_time_s, received_at, applied_at)"
    " VALUES (:tower_id, :epoch, :event_id, :packet_type, :fields, :tower_time_s, :received_at, :applied_at)"
)
UNTOLD = (
    "SELECT id, next_event, epoch, gap_since FROM towers WHERE gap_since <= :before AND gap_told_at IS NULL"
    " ORDER BY gap_since LIMIT :limit FOR UPDATE SKIP LOCKED"
)

decode_ranges = msgspec.json.Decoder(tuple[Range, ...]).decode
encode = msgspec.json.Encoder().encode


class Log(msgspec.Struct, frozen=True, kw_only=True):
    """How far the log of a tower is known. `covered`: what waits behind a gap, the gap was first seen at `gap_since`.

    `gap_told_at`: when its alarm was raised.
    """

    tower: Tower
    covered: tuple[Range, ...] = ()
    gap_since: int | None = None
    gap_told_at: int | None = None


class Gap(msgspec.Struct, frozen=True):
    """A gap in a tower's log: `event_id` is the first that is missing."""

    tower_id: str
    epoch: int
    event_id: int
    since: int


def lock_log(_scope: TenantScope, tx: Transaction, tower_id: str) -> Log | None:
    """The log of a tower that is locked until the unit of work ends; None: there is no such tower."""
    row = tx.one(FIND_LOG, id=tower_id)
    if row is None:
        return None
    return Log(
        tower=tower_of(row),
        covered=decode_ranges(row["covered"]),
        gap_since=row["gap_since"],
        gap_told_at=row["gap_told_at"],
    )


def keep_log(_scope: TenantScope, tx: Transaction, log: Log, now: int) -> None:
    """Writes how far it is known. The number of the next command is kept by who queues commands."""
    tower = log.tower
    tx.execute(
        KEEP_LOG,
        id=tower.tower_id,
        next_event=tower.next_event,
        epoch=tower.epoch,
        synced_s=tower.synced_s,
        corrections=encode(tower.corrections).decode(),
        covered=encode(log.covered).decode(),
        gap_since=log.gap_since,
        gap_told_at=log.gap_told_at,
        visited_at=now,
    )


def set_firmware(_scope: TenantScope, tx: Transaction, tower_id: str, version: str) -> None:
    tx.execute("UPDATE towers SET firmware_version = :version WHERE id = :id", id=tower_id, version=version)


def stored_texts(
    _scope: TenantScope, tx: Transaction, tower_id: str, epoch: int, ranges: Iterable[Range]
) -> dict[int, str]:
    """The stored events of these ranges, as they are stored, by id."""
    texts: dict[int, str] = {}
    for first, count in ranges:
        rows = tx.all(
            "SELECT event_id, fields" + IN_RANGE, tower_id=tower_id, epoch=epoch, first=first, end=first + count
        )
        texts |= {row["event_id"]: row["fields"] for row in rows}
    return texts


def stored_events(
    _scope: TenantScope, tx: Transaction, tower_id: str, epoch: int, first: int, end: int
) -> dict[int, Fields]:
    """The stored events from `first` to before `end`, by id."""
    rows = tx.all("SELECT event_id, fields" + IN_RANGE, tower_id=tower_id, epoch=epoch, first=first, end=end)
    return {row["event_id"]: from_text(row["fields"]) for row in rows}


def insert_events(
    _scope: TenantScope,
    tx: Transaction,
    tower_id: str,
    epoch: int,
    events: Mapping[int, Fields],
    *,
    applied: range,
    now: int,
) -> None:
    """Events that are not stored yet, by id. `applied`: the ids that take effect in this unit of work."""
    tx.execute_many(
        INSERT,
        [
            {
                "tower_id": tower_id,
                "epoch": epoch,
                "event_id": event_id,
                "packet_type": fields[1],
                "fields": to_text(fields),
                "tower_time_s": fields[5],
                "received_at": now,
                "applied_at": now if event_id in applied else None,
            }
            for event_id, fields in events.items()
        ],
    )


def mark_applied(
    _scope: TenantScope, tx: Transaction, tower_id: str, epoch: int, first: int, end: int, now: int
) -> None:
    """The stored events from `first` to before `end` take effect in this unit of work."""
    tx.execute(
        "UPDATE tower_events SET applied_at = :now WHERE tower_id = :tower_id AND epoch = :epoch"
        " AND event_id >= :first AND event_id < :end AND applied_at IS NULL",
        tower_id=tower_id,
        epoch=epoch,
        first=first,
        end=end,
        now=now,
    )


def untold_gaps(_scope: TenantScope, tx: Transaction, before: int, limit: int) -> list[Gap]:
    """Gaps that are as old and without an alarm, the oldest first; those that another unit has are left out."""
    rows = tx.all(UNTOLD, before=before, limit=limit)
    return [Gap(row["id"], row["epoch"], row["next_event"], row["gap_since"]) for row in rows]


def next_untold_gap(_scope: TenantScope, tx: Transaction) -> int | None:
    """Since when the oldest gap without an alarm is there."""
    row = tx.one("SELECT MIN(gap_since) AS gap_since FROM towers WHERE gap_since IS NOT NULL AND gap_told_at IS NULL")
    return None if row is None else row["gap_since"]


def set_gaps_told(_scope: TenantScope, tx: Transaction, gaps: Sequence[Gap], now: int) -> None:
    tx.execute_many(
        "UPDATE towers SET gap_told_at = :now WHERE id = :id", [{"id": gap.tower_id, "now": now} for gap in gaps]
    )
