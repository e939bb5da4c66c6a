"""SQL of the lockers: one is read with all that a decision needs, and a decision's change is written.

Times in ms since 1970.
"""

from collections.abc import Callable

import msgspec

from openharbor.cloud.catalog.reading import LOCKER_NOT_FOUND, TOWER_NOT_FOUND
from openharbor.cloud.catalog.store import OPEN_TOWER
from openharbor.cloud.lockers.change import Change
from openharbor.cloud.lockers.locker import Locker, Status, Token, Tower
from openharbor.cloud.scope import INSTALLATION, TenantScope
from openharbor.cloud.towers import commands
from openharbor.cloud.towers.store import tower_of
from openharbor.cloud.webhooks import outbox
from openharbor.kit.database.face import Row, Transaction
from openharbor.kit.errors import Refusal

COLUMNS = (
    "l.id, l.name, l.low, l.tower_id, l.type_id, l.state, k.name AS type_name, k.description AS type_description,"
    " t.access, t.rotation, t.next_command, t.next_event, t.epoch, t.synced_s, t.corrections"
    " FROM lockers l JOIN towers t ON t.id = l.tower_id JOIN locker_types k ON k.id = l.type_id"
)
# Who holds a locker may still end that after its tower was closed to it.
REACHABLE = f"({OPEN_TOWER} OR l.holder_id = :organization_id)"
LOCKER = f"SELECT {COLUMNS} WHERE l.id = :locker_id AND l.tower_id = :tower_id AND {REACHABLE}"
LOCKER_BY_ID = f"SELECT {COLUMNS} WHERE l.id = :locker_id AND {REACHABLE}"
LOCK = " FOR UPDATE OF l"
TOWER = (
    "SELECT t.id AS tower_id, t.rotation, t.next_command, t.next_event, t.epoch, t.synced_s, t.corrections"
    " FROM towers t WHERE t.id = :tower_id"
)
HOLDS_IN_TOWER = "EXISTS (SELECT 1 FROM lockers l WHERE l.tower_id = t.id AND l.holder_id = :organization_id)"
OPENS_ASSIGNMENT = frozenset({"A1", "A2", "A3", "E5"})  # rows of locker-states.md 4
RESERVES = frozenset({"A1", "E5"})

decode_locker = msgspec.json.Decoder(Locker).decode
encode = msgspec.json.Encoder().encode


class Loaded(msgspec.Struct, frozen=True, gc=False):
    """A locker, its tower, and the row with what else people see of it (`catalog.views.shown_locker`)."""

    locker: Locker
    tower: Tower
    shown: Row


def load(scope: TenantScope, tx: Transaction, tower_id: str, locker_id: int, *, lock: bool) -> Loaded | Refusal:
    """The locker, if `lock` locked until the unit of work ends. 404 when it, or its tower, is not there or not open."""
    row = tx.one(
        LOCKER + LOCK if lock else LOCKER,
        organization_id=scope.organization_id,
        tower_id=tower_id,
        locker_id=locker_id,
    )
    if row is not None:
        return loaded(row)
    tower = load_tower(scope, tx, tower_id, lock=False)
    return tower if isinstance(tower, Refusal) else LOCKER_NOT_FOUND


def load_by_id(scope: TenantScope, tx: Transaction, locker_id: int, *, lock: bool) -> Loaded | Refusal:
    """As `load`, without naming the tower. 404 "Locker not found" in every case."""
    sql = LOCKER_BY_ID + LOCK if lock else LOCKER_BY_ID
    row = tx.one(sql, organization_id=scope.organization_id, locker_id=locker_id)
    return LOCKER_NOT_FOUND if row is None else loaded(row)


def load_tower(scope: TenantScope, tx: Transaction, tower_id: str, *, lock: bool) -> Tower | Refusal:
    """The tower; before a locker is locked, in a unit that may queue commands. 404 when it is not there or not open."""
    row = tx.one(
        f"{TOWER} AND ({OPEN_TOWER} OR {HOLDS_IN_TOWER}){' FOR UPDATE' if lock else ''}",
        organization_id=scope.organization_id,
        tower_id=tower_id,
    )
    return TOWER_NOT_FOUND if row is None else tower_of(row)


def held(scope: TenantScope, tx: Transaction) -> list[Loaded]:
    """Every locker that the organization holds, by id."""
    sql = f"SELECT {COLUMNS} WHERE l.holder_id = :organization_id ORDER BY l.id"
    return [loaded(row) for row in tx.all(sql, organization_id=scope.organization_id)]


def loaded(row: Row) -> Loaded:
    """A row of `COLUMNS`."""
    return Loaded(decode_locker(row["state"]), tower_of(row), row)


def due(_scope: TenantScope, tx: Transaction, now: int, limit: int) -> list[Locker]:
    """Lockers whose reservation or link hold is over, the longest first; those that another unit has are left out."""
    rows = tx.all(
        "SELECT l.state FROM lockers l WHERE l.due_at <= :now ORDER BY l.due_at LIMIT :limit FOR UPDATE SKIP LOCKED",
        now=now,
        limit=limit,
    )
    return [decode_locker(row["state"]) for row in rows]


def next_due(_scope: TenantScope, tx: Transaction) -> int | None:
    """When the next reservation or link hold is over."""
    row = tx.one("SELECT MIN(due_at) AS due_at FROM lockers WHERE due_at IS NOT NULL")
    return None if row is None else row["due_at"]


