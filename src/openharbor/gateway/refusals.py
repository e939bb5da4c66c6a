"""Refusals leave a trace: the audit entries of what was refused before anything was done."""

import asyncio
from functools import partial

import structlog

from openharbor.gateway.keeper import Keeper
from openharbor.gateway.trail import note_refusal
from openharbor.kit.clock import Clock
from openharbor.kit.errors import Closed, Refusal, StorageUnavailable
from openharbor.kit.http.operation import Caller, Operation

log = structlog.get_logger("openharbor.audit")

MOST_WAITING = 1000


class Refusals:
    """Writes refusals to the audit log. When it cannot be written, a refusal stays one; the log then has it alone."""

    def __init__(self, keeper: Keeper, clock: Clock) -> None:
        self._keeper, self._clock = keeper, clock
        self._waiting: set[asyncio.Task[None]] = set()

    async def write(self, operation_id: str, refusal: Refusal, caller: Caller, now: int) -> None:
        """Returns once the entry is durable, or cannot be."""
        try:
            await self._keeper.change(
                partial(note_refusal, operation_id=operation_id, refusal=refusal, caller=caller, now=now)
            )
        except (StorageUnavailable, Closed) as error:
            log.warning("Audit entry not written", operation=operation_id, error=refusal.code, why=str(error))

    def note(self, operation: Operation, refusal: Refusal, caller: Caller) -> None:
        """The same for a refusal that came before the handler: nobody waits for it."""
        if len(self._waiting) >= MOST_WAITING:
            log.warning("Audit entry left out", operation=operation.operation_id, error=refusal.code)
            return
        task = asyncio.create_task(self.write(operation.operation_id, refusal, caller, self._clock.now()))
        self._waiting.add(task)
        task.add_done_callback(self._waiting.discard)
