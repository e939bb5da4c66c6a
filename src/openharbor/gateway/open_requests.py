"""The three requests that open doors: whose key is it, which doors are meant, and what is answered."""

from functools import partial

import msgspec
import structlog
from msgspec.structs import replace

from openharbor.gateway.allocation import unknown_locker_type
from openharbor.gateway.keeper import Keeper
from openharbor.gateway.lockers import unknown_locker
from openharbor.gateway.messages import OpenAllLockersRequest
from openharbor.gateway.open_all import OpenAll
from openharbor.gateway.opening import Openings
from openharbor.gateway.opening_answers import answer_of, open_all_answer, single_answer
from openharbor.gateway.opening_journal import Order
from openharbor.gateway.opening_rules import Place
from openharbor.gateway.refusals import Refusals
from openharbor.gateway.repeats import KEY_CONFLICT, Repeats, Reply, replayed
from openharbor.gateway.site import Locker, Site, Transaction
from openharbor.gateway.trail import State, audit
from openharbor.gateway.transactions import unknown_transaction
from openharbor.gateway.views import shown_time
from openharbor.kit import idempotency
from openharbor.kit.clock import Clock
from openharbor.kit.database.face import Database
from openharbor.kit.database.face import Transaction as Tx
from openharbor.kit.errors import Closed, Refusal, StorageUnavailable
from openharbor.kit.http.operation import Caller
from openharbor.kit.idempotency import Keyed

log = structlog.get_logger("openharbor.opening")

OUTCOME_UNKNOWN = Refusal("INTERNAL_ERROR", 500, "The gateway stopped during this open; its outcome is not known")


def select(site: Site, wanted: OpenAllLockersRequest) -> list[Locker] | Refusal:
    """The lockers of an open-all: those in service, or those that the body selects."""
    bank_id = None if isinstance(wanted.bank_id, msgspec.UnsetType) else wanted.bank_id
    kind = None if isinstance(wanted.locker_type, msgspec.UnsetType) else wanted.locker_type
    if bank_id is not None and bank_id not in site.controllers:
        return Refusal("NOT_FOUND", 404, f"No bank has the id {bank_id}", {"bankId": str(bank_id)})
    if kind is not None and kind not in site.locker_types:
        return unknown_locker_type(kind)
    return [
        locker
        for locker in site.lockers.values()
        if (bank_id is None or locker.bank_id == bank_id)
        and (kind is None or locker.locker_type == kind)
        and (wanted.include_out_of_service or not locker.out_of_service)
    ]


def running_already(since: int) -> Refusal:
    """409: one open-all at a time."""
    details = {"startedAt": shown_time(since) or ""}
    return Refusal("CONFLICT", 409, "Another open-all is still running", details)


def place_of(locker: Locker) -> Place:
    return Place(locker.locker_id, locker.bank_id, locker.bank_locker_number)


class OpenRequests:
    """Answers the opens of the Local API."""

    def __init__(
        self,
        keeper: Keeper,
        database: Database,
        openings: Openings,
        open_all: OpenAll,
        refusals: Refusals,
        clock: Clock,
    ) -> None:
        self._keeper, self._database, self._clock = keeper, database, clock
        self._openings, self._open_all, self._refusals = openings, open_all, refusals
        self._repeats = Repeats(self._stored)

    async def open_by_transaction(self, transaction_id: str, key: Keyed | None, caller: Caller, now: int) -> Reply:
        """Opens the locker that the transaction holds."""
        return await self._repeats.once(key, partial(self._open_for, caller, transaction_id, key, now))

    async def open_by_locker(self, locker_id: int, key: Keyed | None, caller: Caller, now: int) -> Reply:
        """Opens a locker, whoever holds it."""
        return await self._repeats.once(key, partial(self._open_locker, caller, locker_id, key, now))

    async def open_all(self, selection: OpenAllLockersRequest, caller: Caller, now: int) -> Reply:
        """Opens every locker that the body selects. The run is finished even if the caller disconnects."""
        selected = select(self._keeper.site, selection)
        since = self._open_all.running_since
        if not isinstance(selected, Refusal) and since is not None:
            selected = running_already(since)
        if isinstance(selected, Refusal):
            return await self._refuse("openAllLockers", selected, caller, now)
        orders = [Order(place_of(locker), caller) for locker in selected]
        ignored = frozenset(locker.locker_id for locker in selected if locker.broken_lock)
        reply = open_all_answer(await self._open_all.run(orders, ignored))
        await self._note_run(reply, caller, len(orders), now)
        return reply

    async def _open_for(self, caller: Caller, transaction_id: str, key: Keyed | None, now: int) -> Reply:
        site = self._keeper.site
        transaction = site.transactions.get(transaction_id)
        if transaction is None:
            return await self._refuse("openLockerByTransactionId", unknown_transaction(transaction_id), caller, now)
        return await self._open(site.lockers[transaction.locker_id], caller, transaction, key)

    async def _open_locker(self, caller: Caller, locker_id: int, key: Keyed | None, now: int) -> Reply:
        locker = self._keeper.site.lockers.get(locker_id)
        if locker is None:
            return await self._refuse("openLockerById", unknown_locker(locker_id), caller, now)
        return await self._open(locker, caller, None, key)

    async def _open(self, locker: Locker, caller: Caller, transaction: Transaction | None, key: Keyed | None) -> Reply:
        return single_answer(await self._openings.open(Order(place_of(locker), caller, transaction, key)))

    async def _stored(self, key: Keyed) -> Reply | None:
        found = await self._database.read(partial(_find, key=key, now=self._clock.now()))
        verdict = idempotency.judge(found, key.fingerprint)
        if isinstance(verdict, idempotency.Mismatch):
            return KEY_CONFLICT
        if isinstance(verdict, idempotency.Replay):
            return replayed(answer_of(verdict.answer))
        if isinstance(verdict, idempotency.Running):  # left by a stop of the process, and not closed yet
            return OUTCOME_UNKNOWN
        return None

    async def _note_run(self, reply: Reply, caller: Caller, count: int, now: int) -> None:
        work = partial(_write_run, status=reply.status, caller=caller, count=count, now=now)
        try:
            await self._keeper.change(work)
        except (StorageUnavailable, Closed) as error:  # each opening of the run has its own entry
            log.warning("Audit entry of an open-all not written", why=str(error))

    async def _refuse(self, operation_id: str, refusal: Refusal, caller: Caller, now: int) -> Refusal:
        await self._refusals.write(operation_id, refusal, caller, now)
        return refusal


def _find(tx: Tx, key: Keyed, now: int) -> idempotency.Record | None:
    return idempotency.find(tx, key.space, key.key, now)


def _write_run(tx: Tx, state: State, status: int, caller: Caller, count: int, now: int) -> tuple[State, None]:
    details = {"status": str(status), "lockers": str(count)}
    head = audit(tx, state.head, "OPEN_ALL", caller, now, success=status == 200, details=details)
    return replace(state, head=head), None
