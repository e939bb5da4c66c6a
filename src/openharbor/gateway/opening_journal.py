"""The journal of openings: the pulse before it leaves, the outcome before it is answered. Units of work."""

import asyncio
from functools import partial

import msgspec
from msgspec.structs import replace

from openharbor.gateway import store
from openharbor.gateway.keeper import Keeper
from openharbor.gateway.opening_answers import interrupted_answer, stored_answer
from openharbor.gateway.opening_rules import OpenResult, Place
from openharbor.gateway.service_state import open_failed, opened
from openharbor.gateway.site import Site, Transaction
from openharbor.gateway.site_state import put_locker
from openharbor.gateway.trail import SYSTEM, State, audit, audit_refusal
from openharbor.kit import idempotency
from openharbor.kit.clock import Clock
from openharbor.kit.database.face import Row
from openharbor.kit.database.face import Transaction as Tx
from openharbor.kit.errors import Closed, StorageUnavailable
from openharbor.kit.http.operation import Caller
from openharbor.kit.idempotency import Keyed

RETRY_S = 1.0


class KeyTaken(Exception):
    """Another request took the Idempotency-Key meanwhile."""


class GivenAway(Exception):
    """The transaction was released while its open waited, and the locker belongs to another one now."""


class Order(msgspec.Struct, frozen=True):
    """Who wants which door open, and for which transaction. `essential` opens may use the space kept in reserve."""

    place: Place
    caller: Caller
    transaction: Transaction | None = None
    key: Keyed | None = None

    @property
    def transaction_id(self) -> str | None:
        return self.transaction.transaction_id if self.transaction is not None else None

    @property
    def essential(self) -> bool:
        """Opens of existing transactions go on when the disk is full."""
        return self.transaction is not None


def write_pulse(
    tx: Tx, state: State, order: Order, opening_id: int | None, attempt: int, now: int
) -> tuple[State, int]:
    """Journals a pulse about to leave, with its opening before the first one. Raises KeyTaken, GivenAway.

    A release does not stop an open, but a locker that another transaction has meanwhile is somebody else's door.
    """
    if order.transaction is not None and _given_away(state.site, order.transaction):
        raise GivenAway
    if opening_id is None:
        if order.key is not None and not idempotency.begin(tx, order.key, now):
            raise KeyTaken
        opening_id = _insert_opening(tx, order, now)
    tx.execute(
        "INSERT INTO pulses (opening_id, attempt, fired_at) VALUES (:opening_id, :attempt, :fired_at)",
        opening_id=opening_id,
        attempt=attempt,
        fired_at=now,
    )
    return state, opening_id


def _given_away(site: Site, transaction: Transaction) -> bool:
    locker = site.lockers.get(transaction.locker_id)
    holder = None if locker is None else site.transactions.get(locker.transaction_id or "")
    return holder is not None and holder.row_id != transaction.row_id


def write_outcome(tx: Tx, state: State, order: Order, opening_id: int | None, result: OpenResult) -> tuple[State, None]:
    """Journals what an open came to: its row, its key's answer, the locker, the transaction, the audit log."""
    if not result.stored:
        if opening_id is not None:  # a pulse was journaled, but no byte left, and then the open was refused
            _end_opening(tx, opening_id, result)
            if order.key is not None:
                idempotency.abandon(tx, order.key.space, order.key.key)
        return _refused(tx, state, order, result), None
    if opening_id is None:
        opening_id = _insert_opening(tx, order, result.at)
        if order.key is not None:
            idempotency.keep(tx, order.key, stored_answer(result), result.at)
    elif order.key is not None:
        idempotency.finish(tx, order.key.space, order.key.key, stored_answer(result))
    _end_opening(tx, opening_id, result)
    return _audited(tx, _moved(tx, state, order, result), order, result), None


def _refused(tx: Tx, state: State, order: Order, result: OpenResult) -> State:
    head = audit_refusal(
        tx,
        state.head,
        "LOCKER_OPEN_FAILED",
        result.refusal(),
        order.caller,
        result.at,
        locker_id=result.locker_id,
        transaction_id=order.transaction_id,
    )
    return replace(state, head=head)


def _moved(tx: Tx, state: State, order: Order, result: OpenResult) -> State:
    """The locker and the transaction after the open; a transaction released meanwhile stays as it is."""
    before = state.site.lockers.get(result.locker_id)
    if before is None:
        return state
    after = opened(before, result.at) if result.success else open_failed(before, result.code or "", result.at)
    if after is before:
        return state
    store.save_locker(tx, after)
    site = put_locker(state.site, after)
    held = site.transactions.get(order.transaction_id or "")
    if (
        result.success
        and held is not None
        and order.transaction is not None
        and held.row_id == order.transaction.row_id
    ):
        held = replace(held, last_opened_at=result.at, open_count=held.open_count + 1)
        store.save_transaction(tx, held)
        site = replace(site, transactions=site.transactions.set(held.transaction_id, held))
    return replace(state, site=site)


