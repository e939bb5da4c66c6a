"""How long deliveries are kept: delivered ones 30 days, dead ones 90, those of a deleted endpoint not at all."""

from functools import partial

from openharbor.cloud.scope import INSTALLATION
from openharbor.cloud.webhooks.retention import DAY_MS, forget
from openharbor.kit.clock import SteppedClock
from service.cloud_webhooks.rig import RESERVED, Rig

FINISH = "UPDATE webhook_deliveries SET status = :status, finished_at = :at, next_attempt_at = NULL WHERE id = :id"


async def kept(rig: Rig, now: int, most: int = 500) -> int:
    while await rig.database.write(partial(forget, INSTALLATION, now=now, most=most)):
        pass
    return len(await rig.deliveries())


async def test_delivered_ones_go_after_30_days_dead_ones_after_90_and_pending_ones_never(
    rig: Rig, clock: SteppedClock
) -> None:
    await rig.endpoint("https://shop.example.com/")
    await rig.record(*[RESERVED] * 3)
    rows = await rig.deliveries()
    for row, status in zip(rows, ("delivered", "dead"), strict=False):
        await rig.run(FINISH, status=status, at=clock.now(), id=row["id"])
    counts = {days: await kept(rig, clock.now() + days * DAY_MS) for days in (0, 29, 30, 89, 90, 5000)}
    assert counts == {0: 3, 29: 3, 30: 2, 89: 2, 90: 1, 5000: 1}


async def test_they_go_some_at_a_time(rig: Rig, clock: SteppedClock) -> None:
    await rig.endpoint("https://shop.example.com/")
    await rig.record(*[RESERVED] * 7)
    await rig.run("UPDATE webhook_deliveries SET status = 'delivered', finished_at = 0, next_attempt_at = NULL")
    assert await rig.database.write(partial(forget, INSTALLATION, now=clock.now(), most=3))
    assert len(await rig.deliveries()) == 4
    assert await kept(rig, clock.now(), most=3) == 0


async def test_a_deleted_endpoint_goes_with_all_its_deliveries(rig: Rig, clock: SteppedClock) -> None:
    await rig.endpoint("https://shop.example.com/")
    await rig.record(*[RESERVED] * 5)
    await rig.run("UPDATE webhook_endpoints SET enabled = 0, deleted_at = :now", now=clock.now())
    assert await kept(rig, clock.now(), most=2) == 0
    assert len(await rig.database.read(lambda tx: tx.all("SELECT id FROM webhook_endpoints"))) == 1
    await kept(rig, clock.now() + DAY_MS)
    assert await rig.database.read(lambda tx: tx.all("SELECT id FROM webhook_endpoints")) == []
