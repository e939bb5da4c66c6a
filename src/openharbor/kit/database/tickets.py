"""What a unit of work comes to, told to the caller who waits for it."""

import asyncio
from typing import Any


def answer(ticket: asyncio.Future[Any], value: Any, error: BaseException | None) -> None:
    """Gives the caller the value or the error; nothing, if the caller was cancelled."""
    if ticket.done():
        return
    if error is None:
        ticket.set_result(value)
    else:
        ticket.set_exception(error)
        ticket.exception()  # marks it as seen: its caller may be cancelled before it looks