def _audited(tx: Tx, state: State, order: Order, result: OpenResult) -> State:
    details = {"attempts": str(result.attempts), "confirmed": "true" if result.confirmed else "false"}
    if result.code is not None:
        details["error"] = result.code
    if result.reason:
        details["reason"] = result.reason
    head = audit(
        tx,
        state.head,
        "LOCKER_OPENED" if result.success else "LOCKER_OPEN_FAILED",
        order.caller,
        result.at,
        success=result.success,
        locker_id=result.locker_id,
        transaction_id=order.transaction_id,
        controller_id=result.controller_id,
        details=details,
    )
    return replace(state, head=head)


def last_opening(tx: Tx) -> int:
    """The highest number given so far."""
    row = tx.one("SELECT max(opening_id) AS last FROM openings")
    return 0 if row is None else int(row["last"] or 0)


def close_interrupted(tx: Tx, state: State, last: int, now: int) -> tuple[State, int]:
    """Ends the openings up to `last` that a stop of the process left under way: fired, outcome unknown. How many."""
    rows = tx.all(
        "SELECT * FROM openings WHERE finished_at IS NULL AND opening_id <= :last ORDER BY opening_id", last=last
    )
    for row in rows:
        state = _interrupted(tx, state, row, now)
    return state, len(rows)


def _interrupted(tx: Tx, state: State, row: Row, now: int) -> State:
    locker = state.site.lockers.get(row["locker_id"])
    controller_id = locker.bank_id if locker is not None else 0
    message = "The gateway stopped during this open; whether the door opened is not known"
    result = OpenResult(
        row["locker_id"], controller_id, 500, "INTERNAL_ERROR", message, None, False, 1, 0, "interrupted", at=now
    )
    if row["idempotency_key"] is not None:
        idempotency.finish(tx, row["key_space"], row["idempotency_key"], interrupted_answer(result))
    _end_opening(tx, row["opening_id"], result)
    order = Order(Place(row["locker_id"], controller_id, 1), SYSTEM)
    return _audited(tx, state, order, result)


def _insert_opening(tx: Tx, order: Order, now: int) -> int:
    row = tx.one(
        "INSERT INTO openings (locker_id, transaction_row_id, actor_type, actor_name, key_space, idempotency_key,"
        " started_at) VALUES (:locker_id, :transaction_row_id, :actor_type, :actor_name, :key_space, :key, :now)"
        " RETURNING opening_id",
        locker_id=order.place.locker_id,
        transaction_row_id=order.transaction.row_id if order.transaction is not None else None,
        actor_type=order.caller.kind,
        actor_name=order.caller.name,
        key_space=order.key.space if order.key is not None else None,
        key=order.key.key if order.key is not None else None,
        now=now,
    )
    assert row is not None  # noqa: S101  # RETURNING gives one row for each row inserted
    return int(row["opening_id"])


def _end_opening(tx: Tx, opening_id: int, result: OpenResult) -> None:
    tx.execute(
        "UPDATE openings SET finished_at = :at, outcome = :outcome, confirmed = :confirmed, door_open = :door_open,"
        " attempts = :attempts, error_code = :code, reason = :reason, duration_ms = :duration_ms"
        " WHERE opening_id = :opening_id",
        opening_id=opening_id,
        at=result.at,
        outcome=result.outcome,
        confirmed=int(result.confirmed),
        door_open=None if result.door_open is None else int(result.door_open),
        attempts=result.attempts,
        code=result.code,
        reason=result.reason,
        duration_ms=result.duration_ms,
    )


class OpeningJournal:
    """Writes openings through the keeper."""

    def __init__(self, keeper: Keeper, clock: Clock) -> None:
        self._keeper, self._clock = keeper, clock
        self._late: set[asyncio.Task[None]] = set()

    def ignores_sensor(self, locker_id: int) -> bool:
        """Whether the locker's sensor is to be ignored as of now (`brokenLock`)."""
        locker = self._keeper.site.lockers.get(locker_id)
        return locker is not None and locker.broken_lock

    async def pulse(self, order: Order, opening_id: int | None, attempt: int) -> int:
        """The opening's id, once the pulse is durable. Raises KeyTaken, GivenAway, StorageUnavailable, Closed."""
        now = self._clock.now()
        work = partial(write_pulse, order=order, opening_id=opening_id, attempt=attempt, now=now)
        return await self._keeper.change(work, essential=order.essential)

    async def finish(self, order: Order, opening_id: int | None, result: OpenResult) -> None:
        """Returns once the outcome is durable. Raises StorageUnavailable, Closed."""
        work = partial(write_outcome, order=order, opening_id=opening_id, result=result)
        await self._keeper.change(work, essential=order.essential)

    def finish_later(self, order: Order, opening_id: int, result: OpenResult) -> None:
        """Keeps trying: the database could not be written when the outcome was known."""
        task = asyncio.create_task(self._until_written(order, opening_id, result))
        self._late.add(task)
        task.add_done_callback(self._late.discard)

    async def _until_written(self, order: Order, opening_id: int, result: OpenResult) -> None:
        while True:
            await self._clock.sleep(RETRY_S)
            try:
                return await self.finish(order, opening_id, result)
            except StorageUnavailable:
                continue
            except Closed:
                return None  # the next start finds the opening without an end, and says so
