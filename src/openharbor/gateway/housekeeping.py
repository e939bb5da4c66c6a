"""What the gateway does by itself: ends what a stop left under way, and forgets what has expired."""

from functools import partial

import structlog

from openharbor.gateway.keeper import Keeper
from openharbor.gateway.opening_journal import close_interrupted, last_opening
from openharbor.gateway.trail import State
from openharbor.kit import idempotency
from openharbor.kit.clock import Clock
from openharbor.kit.database.face import Database
from openharbor.kit.database.face import Transaction as Tx
from openharbor.kit.errors import Closed, StorageUnavailable

log = structlog.get_logger("openharbor.housekeeping")

EXPIRY_S = 60.0
RETRY_S = 1.0
MOST_AT_ONCE = 500


async def keep_house(keeper: Keeper, database: Database, clock: Clock) -> None:
    """Runs until it is cancelled, or the database is closed."""
    try:
        await _end_interrupted(keeper, database, clock)
        while True:
            await clock.sleep(EXPIRY_S)
            await _forget_expired(keeper, clock)
    except Closed:
        return


async def _end_interrupted(keeper: Keeper, database: Database, clock: Clock) -> None:
    """Nothing that was begun after this call is touched, however late the database can be written."""
    last = await database.read(last_opening)
    while True:
        try:
            count = await keeper.change(partial(close_interrupted, last=last, now=clock.now()), essential=True)
        except StorageUnavailable:
            await clock.sleep(RETRY_S)
            continue
        if count:
            log.warning("Openings had been interrupted by a stop; their outcome is not known", count=count)
        return


async def _forget_expired(keeper: Keeper, clock: Clock) -> None:
    work = partial(_expire, now=clock.now())
    try:
        while await keeper.change(work) == MOST_AT_ONCE:
            pass
    except StorageUnavailable:
        return  # it comes round again


def _expire(tx: Tx, state: State, now: int) -> tuple[State, int]:
    return state, idempotency.expire(tx, now, MOST_AT_ONCE)
