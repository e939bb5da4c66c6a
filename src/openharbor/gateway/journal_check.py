"""`gateway check`: whether the journal is whole (cli.md): the file, the rows that must fit, the audit chain."""

from collections.abc import Iterator

import msgspec

from openharbor.gateway.trail import every_entry
from openharbor.kit.audit import AuditEntry, verify
from openharbor.kit.database.face import Transaction as Tx

# Each finds rows that no release ever wrote, first the lowest: what it says of one, and the row's id.
RULES = (
    (
        "transaction {row} is active on a locker that does not exist",
        "SELECT row_id AS row FROM transactions WHERE released_at IS NULL"
        " AND locker_id NOT IN (SELECT locker_id FROM lockers) ORDER BY row_id LIMIT 1",
    ),
    (
        "transaction {row} shares its locker with another active one",
        "SELECT max(row_id) AS row FROM transactions WHERE released_at IS NULL GROUP BY locker_id"
        " HAVING count(*) > 1 ORDER BY 1 LIMIT 1",
    ),
    (
        "locker {row} shares its place on the board with another",
        "SELECT max(locker_id) AS row FROM lockers GROUP BY bank_id, bank_locker_number HAVING count(*) > 1"
        " ORDER BY 1 LIMIT 1",
    ),
    (
        "pulse {row} belongs to no opening",
        "SELECT pulse_id AS row FROM pulses WHERE opening_id NOT IN (SELECT opening_id FROM openings)"
        " ORDER BY pulse_id LIMIT 1",
    ),
    (
        "opening {row} has more than three pulses",
        "SELECT opening_id AS row FROM pulses GROUP BY opening_id HAVING count(*) > 3 ORDER BY opening_id LIMIT 1",
    ),
)


class Found(msgspec.Struct, frozen=True):
    """What the check came to. `fault`: the first bad row, None if the journal is whole."""

    audit_entries: int
    fault: str | None = None


def examine(tx: Tx) -> Found:
    """Checks everything on one snapshot. The file is checked as a whole, then row by row."""
    for row in tx.all("PRAGMA integrity_check(1)"):
        if row["integrity_check"] != "ok":
            return Found(0, f"the database file is damaged: {row['integrity_check']}")
    for message, sql in RULES:
        bad = tx.one(sql)
        if bad is not None:
            return Found(0, message.format(row=bad["row"]))
    return _audit(tx)


def _audit(tx: Tx) -> Found:
    counter = [0]
    try:
        bad = verify(_counted(every_entry(tx), counter))
    except (msgspec.DecodeError, TypeError, ValueError, OverflowError):  # a row that no release could have written
        bad = counter[0] + 1
    fault = None if bad is None else f"audit entry {bad} is missing or was changed"
    return Found(counter[0], fault)


def _counted(entries: Iterator[AuditEntry], counter: list[int]) -> Iterator[AuditEntry]:
    for entry in entries:
        counter[0] += 1
        yield entry
