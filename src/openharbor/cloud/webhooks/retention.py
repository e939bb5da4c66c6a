"""Forgetting: delivered ones after 30 days, dead ones after 90, and what belonged to deleted endpoints."""

import structlog

from openharbor.cloud.scope import INSTALLATION, TenantScope
from openharbor.kit.clock import Clock
from openharbor.kit.database.face import Database, Transaction
from openharbor.kit.errors import Closed, StorageUnavailable

log = structlog.get_logger("openharbor.webhooks")

DAY_MS = 24 * 3_600_000
KEPT_MS = {"delivered": 30 * DAY_MS, "dead": 90 * DAY_MS}
EVERY_S = 3600.0
PAUSE_S = 0.1  # others write, too
UNDER_WAY_MS = 3_600_000  # a unit of work that saw the endpoint before it was deleted has ended long before
MOST_AT_ONCE = 500
FINISHED = (
    "DELETE FROM webhook_deliveries WHERE id IN (SELECT id FROM webhook_deliveries"
    " WHERE status = :status AND finished_at <= :before LIMIT :most)"
)
OF_DELETED = (
    "DELETE FROM webhook_deliveries WHERE id IN (SELECT d.id FROM webhook_endpoints e"
    " JOIN webhook_deliveries d ON d.endpoint_id = e.id WHERE e.deleted_at IS NOT NULL LIMIT :most)"
)
DELETED = (
    "DELETE FROM webhook_endpoints WHERE deleted_at <= :before"
    " AND NOT EXISTS (SELECT 1 FROM webhook_deliveries WHERE endpoint_id = webhook_endpoints.id)"
)


def forget(_scope: TenantScope, tx: Transaction, now: int, most: int = MOST_AT_ONCE) -> bool:
    """Deletes up to `most` of each kind; whether there may be more."""
    counts = [tx.execute(FINISHED, status=status, before=now - kept, most=most) for status, kept in KEPT_MS.items()]
    counts.append(tx.execute(OF_DELETED, most=most))
    tx.execute(DELETED, before=now - UNDER_WAY_MS)
    return max(counts) >= most


async def keep_forgetting(database: Database, clock: Clock) -> None:
    """Once an hour, until it is cancelled or the database is closed. What fails is logged and comes round again."""
    while True:
        try:
            while await database.write(lambda tx: forget(INSTALLATION, tx, clock.now())):
                await clock.sleep(PAUSE_S)
        except Closed:
            return
        except StorageUnavailable as error:
            log.warning("Old webhook deliveries not deleted", why=str(error))
        except Exception:  # a defect must not end it
            log.exception("Old webhook deliveries not deleted")
        await clock.sleep(EVERY_S)
