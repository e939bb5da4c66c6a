"""What must hold after each restart: acknowledged ⊆ stored ⊆ acknowledged ∪ in doubt, and each change told once."""

import json
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from faults.kill_cloud.providers import AFTER, Book, Step

Row = dict[str, Any]
STATUSES = {1: "available", 2: "reserved", 3: "rented", 4: "occupied", 5: "declined", 6: "out_of_service"}
TOLD_OF = {
    "LOCKER_RESERVED": "reservation_id",
    "RESERVATION_CANCELLED": "reservation_id",
    "LOCKER_TOKEN_CREATED": "open_locker_token_id",
}


class Stored:
    """The tables at one moment."""

    def __init__(self, path: Path) -> None:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
            connection.row_factory = lambda cursor, row: {
                column[0]: value for column, value in zip(cursor.description, row, strict=True)
            }
            connection.execute("BEGIN")
            self.lockers = _all(connection, "SELECT id, status, holder_id FROM lockers")
            self.assignments = _all(connection, "SELECT * FROM assignments")
            self.reservations = {row["id"]: row for row in _all(connection, "SELECT * FROM reservations")}
            self.tokens = {row["id"]: read(row) for row in _all(connection, "SELECT * FROM open_tokens")}
            self.deliveries = _all(
                connection,
                "SELECT d.*, e.organization_id FROM webhook_deliveries d JOIN webhook_endpoints e"
                " ON e.id = d.endpoint_id ORDER BY d.rowid",
            )
            (check,) = _all(connection, "PRAGMA integrity_check")
        require(list(check.values()) == ["ok"], check)
        self.bodies = [json.loads(row["body"])["data"] for row in self.deliveries]


def read(row: Row) -> Row:
    """A token's row with its text as it was given: it is stored as JSON."""
    return {**row, "client_info": json.loads(row["client_info"])}


def _all(connection: sqlite3.Connection, sql: str) -> list[Row]:
    return connection.execute(sql).fetchall()


def require(holds: bool, *facts: object) -> None:
    """Assertions of this module tell what they saw."""
    if not holds:
        raise AssertionError(" · ".join(map(str, facts)))


def reckon(path: Path, books: Sequence[Book]) -> Stored:
    """Compares the database with the books, and settles what was in doubt."""
    stored = Stored(path)
    nobody_shares(stored)
    no_id_was_given_twice(books)
    known = {one for book in books for one in (*book.reservations, *book.won.values(), *book.reservation.values())}
    known |= {one for book in books for one in book.ended}
    for book in books:
        settle_doubt(book, stored, known)
        compare(book, stored)
    nothing_came_from_nowhere(books, stored)
    each_change_is_told_once(books, stored)
    return stored


def nobody_shares(stored: Stored) -> None:
    under_way = [row for row in stored.assignments if row["ended_at"] is None]
    holders = {row["locker_id"]: row["organization_id"] for row in under_way}
    require(len(holders) == len(under_way), "two assignments of one locker", under_way)
    require(holders == {row["id"]: row["holder_id"] for row in stored.lockers if row["holder_id"] is not None}, holders)


def no_id_was_given_twice(books: Sequence[Book]) -> None:
    for given in ([one for book in books for one in book.reservations], [one for book in books for one in book.tokens]):
        require(len(set(given)) == len(given), "an id was given twice", Counter(given).most_common(3))


def settle_doubt(book: Book, stored: Stored, known: set[int]) -> None:
    """Books the step in doubt if it was done. `known`: reservations that somebody has."""
    step, book.doubt = book.doubt, None
    if step is not None and was_done(book, step, stored, known):
        made = next(iter(new_reservations(book, step, stored, known)), None)
        known |= {made} if made is not None else set()
        book.know(step, made)


def was_done(book: Book, step: Step, stored: Stored, known: set[int]) -> bool:
    """Whether something is stored that no acknowledged step had made."""
    if step.what == "reserve":
        return bool(new_reservations(book, step, stored, known))
    if step.what == "token":
        made = [row for row in stored.tokens.values() if row["client_info"] == step.client_info]
        require(len(made) <= 1, "one request made more than one token", step, made)
        return bool(made)
    if step.what == "cancel":
        return stored.reservations[step.reservation]["end_reason"] is not None
    return _status(stored, step.locker) == AFTER[book.status[step.locker], "release"]


