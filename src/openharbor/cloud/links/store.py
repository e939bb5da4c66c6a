"""SQL of Locker Open links. Times in ms since 1970."""

import msgspec

from openharbor.cloud.catalog.store import OPEN_TOWER
from openharbor.cloud.lockers.locker import Locker
from openharbor.cloud.lockers.store import COLUMNS, LOCK, Loaded, decode_locker, encode, loaded
from openharbor.cloud.scope import TenantScope
from openharbor.kit.database.face import Row, Transaction

# CAST tells PostgreSQL the type of a null.
LINK = (
    "SELECT id, organization_id, locker_id, tower_id, kind, status, created_at, expires_at, return_url, client_info,"
    " payload, keypad_intent, persist_keypad_code, keypad_code, code_in_force FROM links WHERE id = :id"
    " AND (CAST(:organization_id AS BIGINT) IS NULL OR organization_id = :organization_id)"
)
# Free, or held for a time that is over: the decision tells whether that made it free.
CANDIDATE = (
    f"SELECT {COLUMNS} WHERE t.location_id = :location_id AND l.type_id = :type_id"
    " AND (l.status = 1 OR l.due_at <= :now) AND (l.low = 1 OR :low_only = 0)"
    f" AND (l.low > :after_low OR l.low = :after_low AND l.id > :after_id) AND {OPEN_TOWER}"
    f" ORDER BY l.low, l.id LIMIT 1{LOCK} SKIP LOCKED"
)
decode_text = msgspec.json.Decoder(str).decode


class Wanted(msgspec.Struct, frozen=True):
    """Which lockers would do for a drop-off link."""

    location_id: int
    type_id: int
    low_only: bool


class Link(msgspec.Struct, frozen=True, kw_only=True):
    """`kind`: dropoff or pickup. `payload`: JSON text. `keypad_code`: made, and shown only once it is in force."""

    link_id: int
    organization_id: int
    locker_id: int
    tower_id: str
    kind: str
    status: str = "pending"
    created_at: int
    expires_at: int
    return_url: str
    client_info: str
    payload: str
    keypad_intent: str | None
    persist_keypad_code: bool
    keypad_code: str | None = None
    code_in_force: bool = False

    def __repr__(self) -> str:
        return f"Link(link_id={self.link_id})"

    def status_at(self, now: int) -> str:
        """What everybody sees at `now`, whether or not the end was written down."""
        return "expired" if self.status == "pending" and self.expires_at <= now else self.status


def find(scope: TenantScope, tx: Transaction, link_id: int) -> Link | None:
    """None: there is none, or it belongs to someone else."""
    row = tx.one(LINK, id=link_id, organization_id=scope.organization_id)
    return None if row is None else _link(row)


def add(_scope: TenantScope, tx: Transaction, link: Link) -> None:
    """`client_info` is kept as JSON text: it may hold any character."""
    tx.execute(
        "INSERT INTO links (id, organization_id, locker_id, tower_id, kind, status, created_at, expires_at, return_url,"
        " client_info, payload, keypad_intent, persist_keypad_code, keypad_code, code_in_force) VALUES (:id,"
        " :organization_id, :locker_id, :tower_id, :kind, :status, :created_at, :expires_at, :return_url, :client_info,"
        " :payload, :keypad_intent, :persist_keypad_code, :keypad_code, 0)",
        id=link.link_id,
        organization_id=link.organization_id,
        locker_id=link.locker_id,
        tower_id=link.tower_id,
        kind=link.kind,
        status=link.status,
        created_at=link.created_at,
        expires_at=link.expires_at,
        return_url=link.return_url,
        client_info=encode(link.client_info).decode(),
        payload=link.payload,
        keypad_intent=link.keypad_intent,
        persist_keypad_code=int(link.persist_keypad_code),
        keypad_code=link.keypad_code,
    )


def candidate(scope: TenantScope, tx: Transaction, wanted: Wanted, after: Loaded | None, now: int) -> Loaded | None:
    """The next locker that may be free, locked; lockers that another unit of work has are left out.

    In order: those that are not low first, so that the low ones are left for who needs them.
    """
    row = tx.one(
        CANDIDATE,
        organization_id=scope.organization_id,
        location_id=wanted.location_id,
        type_id=wanted.type_id,
        low_only=int(wanted.low_only),
        after_low=-1 if after is None else after.shown["low"],
        after_id=0 if after is None else after.locker.locker_id,
        now=now,
    )
    return None if row is None else loaded(row)


def has_locker_type(_scope: TenantScope, tx: Transaction, type_id: int) -> bool:
    return tx.one("SELECT id FROM locker_types WHERE id = :id", id=type_id) is not None


def claim_towers(_scope: TenantScope, tx: Transaction, location_id: int) -> None:
    """Lets one unit of work at a time give keypad codes to lockers of this location.

    A lock alone would not do: who waited for it would go on with what it had read before.
    """
    tx.execute("UPDATE towers SET epoch = epoch WHERE location_id = :location_id", location_id=location_id)


def claim_tower_of(_scope: TenantScope, tx: Transaction, locker_id: int) -> None:
    """As `claim_towers`, for the one tower of a locker; before the locker is locked."""
    tx.execute(
        "UPDATE towers SET epoch = epoch WHERE id = (SELECT tower_id FROM lockers WHERE id = :locker_id)",
        locker_id=locker_id,
    )


def tower_lockers(_scope: TenantScope, tx: Transaction, tower_id: str) -> list[Locker]:
    """Every locker of the tower."""
    rows = tx.all("SELECT state FROM lockers WHERE tower_id = :tower_id", tower_id=tower_id)
    return [decode_locker(row["state"]) for row in rows]


def keypad_code(_scope: TenantScope, tx: Transaction, link_id: int) -> str | None:
    """The code that was made for a link."""
    row = tx.one("SELECT keypad_code FROM links WHERE id = :id", id=link_id)
    return None if row is None else row["keypad_code"]


def client_of(scope: TenantScope, tx: Transaction) -> str | None:
    """The organization's first client that is good, for whom the tokens of its links are issued."""
    row = tx.one(
        "SELECT client_id FROM clients WHERE organization_id = :organization_id"
        " ORDER BY CASE WHEN revoked_at IS NULL THEN 0 ELSE 1 END, created_at, client_id LIMIT 1",
        organization_id=scope.organization_id,
    )
    return None if row is None else row["client_id"]


def _link(row: Row) -> Link:
    return Link(
        link_id=row["id"],
        organization_id=row["organization_id"],
        locker_id=row["locker_id"],
        tower_id=row["tower_id"],
        kind=row["kind"],
        status=row["status"],
        created_at=row["created_at"],
        expires_at=row["expires_at"],
        return_url=row["return_url"],
        client_info=decode_text(row["client_info"]),
        payload=row["payload"],
        keypad_intent=row["keypad_intent"],
        persist_keypad_code=row["persist_keypad_code"] == 1,
        keypad_code=row["keypad_code"],
        code_in_force=row["code_in_force"] == 1,
    )
