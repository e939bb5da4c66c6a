"""How each door was last seen, over a stop of the gateway: what was forced open while nobody watched is found out.

Boards know what they saw since they were started, no more (lock-boards.md 4.5, `opened_unseen`); this is the rest.
"""

from collections.abc import Iterable

import msgspec

from openharbor.gateway.opening_journal import last_opening
from openharbor.kit.database.face import Transaction as Tx

OVERLAP = 1000  # openings that may have been under way when a mark was made


class Mark(msgspec.Struct, frozen=True):
    """A door as last seen, at `seen_at` (ms since 1970); `last_opening_id`: the highest number given by then."""

    locker_id: int
    open: bool
    seen_at: int
    last_opening_id: int


class Sighting(msgspec.Struct, frozen=True):
    """A door seen open or shut at `at`, to be marked."""

    locker_id: int
    open: bool
    at: int


def put_marks(tx: Tx, sightings: Iterable[Sighting]) -> None:
    """Puts these in place of what was known."""
    last = last_opening(tx)
    for one in sightings:
        tx.execute(
            "INSERT INTO door_marks (locker_id, door_open, seen_at, last_opening_id)"
            " VALUES (:locker_id, :door_open, :seen_at, :last) ON CONFLICT (locker_id) DO UPDATE SET"
            " door_open = excluded.door_open, seen_at = excluded.seen_at, last_opening_id = excluded.last_opening_id",
            locker_id=one.locker_id,
            door_open=int(one.open),
            seen_at=one.at,
            last=last,
        )


def all_marks(tx: Tx) -> dict[int, Mark]:
    rows = tx.all("SELECT * FROM door_marks ORDER BY locker_id")
    return {
        row["locker_id"]: Mark(row["locker_id"], bool(row["door_open"]), row["seen_at"], row["last_opening_id"])
        for row in rows
    }


def fired_since(tx: Tx, mark: Mark) -> bool:
    """Whether a pulse for this lock was journaled after the mark. Reads the openings since then, not all of them.

    By number, since the wall clock may have been set meanwhile; by time where an opening was under way already.
    """
    row = tx.one(
        "SELECT 1 AS found FROM openings JOIN pulses ON pulses.opening_id = openings.opening_id"
        " WHERE openings.opening_id > :from_id AND openings.locker_id = :locker_id"
        " AND (openings.opening_id > :last OR pulses.fired_at >= :seen_at) LIMIT 1",
        from_id=mark.last_opening_id - OVERLAP,
        last=mark.last_opening_id,
        locker_id=mark.locker_id,
        seen_at=mark.seen_at,
    )
    return row is not None


def unexplained(tx: Tx, marks: Iterable[Mark]) -> list[int]:
    """Of doors that were shut and now stand open: the lockers whose lock nobody fired in between."""
    return [mark.locker_id for mark in marks if not mark.open and not fired_since(tx, mark)]
