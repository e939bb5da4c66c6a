"""SQL of the towers: their keys, their queue of commands, what they are wired to. Times in ms since 1970."""

from collections.abc import Sequence
from typing import Any, cast

import msgspec

from openharbor.cloud.lockers.locker import Locker, Tower
from openharbor.cloud.scope import TenantScope
from openharbor.cloud.towers.fields_text import from_text, to_text
from openharbor.cloud.towers.rotations import KeyState, Rotation
from openharbor.kit.database.face import Row, Transaction

LOCK = " FOR UPDATE"
FIND_TOWER = (
    "SELECT id AS tower_id, name, rotation, next_command, next_event, epoch, synced_s, corrections"
    " FROM towers WHERE id = :id"
)
WIRED_LOCKERS = "SELECT state, port, door_sensor FROM lockers WHERE tower_id = :tower_id ORDER BY number"

LOCKER = msgspec.json.Decoder(Locker)
decode_numbers = msgspec.json.Decoder(tuple[int, ...]).decode


class NewCommand(msgspec.Struct, frozen=True):
    """A row of `tower_commands` that the tower has not dealt with."""

    command_id: int
    packet_type: int
    fields: dict[int, Any]
    locker_number: int | None
    created_at: int


class TowerRow(msgspec.Struct, frozen=True):
    """A tower as decisions know it, and its name."""

    tower: Tower
    name: str


class WiredLocker(msgspec.Struct, frozen=True):
    """A locker and how it is wired. `door_sensor`: normal, inverted, none."""

    locker: Locker
    port: int
    door_sensor: str


def find_tower(_scope: TenantScope, tx: Transaction, tower_id: str, *, lock: bool) -> TowerRow | None:
    """The tower, if `lock` locked until the unit of work ends."""
    row = tx.one(FIND_TOWER + LOCK if lock else FIND_TOWER, id=tower_id)
    if row is None:
        return None
    return TowerRow(tower_of(row), row["name"])


def tower_of(row: Row) -> Tower:
    """A tower as decisions know it, of a row with its id as `tower_id`."""
    corrections = row["corrections"]
    return Tower(
        tower_id=row["tower_id"],
        rotation=row["rotation"],
        next_command=row["next_command"],
        next_event=row["next_event"],
        epoch=row["epoch"],
        synced_s=row["synced_s"],
        corrections=() if corrections == "[]" else decode_numbers(corrections),
    )


def take_numbers(_scope: TenantScope, tx: Transaction, tower_id: str, count: int) -> int:
    """The first of `count` command numbers, in order with no gap. Raises LookupError for an unknown tower."""
    row = tx.one(
        "UPDATE towers SET next_command = next_command + :count WHERE id = :id RETURNING next_command",
        id=tower_id,
        count=count,
    )
    if row is None:
        raise LookupError(f"there is no tower {tower_id}")
    return int(row["next_command"]) - count


def insert_commands(_scope: TenantScope, tx: Transaction, tower_id: str, commands: Sequence[NewCommand]) -> None:
    tx.execute_many(
        "INSERT INTO tower_commands (tower_id, command_id, packet_type, fields, locker_number, created_at)"
        " VALUES (:tower_id, :command_id, :packet_type, :fields, :locker_number, :created_at)",
        [
            {
                "tower_id": tower_id,
                "command_id": command.command_id,
                "packet_type": int(command.packet_type),
                "fields": to_text(command.fields),
                "locker_number": command.locker_number,
                "created_at": command.created_at,
            }
            for command in commands
        ],
    )


def waiting_commands(_scope: TenantScope, tx: Transaction, tower_id: str, limit: int) -> list[NewCommand]:
    """The oldest commands that no event has covered yet, in order."""
    rows = tx.all(
        "SELECT command_id, packet_type, fields, locker_number, created_at FROM tower_commands"
        " WHERE tower_id = :tower_id AND done_at IS NULL ORDER BY command_id LIMIT :limit",
        tower_id=tower_id,
        limit=limit,
    )
    return [new_command(row) for row in rows]


def new_command(row: Row) -> NewCommand:
    """A row of the queue."""
    return NewCommand(
        row["command_id"], row["packet_type"], from_text(row["fields"]), row["locker_number"], row["created_at"]
    )


def waiting_key_commands(_scope: TenantScope, tx: Transaction, tower_id: str) -> list[tuple[int, int]]:
    """The key commands that wait: packet type and rotation (#43)."""
    rows = tx.all(
        "SELECT packet_type, fields FROM tower_commands"
        " WHERE tower_id = :tower_id AND done_at IS NULL AND packet_type IN (6, 7, 8) ORDER BY command_id",
        tower_id=tower_id,
    )
    return [(row["packet_type"], from_text(row["fields"])[43]) for row in rows]


