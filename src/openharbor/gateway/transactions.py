"""Giving lockers to transactions and taking them back: units of work (gateway-local.yaml, Transactions)."""

from collections.abc import Mapping

import msgspec

from openharbor.gateway import store
from openharbor.gateway.allocation import Wish, choose
from openharbor.gateway.messages import TransactionResponse
from openharbor.gateway.repeats import KEY_CONFLICT
from openharbor.gateway.site import Live, Locker, Transaction
from openharbor.gateway.site_state import hold, let_go
from openharbor.gateway.trail import State, audit, audit_refusal
from openharbor.gateway.views import transaction_body
from openharbor.kit import idempotency
from openharbor.kit.database.face import Transaction as Tx
from openharbor.kit.errors import Refusal
from openharbor.kit.http.operation import Caller
from openharbor.kit.idempotency import Keyed, Replay, StoredAnswer


class NewTransaction(msgspec.Struct, frozen=True):
    """A createTransaction request; `key`: its Idempotency-Key, if it has one."""

    transaction_id: str
    wish: Wish
    key: Keyed | None = None


class Assigned(msgspec.Struct, frozen=True):
    """A locker was given to the transaction."""

    body: TransactionResponse


class AlreadyActive(msgspec.Struct, frozen=True):
    """The id is active already; the body is the transaction that has it."""

    body: TransactionResponse


Creation = Assigned | AlreadyActive | Replay | Refusal


def create_transaction(
    tx: Tx, state: State, asked: NewTransaction, live: Mapping[int, Live], caller: Caller, now: int
) -> tuple[State, Creation]:
    """Gives a free locker to a new transaction; asks for the key first, then for the id, then for lockers."""
    if asked.key is not None:
        verdict = idempotency.judge(idempotency.find(tx, asked.key.space, asked.key.key, now), asked.key.fingerprint)
        if isinstance(verdict, Replay):
            return state, verdict
        if not isinstance(verdict, idempotency.Fresh):
            return _not_created(tx, state, asked, KEY_CONFLICT, caller, now)
    active = state.site.transactions.get(asked.transaction_id)
    if active is not None:
        return _already_active(tx, state, active, caller, now)
    locker = choose(state.site, asked.wish, live)
    if isinstance(locker, Refusal):
        return _not_created(tx, state, asked, locker, caller, now)
    return _assign(tx, state, asked, locker, caller, now)


def _assign(
    tx: Tx, state: State, asked: NewTransaction, locker: Locker, caller: Caller, now: int
) -> tuple[State, Creation]:
    row_id = store.insert_transaction(tx, asked.transaction_id, locker.locker_id, now)
    transaction = Transaction(asked.transaction_id, locker.locker_id, now, row_id)
    site = hold(state.site, transaction)
    held = site.lockers[locker.locker_id]
    store.save_use(tx, held)
    head = audit(
        tx,
        state.head,
        "TRANSACTION_CREATED",
        caller,
        now,
        locker_id=held.locker_id,
        transaction_id=asked.transaction_id,
        controller_id=held.bank_id,
    )
    body = transaction_body(transaction, held)
    if asked.key is not None:
        headers = {"Location": location(asked.transaction_id)}
        idempotency.keep(tx, asked.key, StoredAnswer(201, msgspec.json.encode(body), headers), now)
    return State(site, head), Assigned(body)


def _already_active(tx: Tx, state: State, active: Transaction, caller: Caller, now: int) -> tuple[State, Creation]:
    head = audit(
        tx,
        state.head,
        "TRANSACTION_CREATE_FAILED",
        caller,
        now,
        success=False,
        locker_id=active.locker_id,
        transaction_id=active.transaction_id,
        details={"error": "CONFLICT"},
    )
    body = transaction_body(active, state.site.lockers[active.locker_id])
    return State(state.site, head), AlreadyActive(body)


def _not_created(
    tx: Tx, state: State, asked: NewTransaction, refusal: Refusal, caller: Caller, now: int
) -> tuple[State, Creation]:
    action = "TRANSACTION_CREATE_FAILED"
    head = audit_refusal(tx, state.head, action, refusal, caller, now, transaction_id=asked.transaction_id)
    return State(state.site, head), refusal


def release_transaction(
    tx: Tx, state: State, transaction_id: str, caller: Caller, now: int
) -> tuple[State, Transaction | Refusal]:
    """Ends the transaction and frees its locker; no door moves."""
    transaction = state.site.transactions.get(transaction_id)
    if transaction is None:
        refusal = unknown_transaction(transaction_id)
        action = "TRANSACTION_RELEASE_FAILED"
        head = audit_refusal(tx, state.head, action, refusal, caller, now, transaction_id=transaction_id)
        return State(state.site, head), refusal
    site = let_go(state.site, transaction, now)
    freed = site.lockers[transaction.locker_id]
    store.end_transaction(tx, transaction.row_id, now)
    store.save_use(tx, freed)
    head = audit(
        tx,
        state.head,
        "TRANSACTION_RELEASED",
        caller,
        now,
        locker_id=freed.locker_id,
        transaction_id=transaction_id,
        controller_id=freed.bank_id,
    )
    return State(site, head), transaction


def unknown_transaction(transaction_id: str) -> Refusal:
    """404: no active transaction has this id."""
    message = f"No active transaction has the id {transaction_id}"
    return Refusal("TRANSACTION_NOT_FOUND", 404, message, {"transactionId": transaction_id})


def location(transaction_id: str) -> str:
    """Path of a transaction; its characters need no escaping in a path."""
    return f"/transactions/{transaction_id}"


def key_space(caller: Caller) -> str:
    """Idempotency-Keys belong to one API key; callers without one share a space (choice 6)."""
    return "anonymous" if caller.key_id is None else f"key {caller.key_id}"
