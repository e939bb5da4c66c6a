"""How often a phone tries to reach a tower (blink-protocol.md 2.4)."""

from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from openharbor.kit.clock import Clock
from openharbor.kit.errors import NOT_REACHABLE, Failed

ATTEMPTS: Final = 5
INFO_ATTEMPTS: Final = 2
PAUSE_S: Final = 1.0
CONNECT_S: Final = 5.0  # one attempt
SETUP_S: Final = 10.0  # MTU, services and subscription on a new link
HANG_UP_S: Final = 5.0  # an old link has that long to go


T = TypeVar("T")
Errors = tuple[type[Exception], ...]


async def reached(
    address: str, attempt: Callable[[], Awaitable[T]], unreached: Errors, clock: Clock, attempts: int = ATTEMPTS
) -> T:
    """What the first attempt that succeeds gives, each a second after the last. `unreached`: errors that count as one
    failed attempt. Raises Failed after the last."""
    why = ""
    for number in range(attempts):
        if number:
            await clock.sleep(PAUSE_S)
        try:
            return await attempt()
        except unreached as error:
            why = str(error) or type(error).__name__
    raise Failed(
        f"the tower at {address} was not reached in {attempts} attempts ({why}): come nearer and try again",
        NOT_REACHABLE,
    )
