"""Repeats of a request under one Idempotency-Key (contract, "Idempotency"): wait for the first, or replay it."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from openharbor.kit.errors import Refusal
from openharbor.kit.http.operation import Answer
from openharbor.kit.idempotency import Keyed

KEY_CONFLICT = Refusal(
    "CONFLICT", 409, "This Idempotency-Key was used with another request", {"header": "Idempotency-Key"}
)

Reply = Answer | Refusal


@dataclass(frozen=True, slots=True)
class Running:
    """A first request under way."""

    fingerprint: str
    reply: asyncio.Future[Reply]


class Repeats:
    """Lets one request with a key run at a time. `stored` looks a key up: the kept answer, a conflict, or None."""

    def __init__(self, stored: Callable[[Keyed], Awaitable[Reply | None]]) -> None:
        self._stored = stored
        self._running: dict[tuple[str, str], Running] = {}

    async def once(self, key: Keyed | None, run: Callable[[], Awaitable[Reply]]) -> Reply:
        """The reply of `run`, or of the request with the same key that ran before or still runs."""
        if key is None:
            return await run()
        slot = (key.space, key.key)
        first = self._running.get(slot)
        if first is not None:
            same = first.fingerprint == key.fingerprint
            return replayed(await asyncio.shield(first.reply)) if same else KEY_CONFLICT
        running = self._running[slot] = Running(key.fingerprint, asyncio.get_running_loop().create_future())
        try:
            reply = await self._stored(key) or await run()
            running.reply.set_result(reply)
            return reply
        except BaseException as error:
            running.reply.set_exception(error)
            running.reply.exception()  # marks it as seen: there may be nobody who waits
            raise
        finally:
            del self._running[slot]


def replayed(reply: Reply) -> Reply:
    """A stored answer, marked as such."""
    if isinstance(reply, Refusal):
        return reply
    return replace(reply, headers={**reply.headers, "Idempotency-Replayed": "true"})
