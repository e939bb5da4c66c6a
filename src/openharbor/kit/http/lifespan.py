"""Starting and stopping with the server: ASGI's lifespan messages as a context manager."""

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, nullcontext
from typing import Any

import structlog

Lifespan = Callable[[], AbstractAsyncContextManager[None]]
log = structlog.get_logger("openharbor.http")


async def run_lifespan(
    lifespan: Lifespan | None, receive: Callable[[], Awaitable[Any]], send: Callable[[Any], Awaitable[None]]
) -> None:
    """Enters `lifespan` before the first request and leaves it after the last; a failure ends the server."""
    started = False
    await receive()
    try:
        async with nullcontext() if lifespan is None else lifespan():
            await send({"type": "lifespan.startup.complete"})
            started = True
            await receive()
    except Exception as error:  # told to the server, which knows how to end
        step = "shutdown" if started else "startup"
        log.error("Service failed", step=step, exc_info=error)  # noqa: TRY400  # structlog
        await send({"type": f"lifespan.{step}.failed", "message": str(error)})
    else:
        await send({"type": "lifespan.shutdown.complete"})
