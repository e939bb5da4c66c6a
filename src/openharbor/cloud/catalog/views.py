"""The catalog as the API shows it. Pure: rows in, answer bodies out."""

from collections import Counter
from collections.abc import Iterable

import msgspec

from openharbor.cloud.catalog import messages as m
from openharbor.cloud.lockers.locker import Locker, Status
from openharbor.cloud.lockers.states import as_of
from openharbor.kit.database.face import Row
from openharbor.kit.http.timestamps import rfc3339

NULL = msgspec.Raw(b"null")
STATUSES = {int(status): m.LockerStatus(status.word, int(status)) for status in Status}
ACCESS_MODES = {"public": 1, "private": 2}
decode_locker = msgspec.json.Decoder(Locker).decode


def location_body(row: Row) -> m.Location:
    hours = row["access_hours"]
    return m.Location(
        row["id"],
        row["name"],
        row["lat"],
        row["lon"],
        row["description"],
        row["address1"],
        row["address2"],
        row["city"],
        row["state"],
        row["zip"],
        row["country"],
        row["notes"],
        NULL if hours is None else msgspec.Raw(hours.encode()),
        row["timezone"],
    )


def tower_body(row: Row) -> m.Tower:
    visited, synced = row["last_visit_at"], row["synced_s"]
    return m.Tower(
        row["id"],
        row["name"],
        row["description"],
        row["location_id"],
        row["system_id"],
        row["tower_model_id"],
        ACCESS_MODES[row["access"]],
        bool(row["for_test"]),
        row["locker_count"],
        row["firmware_version"],
        None if visited is None else rfc3339(visited),
        None if synced is None else rfc3339(synced * 1000),
    )


def shown_locker(row: Row, status: int | None = None) -> m.Locker:
    """A row has id, name, low, tower_id, type_id, type_name, type_description, access and, if not given, `status`."""
    return m.Locker(
        row["id"],
        row["name"],
        row["low"] == 1,
        row["tower_id"],
        STATUSES[row["status"] if status is None else status],
        m.LockerTypeRef(row["type_name"], row["type_description"], row["type_id"]),
        row["access"],
    )


def locker_body(row: Row, now: int) -> m.Locker:
    """A row of `store.LOCKER` read at `now`."""
    ended = row["ended_hold"]
    return shown_locker(row) if ended is None else shown_locker(row, status_of(ended, now))


def status_of(state: str, now: int) -> Status:
    """The status that a locker's state text comes to at `now` (locker-states.md, invariant 18)."""
    return as_of(decode_locker(state), now).status


def locker_type_bodies(rows: Iterable[Row]) -> list[m.LockerType]:
    """Smallest first."""
    return [
        m.LockerType(
            row["id"],
            row["name"],
            row["display_name"],
            row["description"],
            row["width_mm"],
            row["height_mm"],
            row["depth_mm"],
        )
        for row in sorted(rows, key=_size)
    ]


def availability(counts: Iterable[Row], ended_holds: Iterable[Row], kinds: Iterable[Row], now: int) -> m.Availability:
    """From rows by type, the lockers whose hold is over but not written yet, and all types."""
    total = {row["type_id"]: row["total"] for row in counts}
    free = Counter({row["type_id"]: row["free"] for row in counts})
    free.update(row["type_id"] for row in ended_holds if status_of(row["state"], now) is Status.AVAILABLE)
    by_type = [
        m.AvailabilityByType(
            m.LockerTypeName(kind["id"], kind["name"], kind["display_name"]),
            m.LockerCount(free[kind["id"]], total[kind["id"]]),
        )
        for kind in sorted(kinds, key=_size)
        if kind["id"] in total
    ]
    return m.Availability(by_type, m.LockerCount(free.total(), sum(total.values())))


def _size(kind: Row) -> tuple[int, int]:
    """Smaller sorts first; equal ones by id."""
    return kind["width_mm"] * kind["height_mm"] * kind["depth_mm"], kind["id"]