def new_reservations(book: Book, step: Step, stored: Stored, known: set[int]) -> list[int]:
    """Those that run and that nobody knows yet; none or one."""
    if step.what != "reserve":
        return []
    wanted = (step.locker, book.organization_id, None)
    rows = stored.reservations.values()
    running = [row["id"] for row in rows if (row["locker_id"], row["organization_id"], row["ended_at"]) == wanted]
    made = [one for one in running if one not in known]
    require(len(made) <= 1, "one request made more than one reservation", step, made)
    return made


def _status(stored: Stored, locker: int) -> str:
    return next(STATUSES[row["status"]] for row in stored.lockers if row["id"] == locker)


def compare(book: Book, stored: Stored) -> None:
    """Everything acknowledged is there as it was told; every locker of its own is as the book says."""
    for number, told in book.reservations.items():
        row = stored.reservations.get(number)
        require(row is not None, "a reservation is lost", told)
        assert row is not None
        require((row["locker_id"], row["organization_id"]) == (told["lockerId"], book.organization_id), row, told)
        require(row["end_reason"] == book.ended.get(number), row, book.ended.get(number))
    for number, (step, told) in book.tokens.items():
        row = stored.tokens.get(number)
        require(row is not None, "a token is lost", step)
        assert row is not None
        require((row["locker_id"], row["client_info"]) == (step.locker, step.client_info), row, step)
        require(told["locker"]["id"] == step.locker, told, step)
    for locker in book.own:
        known = book.status.get(locker, "available")
        require(_status(stored, locker) == known, book.name, locker, _status(stored, locker), known)


def nothing_came_from_nowhere(books: Sequence[Book], stored: Stored) -> None:
    """Of each own locker there are as many tokens as were made, known or in doubt."""
    minted = Counter(row["locker_id"] for row in stored.tokens.values())
    require(minted == sum((book.minted for book in books), Counter()), minted)
    running = {row["id"] for row in stored.reservations.values() if row["ended_at"] is None}
    known = {one for book in books for held in (book.won, book.reservation) for one in held.values()}
    require(running == known, "running reservations", running ^ known)


def each_change_is_told_once(books: Sequence[Book], stored: Stored) -> None:
    """One delivery for each transition, to the organization that it concerns, and none besides."""
    told: dict[str, Counter[Any]] = defaultdict(Counter)
    for row, data in zip(stored.deliveries, stored.bodies, strict=True):
        about = TOLD_OF.get(row["source"], "locker_id")
        told[row["source"]][row["organization_id"], data[about]] += 1
    cancelled = {one for book in books for one in book.cancelled}
    happened = {
        "LOCKER_RESERVED": _each(stored.reservations.values()),
        "RESERVATION_CANCELLED": _each(row for row in stored.reservations.values() if row["id"] in cancelled),
        "LOCKER_TOKEN_CREATED": _each(stored.tokens.values()),
        "LOCKER_RELEASED": Counter(
            {(book.organization_id, locker): number for book in books for locker, number in book.releases.items()}
        ),
    }
    for source in {*happened, *told}:
        missing, invented = (
            happened.get(source, Counter()) - told[source],
            told[source] - happened.get(source, Counter()),
        )
        require(not missing and not invented, source, "not told:", missing, "told without cause:", invented)


def _each(rows: Iterable[Row]) -> Counter[Any]:
    return Counter((row["organization_id"], row["id"]) for row in rows)


# Once everything is sent ------------------------------------------------


def every_event_arrived(stored: Stored, arrived: Sequence[str], organization_id: int) -> None:
    """Each was sent at least once, none that is not stored, and the first arrivals of a locker's are in its order."""
    own = [row for row in stored.deliveries if row["organization_id"] == organization_id]
    first = list(dict.fromkeys(arrived))
    require(set(first) == {row["id"] for row in own}, len(first), len(own))
    lane_of = {row["id"]: row["lane"] for row in own}
    for lane in set(lane_of.values()):
        recorded = [row["id"] for row in own if row["lane"] == lane]
        require([one for one in first if lane_of[one] == lane] == recorded, "out of order", lane)