def keep(scope: TenantScope, tx: Transaction, change: Change, *, now: int, new_message_id: Callable[[], str]) -> None:
    """Writes a change of a locker that this unit has locked (and its tower, if commands are queued)."""
    if change.ended is not None:
        _end_assignment(scope, tx, change.ended, now)
    if change.row in OPENS_ASSIGNMENT:
        _add_assignment(scope, tx, change.locker)
    update(scope, tx, change.locker)
    if change.row in RESERVES:
        _add_reservation(scope, tx, change.locker)
    if change.reservation_end is not None:
        _end_reservation(scope, tx, *change.reservation_end, now)
    if change.settled:
        _settle(scope, tx, change)
    if change.ended is not None and change.locker.status is Status.AVAILABLE:
        _settle_forgotten(scope, tx, change.locker)
    if change.links or change.end_links:
        _change_links(scope, tx, change, now)
    # What a decision comes to may concern others too, such as the holder whose reservation was over.
    if change.commands:
        commands.queue(INSTALLATION, tx, change.locker.tower_id, change.commands, now)
    if change.notices:
        outbox.record(INSTALLATION, tx, change.notices, recorded_at=now, new_id=new_message_id)


def add_token(_scope: TenantScope, tx: Transaction, locker: Locker, token: Token, now: int) -> None:
    """A token of the locker's present assignment. `client_info` is kept as JSON text: it may hold any character."""
    assignment = locker.assignment
    tx.execute(
        "INSERT INTO open_tokens (id, locker_id, organization_id, assignment_id, kind, generation, rotation,"
        " created_at, expires_s, client_info, link_id) VALUES (:id, :locker_id, :organization_id, :assignment_id,"
        " :kind, :generation, :rotation, :created_at, :expires_s, :client_info, :link_id)",
        id=token.token_id,
        locker_id=locker.locker_id,
        organization_id=token.organization_id,
        assignment_id=None if assignment is None else assignment.assignment_id,
        kind=token.kind,
        generation=token.generation,
        rotation=token.rotation,
        created_at=now,
        expires_s=token.expires_s,
        client_info=encode(token.client_info).decode(),
        link_id=token.link_id,
    )


def update(_scope: TenantScope, tx: Transaction, locker: Locker) -> None:
    """The locker's row, as it is after a decision."""
    tx.execute(
        "UPDATE lockers SET status = :status, holder_id = :holder_id, due_at = :due_at, state = :state WHERE id = :id",
        id=locker.locker_id,
        status=int(locker.status),
        holder_id=locker.holder,
        due_at=locker.due_at,
        state=encode(locker).decode(),
    )


def _add_assignment(_scope: TenantScope, tx: Transaction, locker: Locker) -> None:
    assignment = locker.assignment
    if assignment is None:
        raise ValueError(f"locker {locker.locker_id} was assigned to nobody")
    tx.execute(
        "INSERT INTO assignments (id, locker_id, organization_id, since)"
        " VALUES (:id, :locker_id, :organization_id, :since)",
        id=assignment.assignment_id,
        locker_id=locker.locker_id,
        organization_id=assignment.organization_id,
        since=assignment.since,
    )


def _end_assignment(_scope: TenantScope, tx: Transaction, assignment_id: int, now: int) -> None:
    tx.execute("UPDATE assignments SET ended_at = :now WHERE id = :id AND ended_at IS NULL", id=assignment_id, now=now)


def _add_reservation(_scope: TenantScope, tx: Transaction, locker: Locker) -> None:
    reservation = locker.reservation
    if reservation is None:
        raise ValueError(f"locker {locker.locker_id} was reserved without a reservation")
    tx.execute(
        "INSERT INTO reservations (id, locker_id, organization_id, duration_s, created_at, expires_at)"
        " VALUES (:id, :locker_id, :organization_id, :duration_s, :created_at, :expires_at)",
        id=reservation.reservation_id,
        locker_id=locker.locker_id,
        organization_id=locker.holder,
        duration_s=reservation.duration_s,
        created_at=reservation.created_at,
        expires_at=reservation.expires_at,
    )


def _end_reservation(_scope: TenantScope, tx: Transaction, reservation_id: int, reason: str, now: int) -> None:
    """The first end of a reservation is the only one (locker-states.md, invariant 19)."""
    tx.execute(
        "UPDATE reservations SET ended_at = :now, end_reason = :reason WHERE id = :id AND ended_at IS NULL",
        id=reservation_id,
        reason=reason,
        now=now,
    )


def _settle(_scope: TenantScope, tx: Transaction, change: Change) -> None:
    tx.execute_many(
        "UPDATE open_tokens SET settled = :settled WHERE id = :id",
        [{"id": token_id, "settled": how} for token_id, how in change.settled],
    )


def _settle_forgotten(_scope: TenantScope, tx: Transaction, locker: Locker) -> None:
    """The locker is clear: what it no longer remembers (`mint.with_room`) is past its expiry like what it does."""
    tx.execute(
        "UPDATE open_tokens SET settled = 'expired' WHERE locker_id = :locker_id AND settled IS NULL",
        locker_id=locker.locker_id,
    )


def _change_links(_scope: TenantScope, tx: Transaction, change: Change, now: int) -> None:
    for link in change.links:
        tx.execute(
            "UPDATE links SET status = :status, code_in_force = CASE WHEN :in_force = 1 THEN 1 ELSE code_in_force END"
            " WHERE id = :id",
            id=link.link_id,
            status=link.status,
            in_force=int(link.code_in_force),
        )
    if change.end_links:  # one that is over already stays expired
        tx.execute(
            "UPDATE links SET status = 'cancelled'"
            " WHERE locker_id = :locker_id AND status = 'pending' AND expires_at > :now",
            locker_id=change.locker.locker_id,
            now=now,
        )
