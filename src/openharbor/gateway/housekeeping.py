"""What the gateway does by itself: ends what a stop left under way, and forgets what has expired."""

from functools import partial

import structlog

from openharbor.gateway.keeper import Keeper
from openharbor.gateway.opening_journal import close_interrupted
from openharbor.gateway.trail import State
from openharbor.kit import idempotency
from openharbor.kit.clock import Clock
from openharbor.kit.database.face import Transaction as Tx
from openharbor.kit.errors import Closed, StorageUnavailable

log = structlog.get_logger("openharbor.housekeeping")

EXPIRY_S = 60.0
RETRY_S = 1.0
MOST_AT_ONCE = 500


async def keep_house(keeper: Keeper, clock: Clock, interrupted: int) -> None:
    """Runs until it is cancelled, or the database is closed. `interrupted`: see `end_interrupted`."""
    try:
        while not await end_interrupted(keeper, clock, interrupted):
            await clock.sleep(RETRY_S)
        while True:
            await clock.sleep(EXPIRY_S)
            await _forget_expired(keeper, clock)
    except Closed:
        return


async def end_interrupted(keeper: Keeper, clock: Clock, last: int) -> bool:
    """Ends the openings up to number `last` that a stop left under way; false while the database cannot be written."""
    try:
        count = await keeper.change(partial(close_interrupted, last=last, now=clock.now()), essential=True)
    except StorageUnavailable:
        return False
    if count:
        log.warning("Openings had been interrupted by a stop; their outcome is not known", count=count)
    return True


async def _forget_expired(keeper: Keeper, clock: Clock) -> None:
    work = partial(_expire, now=clock.now())
    try:
        while await keeper.change(work) == MOST_AT_ONCE:
            pass
    except StorageUnavailable:
        return  # it comes round again


def _expire(tx: Tx, state: State, now: int) -> tuple[State, int]:
    return state, idempotency.expire(tx, now, MOST_AT_ONCE)
