"""Refusals leave a trace: the audit entries of what was refused before anything was done."""

import asyncio
from functools import partial

import structlog
from msgspec.structs import replace

from openharbor.gateway.keeper import Keeper
from openharbor.gateway.trail import State, audit_refusal
from openharbor.kit.clock import Clock
from openharbor.kit.database.face import Transaction as Tx
from openharbor.kit.errors import Closed, Refusal, StorageUnavailable
from openharbor.kit.http.operation import Caller, Operation

log = structlog.get_logger("openharbor.audit")

ACTIONS = {
    "createTransaction": "TRANSACTION_CREATE_FAILED",
    "releaseTransaction": "TRANSACTION_RELEASE_FAILED",
    "openLockerByTransactionId": "LOCKER_OPEN_FAILED",
    "openLockerById": "LOCKER_OPEN_FAILED",
    "openAllLockers": "OPEN_ALL_FAILED",
    "updateLocker": "LOCKER_UPDATE_FAILED",
    "updateSystem": "SYSTEM_UPDATE_FAILED",
    "receiveHeartbeat": "DEVICE_REGISTER_FAILED",
}
MOST_WAITING = 1000


def write_refusal(tx: Tx, state: State, action: str, refusal: Refusal, caller: Caller, now: int) -> tuple[State, None]:
    """A unit of work that does nothing but tell of a refusal."""
    return replace(state, head=audit_refusal(tx, state.head, action, refusal, caller, now)), None


class Refusals:
    """Writes refusals to the audit log. When it cannot be written, a refusal stays one; the log then has it alone."""

    def __init__(self, keeper: Keeper, clock: Clock) -> None:
        self._keeper, self._clock = keeper, clock
        self._waiting: set[asyncio.Task[None]] = set()

    async def write(self, action: str, refusal: Refusal, caller: Caller, now: int) -> None:
        """Returns once the entry is durable, or cannot be."""
        try:
            await self._keeper.change(partial(write_refusal, action=action, refusal=refusal, caller=caller, now=now))
        except (StorageUnavailable, Closed) as error:
            log.warning("Audit entry not written", action=action, error=refusal.code, why=str(error))

    def note(self, operation: Operation, refusal: Refusal, caller: Caller) -> None:
        """The same for a refusal that came before the handler: nobody waits for it."""
        if len(self._waiting) >= MOST_WAITING:
            log.warning("Audit entry left out", operation=operation.operation_id, error=refusal.code)
            return
        task = asyncio.create_task(self.write(ACTIONS[operation.operation_id], refusal, caller, self._clock.now()))
        self._waiting.add(task)
        task.add_done_callback(self._waiting.discard)
