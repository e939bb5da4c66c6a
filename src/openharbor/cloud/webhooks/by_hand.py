"""What is sent because somebody asked: a delivery once more, or a sample (webhooks.md 5, 8). Outside any order."""

from msgspec.structs import replace

from openharbor.cloud.lockers.change import EventName, Notice
from openharbor.cloud.scope import TenantScope
from openharbor.cloud.webhooks import delivery_store, outbox, store
from openharbor.cloud.webhooks.delivery_store import Delivery
from openharbor.cloud.webhooks.endpoints import DISABLED, NOT_FOUND
from openharbor.cloud.webhooks.events import body_of
from openharbor.cloud.webhooks.retry_policy import DeliveryStatus
from openharbor.kit.database.face import Transaction
from openharbor.kit.errors import Refusal

NO_TOWER, NO_LOCKER = "0" * 16, 0
DELIVERY_NOT_FOUND = Refusal("WEBHOOK_DELIVERY_NOT_FOUND", 404, "Webhook delivery not found")
PENDING = Refusal("WEBHOOK_DELIVERY_PENDING", 409, "Webhook delivery is pending")


def list_deliveries(
    scope: TenantScope, tx: Transaction, endpoint_id: int, status: DeliveryStatus | None, skip: int, limit: int
) -> list[Delivery] | Refusal:
    """One page, newest first."""
    if store.find(scope, tx, endpoint_id) is None:
        return NOT_FOUND
    return delivery_store.page(scope, tx, endpoint_id, status, skip, limit)


def redeliver(scope: TenantScope, tx: Transaction, endpoint_id: int, delivery_id: str, now: int) -> Delivery | Refusal:
    """The same body with the same id, attempted as often as a new one."""
    endpoint = store.find(scope, tx, endpoint_id)
    if endpoint is None:
        return NOT_FOUND
    delivery = delivery_store.find(scope, tx, endpoint_id, delivery_id)
    if delivery is None:
        return DELIVERY_NOT_FOUND
    if delivery.status == "pending":
        return PENDING
    if not endpoint.enabled:
        return DISABLED
    delivery_store.send_again(scope, tx, delivery_id, now)
    return replace(delivery, status="pending", next_attempt_at=now)


def send_test(
    scope: TenantScope, tx: Transaction, endpoint_id: int, event: EventName, id_: str, now: int
) -> Delivery | Refusal:
    """A sample, whether or not the endpoint subscribed to such events. `id_`: a new `webhook-id`."""
    endpoint = store.find(scope, tx, endpoint_id)
    if endpoint is None:
        return NOT_FOUND
    if not endpoint.enabled:
        return DISABLED
    notice = sample(event, endpoint.organization_id, now)
    body = body_of(notice, None, now).decode()
    outbox.queue(scope, tx, notice, body, lane=None, endpoint_id=endpoint_id, id_=id_, now=now)
    return Delivery(id_, endpoint_id, event, notice.source, notice.tower_id, notice.locker_id, "pending", now, now, ())


def sample(event: EventName, organization_id: int, now: int) -> Notice:
    """An event of no real tower and no real locker, at `now` (ms since 1970)."""
    plain = Notice(
        event=event,
        source="LOCKER_TOKEN_USED",
        organization_id=organization_id,
        tower_id=NO_TOWER,
        at=now,
        tower_clock=True,
        locker_id=NO_LOCKER,
        status="available",
    )
    samples = {
        "LOCKER_ASSIGNED": replace(
            plain, source="LOCKER_RESERVED", status="reserved", tower_clock=False, reservation_id=1
        ),
        "LOCKER_OPERATION": replace(plain, status="occupied", token_id=1),
        "LOCKER_RELEASED": replace(plain, source="PICKED_UP", token_id=1),
        "LOCKER_ALARM": replace(plain, source="DOOR_FORCED"),
        "TOWER_SYNCED": replace(
            plain,
            source="TOWER_SYNCED",
            tower_clock=False,
            locker_id=None,
            status=None,
            event_start=1,
            event_count=1,
            synced_until=now // 1000,
        ),
    }
    return samples[event]
