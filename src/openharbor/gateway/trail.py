"""The audit log: the rows that units of work leave in it, and reading them (gateway-admin.yaml, listAuditEntries)."""

from collections.abc import Iterator, Mapping

import msgspec
from msgspec.structs import replace

from openharbor.gateway.site import Site
from openharbor.kit.audit import AuditActor, AuditEntry, ChainHead, Facts, append, entry_of
from openharbor.kit.database.face import Row
from openharbor.kit.database.face import Transaction as Tx
from openharbor.kit.errors import NO_DETAILS, Refusal
from openharbor.kit.http.operation import Caller

AUDITED = frozenset((401, 403, 404, 409, 503))  # the refusals that leave an entry
ACTOR_TYPES = frozenset(("admin", "apiKey", "loopback", "fleet", "system"))
SYSTEM = Caller("system", None, "")
FAILED_ACTIONS = {
    "createTransaction": "TRANSACTION_CREATE_FAILED",
    "releaseTransaction": "TRANSACTION_RELEASE_FAILED",
    "openLockerByTransactionId": "LOCKER_OPEN_FAILED",
    "openLockerById": "LOCKER_OPEN_FAILED",
    "openAllLockers": "OPEN_ALL_FAILED",
    "updateLocker": "LOCKER_UPDATE_FAILED",
    "updateSystem": "SYSTEM_UPDATE_FAILED",
    "receiveHeartbeat": "DEVICE_REGISTER_FAILED",
}


class State(msgspec.Struct, frozen=True):
    """What a unit of work starts from and what it leaves: the site, and the end of the audit log."""

    site: Site
    head: ChainHead


def audit(
    tx: Tx,
    head: ChainHead,
    action: str,
    caller: Caller,
    now: int,
    *,
    success: bool = True,
    locker_id: int | None = None,
    transaction_id: str | None = None,
    controller_id: int | None = None,
    details: Mapping[str, str] = NO_DETAILS,
) -> ChainHead:
    """Writes one entry; the new end of the log."""
    facts = Facts(
        at=now,
        actor=actor_of(caller),
        action=action,
        success=success,
        locker_id=locker_id,
        transaction_id=transaction_id,
        controller_id=controller_id,
        details=_with_address(details, caller),
    )
    head, entry = append(head, facts)
    insert_entry(tx, now, entry)
    return head


def audit_refusal(
    tx: Tx,
    head: ChainHead,
    action: str,
    refusal: Refusal,
    caller: Caller,
    now: int,
    *,
    locker_id: int | None = None,
    transaction_id: str | None = None,
) -> ChainHead:
    """Writes an entry for a refusal that belongs in the log; the end of the log.

    `locker_id` only of a locker that exists: what a caller made up stands in the details.
    """
    if refusal.status not in AUDITED:
        return head
    details = {"error": refusal.code, **refusal.details}
    return audit(
        tx,
        head,
        action,
        caller,
        now,
        success=False,
        locker_id=locker_id,
        transaction_id=transaction_id,
        details=details,
    )


def note_refusal(
    tx: Tx, state: State, operation_id: str, refusal: Refusal, caller: Caller, now: int
) -> tuple[State, None]:
    """A unit of work: the entry for an operation that was refused before it was looked at (key, scope, origin)."""
    action = FAILED_ACTIONS.get(operation_id, "REQUEST_REFUSED")
    return replace(state, head=audit_refusal(tx, state.head, action, refusal, caller, now)), None


def actor_of(caller: Caller) -> AuditActor:
    """Who acted. The contract has no word for a network caller without a key: it is an `apiKey` without a name."""
    kind = caller.kind if caller.kind in ACTOR_TYPES else "apiKey"
    return AuditActor(kind, None if caller.name is None else caller.name[:100])


def _with_address(details: Mapping[str, str], caller: Caller) -> Mapping[str, str]:
    if caller.kind in ("loopback", "system") or not caller.address:
        return details
    return {**details, "address": caller.address}


def insert_entry(tx: Tx, at: int, entry: AuditEntry) -> None:
    tx.execute(
        "INSERT INTO audit (id, at, actor_type, actor_name, action, success, locker_id, transaction_id, controller_id,"
        " details, previous_hash, hash) VALUES (:id, :at, :actor_type, :actor_name, :action, :success, :locker_id,"
        " :transaction_id, :controller_id, :details, :previous_hash, :hash)",
        id=entry.id,
        at=at,
        actor_type=entry.actor.type,
        actor_name=entry.actor.name,
        action=entry.action,
        success=int(entry.success),
        locker_id=entry.locker_id,
        transaction_id=entry.transaction_id,
        controller_id=entry.controller_id,
        details=msgspec.json.encode(entry.details).decode() if entry.details else "{}",
        previous_hash=entry.previous_hash,
        hash=entry.hash,
    )


def chain_head(tx: Tx) -> ChainHead:
    """The end of the audit log on disk."""
    row = tx.one("SELECT id, hash FROM audit ORDER BY id DESC LIMIT 1")
    return ChainHead() if row is None else ChainHead(row["id"], row["hash"])


def every_entry(tx: Tx, page: int = 10_000) -> Iterator[AuditEntry]:
    """The whole log in order, page by page: for `kit.audit.verify`."""
    after: int | None = 0
    while after is not None:
        rows = tx.all("SELECT * FROM audit WHERE id > :after ORDER BY id LIMIT :page", after=after, page=page)
        yield from map(_entry, rows)
        after = rows[-1]["id"] if rows else None


def _entry(row: Row) -> AuditEntry:
    facts = Facts(
        at=row["at"],
        actor=AuditActor(row["actor_type"], row["actor_name"]),
        action=row["action"],
        success=bool(row["success"]),
        locker_id=row["locker_id"],
        transaction_id=row["transaction_id"],
        controller_id=row["controller_id"],
        details=msgspec.json.decode(row["details"], type=dict[str, str]),
    )
    return entry_of(row["id"], facts, row["previous_hash"], row["hash"])
