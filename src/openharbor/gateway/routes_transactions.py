"""HTTP of transactions: decode, call one function, answer."""

from functools import partial

from msgspec import UnsetType

from openharbor.gateway import messages as m
from openharbor.gateway.parts import GatewayParts, Reply
from openharbor.gateway.requests import wish_of
from openharbor.gateway.transactions import (
    AlreadyActive,
    Creation,
    NewTransaction,
    create_transaction,
    key_space,
    location,
    release_transaction,
    unknown_transaction,
)
from openharbor.gateway.views import transaction_bodies, transaction_body
from openharbor.kit.errors import Refusal
from openharbor.kit.http.operation import Answer, Call, Operation
from openharbor.kit.idempotency import Keyed, Replay, fingerprint


def operations(parts: GatewayParts) -> list[Operation]:
    """Everything below /transactions."""
    path, one = "/transactions", "/transactions/{transactionId}"
    params, headers = m.TransactionPath, m.IdempotencyHeaders
    return [
        Operation("listTransactions", "GET", path, partial(_list, parts), "read"),
        Operation(
            "createTransaction",
            "POST",
            path,
            partial(_create, parts),
            "transactions",
            headers=headers,
            body=m.CreateTransactionRequest,
            changes_state=True,
        ),
        Operation("getTransaction", "GET", one, partial(_get, parts), "read", params=params),
        Operation(
            "releaseTransaction",
            "DELETE",
            one,
            partial(_release, parts),
            "transactions",
            params=params,
            changes_state=True,
        ),
        Operation(
            "openLockerByTransactionId",
            "POST",
            f"{one}/open",
            partial(_open, parts),
            "transactions",
            params=params,
            headers=headers,
            changes_state=True,
        ),
    ]


def keyed(call: Call, path: str, body: bytes = b"") -> Keyed | None:
    """The request's Idempotency-Key and what it stands for. `path` has the ids decoded, however they were sent."""
    key = call.headers.idempotency_key
    if isinstance(key, UnsetType):
        return None
    return Keyed(key_space(call.caller), key, fingerprint(call.method, path, body))


async def _list(parts: GatewayParts, _call: Call) -> Reply:
    return Answer(200, transaction_bodies(parts.keeper.site))


async def _get(parts: GatewayParts, call: Call) -> Reply:
    site, transaction_id = parts.keeper.site, call.params.transaction_id
    transaction = site.transactions.get(transaction_id)
    if transaction is None:
        return unknown_transaction(transaction_id)
    return Answer(200, transaction_body(transaction, site.lockers[transaction.locker_id]))


async def _create(parts: GatewayParts, call: Call) -> Reply:
    wish = wish_of(call.body)
    if isinstance(wish, Refusal):
        return wish
    asked = NewTransaction(call.body.transaction_id, wish, keyed(call, "/transactions", call.raw_body))
    made = await parts.keeper.change(
        partial(create_transaction, asked=asked, live=parts.live(), caller=call.caller, now=call.received_at)
    )
    return _creation_reply(made)


def _creation_reply(made: Creation) -> Reply:
    if isinstance(made, Refusal):
        return made
    if isinstance(made, AlreadyActive):
        return Answer(409, made.body)
    if isinstance(made, Replay):
        stored = made.answer
        return Answer(stored.status, stored.body, {**stored.headers, "Idempotency-Replayed": "true"})
    return Answer(201, made.body, {"Location": location(made.body.transaction_id)})


async def _release(parts: GatewayParts, call: Call) -> Reply:
    released = await parts.keeper.change(
        partial(
            release_transaction, transaction_id=call.params.transaction_id, caller=call.caller, now=call.received_at
        )
    )
    return released if isinstance(released, Refusal) else Answer(204)


async def _open(parts: GatewayParts, call: Call) -> Reply:
    transaction_id = call.params.transaction_id
    key = keyed(call, f"{location(transaction_id)}/open")
    return await parts.opening.open_by_transaction(transaction_id, key, call.caller, call.received_at)
