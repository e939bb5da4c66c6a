"""The worker that ends reservations and link holds (locker-states.md B1 to B3)."""

import asyncio
from functools import partial
from itertools import count

from harness.cloud_rig import ACME, FIRST_LOCKER, LOCATION, SMALL, Rig, path
from openharbor.cloud.lockers.expiry import expire_due, expire_now, keep_expiring
from openharbor.cloud.lockers.store import next_due
from openharbor.cloud.scope import INSTALLATION

IDS = count(1)


async def expire(cloud: Rig, limit: int = 50) -> int:
    unit = partial(
        expire_due, INSTALLATION, now=cloud.clock.now(), limit=limit, new_message_id=lambda: f"msg_{next(IDS)}"
    )
    return await cloud.database.write(unit)


async def test_what_is_over_is_written_once_and_told_once(cloud: Rig) -> None:
    await cloud.post(f"{path()}/reservations", {"duration": 60})
    assert await expire(cloud) == 0
    await cloud.clock.advance(60)
    assert sorted(await asyncio.gather(*(expire(cloud) for _ in range(4)))) == [0, 0, 0, 1]
    assert await cloud.events() == [
        (ACME, "LOCKER_ASSIGNED", "LOCKER_RESERVED", "reserved"),
        (ACME, "LOCKER_RELEASED", "RESERVATION_EXPIRED", "available"),
    ]
    assert (await cloud.audited())[-1] == ("worker", "expire", "B1")
    rows = await cloud.rows("SELECT end_reason FROM reservations WHERE ended_at IS NOT NULL")
    assert [row["end_reason"] for row in rows] == ["expired"]


async def test_a_batch_is_bounded_and_takes_the_longest_over_first(cloud: Rig) -> None:
    for place in range(4):
        await cloud.post(f"{path(FIRST_LOCKER + place)}/reservations", {"duration": 60 - place})
    await cloud.clock.advance(60)
    assert await expire(cloud, limit=3) == 3
    assert (await cloud.locker(FIRST_LOCKER)).reservation is not None
    assert await expire(cloud, limit=3) == 1
    assert await cloud.database.read(partial(next_due, INSTALLATION)) is None


async def test_a_link_hold_without_a_token_frees_its_locker_and_one_with_a_token_waits_for_the_tower(
    cloud: Rig,
) -> None:
    wanted = {"locationId": LOCATION, "lockerTypeId": SMALL}
    links = [(await cloud.post("/locker-open-requests/dropoff-locker-request", wanted)).body for _ in range(2)]
    drawn = links[0]["linkToken"].rpartition("/")[2]
    assert (await cloud.post(f"/locker-open-requests/{links[0]['id']}/tokens", by=drawn)).status == 200
    await cloud.clock.advance(300)
    assert await expire(cloud) == 2
    statuses = [(await cloud.locker(link["lockerId"])).status.word for link in links]
    assert statuses == ["rented", "available"]
    shown = [(await cloud.get(f"/locker-open-requests/{link['id']}")).body["status"] for link in links]
    assert shown == ["expired", "expired"]
    assert [outcome for _, action, outcome in await cloud.audited() if action == "expire"] in (
        ["B2", "B3"],
        ["B3", "B2"],
    )


async def test_the_worker_waits_until_the_next_end_but_a_second_at_most(cloud: Rig) -> None:
    assert await expire_now(cloud.parts) == 1.0
    await cloud.post(f"{path()}/reservations", {"duration": 2})
    assert await expire_now(cloud.parts) == 1.0
    await cloud.clock.advance(1.75)
    assert await expire_now(cloud.parts) == 0.25
    await cloud.clock.advance(0.25)
    assert await expire_now(cloud.parts) == 1.0
    assert (await cloud.locker(FIRST_LOCKER)).status.word == "available"


async def test_the_worker_outlives_a_failure_and_ends_with_the_database(cloud: Rig) -> None:
    await cloud.post(f"{path()}/reservations", {"duration": 2})
    good = (await cloud.rows("SELECT state FROM lockers WHERE id = :id", id=FIRST_LOCKER))[0]["state"]
    await set_state(cloud, "no JSON")
    await cloud.clock.advance(2)
    worker = asyncio.create_task(keep_expiring(cloud.parts))
    await until_asleep(cloud)
    assert not worker.done()
    await set_state(cloud, good)
    await cloud.clock.advance(1)
    await cloud.until(partial(is_free, cloud))
    await until_asleep(cloud)
    await cloud.database.close()
    await cloud.clock.advance(1)
    await asyncio.wait_for(worker, 30)


async def set_state(cloud: Rig, state: str) -> None:
    await cloud.database.write(
        lambda tx: tx.execute("UPDATE lockers SET state = :state WHERE id = :id", state=state, id=FIRST_LOCKER)
    )


async def until_asleep(cloud: Rig) -> None:
    """Until the worker waits for the clock."""

    async def asleep() -> bool:
        return bool(cloud.clock._sleepers)

    await cloud.until(asleep)


async def is_free(cloud: Rig) -> bool:
    row = (await cloud.rows("SELECT due_at FROM lockers WHERE id = :id", id=FIRST_LOCKER))[0]
    return row["due_at"] is None
