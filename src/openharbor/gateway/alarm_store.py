"""The SQL of alarms: one function a query. Rows in, structs out; no decisions."""

from typing import Any

from openharbor.gateway.alarms import Alarm, AlarmCode, Cause
from openharbor.kit.database.face import Row
from openharbor.kit.database.face import Transaction as Tx

OPEN = "(cleared_at IS NULL OR acknowledged_at IS NULL)"


def insert_alarm(tx: Tx, alarm: Alarm) -> int:
    """Its number. The table refuses a second one of the same cause while the first lasts."""
    row = tx.one(
        "INSERT INTO alarms (cause, kind, code, message, locker_id, controller_id, device_id, raised_at)"
        " VALUES (:cause, :kind, :code, :message, :locker_id, :controller_id, :device_id, :raised_at)"
        " RETURNING alarm_id",
        cause=alarm.cause.key,
        kind=alarm.cause.kind,
        code=alarm.cause.code,
        message=alarm.message,
        locker_id=alarm.cause.locker_id,
        controller_id=alarm.cause.controller_id,
        device_id=alarm.cause.device_id,
        raised_at=alarm.raised_at,
    )
    assert row is not None  # noqa: S101  # RETURNING gives one row for each row inserted
    return int(row["alarm_id"])


def save_alarm(tx: Tx, alarm: Alarm) -> None:
    """Everything of an alarm that changes."""
    tx.execute(
        "UPDATE alarms SET cleared_at = :cleared_at, acknowledged_at = :acknowledged_at,"
        " acknowledged_by = :acknowledged_by, note = :note WHERE alarm_id = :alarm_id",
        alarm_id=alarm.alarm_id,
        cleared_at=alarm.cleared_at,
        acknowledged_at=alarm.acknowledged_at,
        acknowledged_by=alarm.acknowledged_by,
        note=alarm.note,
    )


def lasting_alarms(tx: Tx) -> list[Alarm]:
    """Those whose cause holds, by number. Reads the partial index, so the past costs nothing."""
    rows = tx.all("SELECT * FROM alarms WHERE cleared_at IS NULL AND cause > '' ORDER BY cause")
    return sorted(map(_alarm, rows), key=lambda alarm: alarm.alarm_id)


def lasting_alarm(tx: Tx, cause: Cause) -> Alarm | None:
    """The one of this cause that lasts."""
    row = tx.one("SELECT * FROM alarms WHERE cleared_at IS NULL AND cause = :cause", cause=cause.key)
    return None if row is None else _alarm(row)


def the_alarm(tx: Tx, alarm_id: int) -> Alarm | None:
    row = tx.one("SELECT * FROM alarms WHERE alarm_id = :alarm_id", alarm_id=alarm_id)
    return None if row is None else _alarm(row)


def listed_alarms(tx: Tx, *, open_only: bool, limit: int) -> list[Alarm]:
    """Newest first, at most `limit` (listAlarms)."""
    where = f" WHERE {OPEN}" if open_only else ""
    rows = tx.all(f"SELECT * FROM alarms{where} ORDER BY alarm_id DESC LIMIT :limit", limit=limit)  # noqa: S608  # constant
    return [_alarm(row) for row in rows]


def count_open(tx: Tx) -> dict[AlarmCode, tuple[int, int]]:
    """Of the open alarms of each code: how many last, and how many ended unseen."""
    rows = tx.all(
        "SELECT code, sum(CASE WHEN cleared_at IS NULL THEN 1 ELSE 0 END) AS lasting, count(*) AS every FROM alarms"  # noqa: S608
        f" WHERE {OPEN} GROUP BY code"
    )
    return {row["code"]: (int(row["lasting"]), int(row["every"] - row["lasting"])) for row in rows}


def forget_alarms(tx: Tx, cleared_before: int, most: int) -> int:
    """Deletes alarms that were acknowledged and ended long ago; how many. The newest stays: no number comes twice."""
    return tx.execute(
        "DELETE FROM alarms WHERE alarm_id IN (SELECT alarm_id FROM alarms WHERE cleared_at < :before"
        " AND acknowledged_at IS NOT NULL AND alarm_id < (SELECT max(alarm_id) FROM alarms)"
        " ORDER BY alarm_id LIMIT :most)",
        before=cleared_before,
        most=most,
    )


def _alarm(row: Row) -> Alarm:
    kind: Any = row["kind"]
    return Alarm(
        alarm_id=row["alarm_id"],
        cause=Cause(kind, row["locker_id"], row["controller_id"], row["device_id"]),
        message=row["message"],
        raised_at=row["raised_at"],
        cleared_at=row["cleared_at"],
        acknowledged_at=row["acknowledged_at"],
        acknowledged_by=row["acknowledged_by"],
        note=row["note"],
    )