def finish_waiting(_scope: TenantScope, tx: Transaction, tower_id: str, now: int) -> int:
    """Every waiting command is done, without a result from the tower; how many there were."""
    return tx.execute(
        "UPDATE tower_commands SET done_at = :now WHERE tower_id = :tower_id AND done_at IS NULL",
        tower_id=tower_id,
        now=now,
    )


def last_stored_event(_scope: TenantScope, tx: Transaction, tower_id: str) -> int:
    """The largest event id that was ever stored; 0 if none was."""
    row = tx.one("SELECT MAX(event_id) AS last FROM tower_events WHERE tower_id = :tower_id", tower_id=tower_id)
    return 0 if row is None or row["last"] is None else int(row["last"])


def sealed_root(_scope: TenantScope, tx: Transaction, tower_id: str, rotation: int) -> str | None:
    """The root key as it is stored; None: no such rotation, or a revoked one."""
    row = tx.one(
        "SELECT sealed_root FROM tower_keys WHERE tower_id = :tower_id AND rotation = :rotation AND state <> 'revoked'",
        tower_id=tower_id,
        rotation=rotation,
    )
    return None if row is None else cast("str | None", row["sealed_root"])


def rotations(_scope: TenantScope, tx: Transaction, tower_id: str) -> list[Rotation]:
    """Every rotation that the tower ever had, in order."""
    rows = tx.all(
        "SELECT rotation, state, created_at, changed_at FROM tower_keys WHERE tower_id = :tower_id ORDER BY rotation",
        tower_id=tower_id,
    )
    return [Rotation(row["rotation"], row["state"], row["created_at"], row["changed_at"]) for row in rows]


def insert_key(
    _scope: TenantScope, tx: Transaction, tower_id: str, rotation: int, state: KeyState, sealed: str, now: int
) -> None:
    tx.execute(
        "INSERT INTO tower_keys (tower_id, rotation, state, sealed_root, created_at, changed_at)"
        " VALUES (:tower_id, :rotation, :state, :sealed, :now, :now)",
        tower_id=tower_id,
        rotation=rotation,
        state=state,
        sealed=sealed,
        now=now,
    )


def set_key_state(
    _scope: TenantScope, tx: Transaction, tower_id: str, rotation: int, state: KeyState, now: int
) -> None:
    """A revoked rotation loses its key for good."""
    tx.execute(
        "UPDATE tower_keys SET state = :state, changed_at = :now,"
        " sealed_root = CASE WHEN :state = 'revoked' THEN NULL ELSE sealed_root END"
        " WHERE tower_id = :tower_id AND rotation = :rotation",
        tower_id=tower_id,
        rotation=rotation,
        state=state,
        now=now,
    )


def revoke_all_keys(_scope: TenantScope, tx: Transaction, tower_id: str, now: int) -> None:
    tx.execute(
        "UPDATE tower_keys SET state = 'revoked', sealed_root = NULL, changed_at = :now"
        " WHERE tower_id = :tower_id AND state <> 'revoked'",
        tower_id=tower_id,
        now=now,
    )


def set_rotation(_scope: TenantScope, tx: Transaction, tower_id: str, rotation: int | None) -> None:
    """The newest confirmed rotation: what is sealed with from now on."""
    tx.execute("UPDATE towers SET rotation = :rotation WHERE id = :id", id=tower_id, rotation=rotation)


def restart_log(_scope: TenantScope, tx: Transaction, tower_id: str, *, next_event: int, epoch: int) -> None:
    """The tower's log begins anew at this event and epoch; no correction of its clock is on its way."""
    tx.execute(
        "UPDATE towers SET next_event = :next_event, epoch = :epoch, corrections = '[]', covered = '[]',"
        " gap_since = NULL, gap_told_at = NULL WHERE id = :id",
        id=tower_id,
        next_event=next_event,
        epoch=epoch,
    )


def wired_lockers(_scope: TenantScope, tx: Transaction, tower_id: str, *, lock: bool) -> list[WiredLocker]:
    """The lockers of a tower by number, if `lock` locked until the unit of work ends."""
    rows = tx.all(WIRED_LOCKERS + LOCK if lock else WIRED_LOCKERS, tower_id=tower_id)
    return [WiredLocker(LOCKER.decode(row["state"]), row["port"], row["door_sensor"]) for row in rows]
