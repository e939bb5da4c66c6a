"""SQL of what became of the commands to a tower, and which of a kind wait. Times in ms since 1970."""

from collections.abc import Mapping
from typing import Any

import msgspec

from openharbor.blink.packets import Packet
from openharbor.cloud.scope import TenantScope
from openharbor.cloud.towers.fields_text import from_text, to_text
from openharbor.cloud.towers.store import NewCommand, new_command
from openharbor.kit.database.face import Transaction


class Reset(msgspec.Struct, frozen=True):
    """A RESET_EVENT_COUNTER: the event ids of the next epoch begin at `start`."""

    command_id: int
    start: int


def waiting_command(_scope: TenantScope, tx: Transaction, tower_id: str, packet_type: int) -> NewCommand | None:
    """The newest command of this type that waits."""
    row = tx.one(
        "SELECT command_id, packet_type, fields, locker_number, created_at FROM tower_commands"
        " WHERE tower_id = :tower_id AND done_at IS NULL AND packet_type = :packet_type"
        " ORDER BY command_id DESC LIMIT 1",
        tower_id=tower_id,
        packet_type=int(packet_type),
    )
    return None if row is None else new_command(row)


def waiting_reset(scope: TenantScope, tx: Transaction, tower_id: str) -> Reset | None:
    """The RESET_EVENT_COUNTER that waits."""
    command = waiting_command(scope, tx, tower_id, Packet.RESET_EVENT_COUNTER)
    return None if command is None else Reset(command.command_id, command.fields[31])


def set_fields(_scope: TenantScope, tx: Transaction, tower_id: str, command_id: int, fields: Mapping[int, Any]) -> None:
    """Other fields for a command that waits."""
    tx.execute(
        "UPDATE tower_commands SET fields = :fields WHERE tower_id = :tower_id AND command_id = :command_id",
        tower_id=tower_id,
        command_id=command_id,
        fields=to_text(fields),
    )


def last_adjustment(_scope: TenantScope, tx: Transaction, tower_id: str) -> tuple[int, int | None] | None:
    """The last ADJUST_CLOCK: its seconds (#152), and when it was done; None: none was ever queued."""
    row = tx.one(
        "SELECT fields, done_at FROM tower_commands WHERE tower_id = :tower_id AND packet_type = :packet_type"
        " ORDER BY command_id DESC LIMIT 1",
        tower_id=tower_id,
        packet_type=int(Packet.ADJUST_CLOCK),
    )
    return None if row is None else (from_text(row["fields"])[152], row["done_at"])


def finish(
    scope: TenantScope, tx: Transaction, tower_id: str, first: int, end: int, failed: Mapping[int, int], now: int
) -> None:
    """The tower dealt with the commands from `first` to before `end`. `failed`: codes by id; the others have result 0.

    Those before, which it dealt with too, are done without a result that anybody knows.
    """
    finish_until(scope, tx, tower_id, first - 1, now)
    tx.execute(
        "UPDATE tower_commands SET done_at = COALESCE(done_at, :now), result = 0"
        " WHERE tower_id = :tower_id AND command_id >= :first AND command_id < :end AND result IS NULL",
        tower_id=tower_id,
        first=first,
        end=end,
        now=now,
    )
    tx.execute_many(
        "UPDATE tower_commands SET result = :result WHERE tower_id = :tower_id AND command_id = :command_id",
        [
            {"tower_id": tower_id, "command_id": command_id, "result": result}
            for command_id, result in failed.items()
            if first <= command_id < end
        ],
    )


def finish_until(_scope: TenantScope, tx: Transaction, tower_id: str, command_id: int, now: int) -> None:
    """Every command up to this one is done; of those that waited nobody knows the result."""
    tx.execute(
        "UPDATE tower_commands SET done_at = :now"
        " WHERE tower_id = :tower_id AND done_at IS NULL AND command_id <= :command_id",
        tower_id=tower_id,
        command_id=command_id,
        now=now,
    )


def key_commands(
    _scope: TenantScope, tx: Transaction, tower_id: str, first: int, count: int
) -> list[tuple[int, int, int]]:
    """The key commands among `count` from `first` on that wait: id, packet type and rotation (#43)."""
    rows = tx.all(
        "SELECT command_id, packet_type, fields FROM tower_commands WHERE tower_id = :tower_id AND done_at IS NULL"
        " AND command_id >= :first AND command_id < :end AND packet_type IN (6, 7, 8) ORDER BY command_id",
        tower_id=tower_id,
        first=first,
        end=first + count,
    )
    return [(row["command_id"], row["packet_type"], from_text(row["fields"])[43]) for row in rows]
