"""What the gateway does by itself: ends what a stop left under way, and forgets what has expired."""

from functools import partial

import structlog

from openharbor.gateway.alarm_outbox import forget_webhooks
from openharbor.gateway.alarm_store import forget_alarms
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
DAY_MS = 24 * 3_600_000
ALARMS_KEPT_MS = 365 * DAY_MS  # after they ended; those that nobody has acknowledged stay
WEBHOOKS_KEPT_MS = 30 * DAY_MS


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
    now = clock.now()
    try:
        for forget in (_expire, _forget_alarms, _forget_webhooks):
            while await keeper.change(partial(forget, now=now)) == MOST_AT_ONCE:
                pass
    except StorageUnavailable:
        return  # it comes round again


def _expire(tx: Tx, state: State, now: int) -> tuple[State, int]:
    return state, idempotency.expire(tx, now, MOST_AT_ONCE)


def _forget_alarms(tx: Tx, state: State, now: int) -> tuple[State, int]:
    return state, forget_alarms(tx, now - ALARMS_KEPT_MS, MOST_AT_ONCE)


def _forget_webhooks(tx: Tx, state: State, now: int) -> tuple[State, int]:
    return state, forget_webhooks(tx, now - WEBHOOKS_KEPT_MS, MOST_AT_ONCE)
