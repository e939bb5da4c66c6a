"""The sender: retries, order, and receivers that do not hold up each other (webhooks.md 5 and 6)."""

import asyncio
import json
from collections import defaultdict

from msgspec.structs import replace

from openharbor.cloud.webhooks.dispatch import Pace
from openharbor.cloud.webhooks.signing import ROTATION_MS
from openharbor.cloud.webhooks.slots import Limits
from openharbor.kit.clock import SteppedClock
from openharbor.kit.webhooks import new_secret
from service.cloud_webhooks.receivers import OK, Received, answers, hangs, listening
from service.cloud_webhooks.rig import LIBRARY, RESERVED, SECRET, Rig, sending

WAITS_S = (5, 300, 1800, 7200, 18_000, 36_000, 36_000)
TWICE = 2


def numbers(received: list[Received]) -> list[int]:
    return [request.event["data"]["reservation_id"] for request in received]


async def test_an_event_is_delivered_signed_and_on_record(rig: Rig, clock: SteppedClock) -> None:
    async with listening() as receiver, sending(rig.sender()) as sender:
        await rig.endpoint(receiver.url)
        await rig.record(RESERVED)
        sender.wake()
        (request,) = await receiver.got(1)
        (row,) = await rig.all_are("delivered")
    assert request.verified(SECRET)["event"] == "LOCKER_ASSIGNED"
    assert request.headers["webhook-timestamp"] == str(clock.now() // 1000)
    assert (request.id, request.body) == (row["id"], row["body"].encode())
    assert (row["next_attempt_at"], row["claimed_until"], row["finished_at"]) == (None, None, clock.now())
    (attempt,) = json.loads(row["attempts"])
    assert (attempt["at"], attempt["response_status"], attempt["error"]) == (clock.now(), 200, None)


async def test_a_delivery_is_attempted_eight_times_on_the_documented_schedule(rig: Rig, clock: SteppedClock) -> None:
    begun = clock.now()
    async with listening(answers(503)) as receiver, sending(rig.sender()) as sender:
        await rig.endpoint(receiver.url)
        await rig.happens(2)
        sender.wake()
        for number, wait_s in enumerate(WAITS_S, 1):
            await rig.eventually(lambda rows, failed=number: rows[0]["failed"] == failed)  # type: ignore[misc]  # a default binds it
            await clock.advance(wait_s - 0.001)
            assert len(receiver.received) == number
            await clock.advance(0.001)
        rows = await rig.eventually(lambda rows: rows[0]["status"] == "dead" and rows[1]["failed"] == 1)
    assert [entry["at"] - begun for entry in json.loads(rows[0]["attempts"])] == [
        1000 * sum(WAITS_S[:count]) for count in range(8)
    ]
    assert numbers(receiver.received) == [1] * 8 + [TWICE]  # the next one of the locker goes ahead at once
    assert len(set(receiver.ids()[:8])) == 1
    assert len({request.body for request in receiver.received[:8]}) == 1
    assert len({request.headers["webhook-timestamp"] for request in receiver.received[:8]}) == 8


async def test_the_next_event_of_a_locker_waits_and_other_lockers_do_not(rig: Rig, clock: SteppedClock) -> None:
    failures = iter(range(TWICE))

    async def behave(request: Received, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        first = request.event["data"]["locker_id"] == RESERVED.locker_id and next(failures, None) is not None
        await (answers(500) if first else OK)(request, reader, writer)

    async with listening(behave) as receiver, sending(rig.sender()) as sender:
        await rig.endpoint(receiver.url)
        await rig.happens(3)
        await rig.happens(3, locker=960)
        sender.wake()
        rows = await rig.eventually(
            lambda rows: rows[0]["failed"] == 1 and [r["status"] for r in rows].count("delivered") == 3
        )
        assert {row["next_attempt_at"] for row in rows[:3]} == {clock.now() + 5000}
        await clock.advance(5)
        await rig.eventually(lambda rows: rows[0]["failed"] == TWICE)
        await clock.advance(300)
        await rig.all_are("delivered")
    assert numbers([it for it in receiver.received if it.event["data"]["locker_id"] == 959]) == [1, 1, 1, 2, 3]
    assert numbers([it for it in receiver.received if it.event["data"]["locker_id"] == 960]) == [1, 2, 3]


async def test_a_receiver_that_hangs_never_holds_up_another(rig: Rig) -> None:
    limits = Limits(overall=6, endpoint=4)
    async with (
        listening(hangs) as stuck,
        listening() as well,
        sending(rig.sender(limits=limits)) as sender,
    ):
        await rig.endpoint(stuck.url)
        await rig.endpoint(well.url, organization=LIBRARY)
        await rig.record(*(replace(RESERVED, locker_id=number) for number in range(20)))
        sender.wake()
        await stuck.got(4)
        for count in range(1, 31):
            await rig.record(replace(RESERVED, organization_id=LIBRARY, locker_id=count % 5, reservation_id=count))
            sender.wake()
        assert sorted(numbers(await well.got(30))) == list(range(1, 31))
        assert len(stuck.received) == 4


async def test_410_disables_the_endpoint_and_what_is_pending_waits_until_it_is_enabled(
    rig: Rig, clock: SteppedClock
) -> None:
    async with listening(answers(410)) as receiver, sending(rig.sender()) as sender:
        endpoint = await rig.endpoint(receiver.url)
        await rig.happens(2)
        sender.wake()
        await rig.eventually(lambda rows: rows[0]["failed"] == 1)
        await rig.happens(1)  # no new ones for a disabled endpoint
        await clock.advance(WAITS_S[0])
        rows = await rig.deliveries()
        assert [(row["status"], row["failed"]) for row in rows] == [("pending", 1), ("pending", 0)]
        noted = await rig.database.read(lambda tx: tx.all("SELECT action, outcome, organization_id FROM audit"))
        assert [tuple(row[name] for name in ("action", "outcome", "organization_id")) for row in noted] == [
            ("disable_webhook_endpoint", "410", 1)
        ]
        receiver.behave = OK
        await rig.run("UPDATE webhook_endpoints SET enabled = 1 WHERE id = :id", id=endpoint)
        sender.wake()
        await rig.all_are("delivered")
    assert numbers(receiver.received) == [1, 1, 2]


async def test_during_a_rotation_either_secret_verifies_and_a_day_later_the_new_one_alone(
    rig: Rig, clock: SteppedClock
) -> None:
    new = new_secret(b"openharbor example webhook key 2")
    async with listening() as receiver, sending(rig.sender()) as sender:
        await rig.endpoint(receiver.url)
        await rig.run(
            "UPDATE webhook_endpoints SET sealed_previous = sealed_secret, sealed_secret = :new,"
            " previous_until = :until",
            new=rig.vault.seal(new.encode()),
            until=clock.now() + ROTATION_MS,
        )
        await rig.record(RESERVED)
        sender.wake()
        (request,) = await receiver.got(1)
        assert request.verified(new)
        assert request.verified(SECRET)
        await rig.all_are("delivered")
        await clock.advance(ROTATION_MS / 1000)
        await rig.record(RESERVED)
        sender.wake()
        _, later = await receiver.got(2)
    assert " " in request.headers["webhook-signature"]
    assert " " not in later.headers["webhook-signature"]


async def test_two_senders_on_one_database_send_everything_once_and_in_order(rig: Rig) -> None:
    async with listening() as receiver, sending(rig.sender()) as one, sending(rig.sender()) as two:
        await rig.endpoint(receiver.url)
        for locker in range(10):
            await rig.happens(10, locker=locker)
            one.wake()
            two.wake()
        await rig.all_are("delivered")
    order = defaultdict(list)
    for request in receiver.received:
        order[request.event["data"]["locker_id"]].append(request.event["data"]["reservation_id"])
    assert dict(order) == {locker: list(range(1, 11)) for locker in range(10)}


async def test_what_a_lost_sender_had_claimed_is_due_again_when_its_claim_runs_out(
    rig: Rig, clock: SteppedClock
) -> None:
    await rig.endpoint("http://127.0.0.1:9/")
    await rig.happens(2)
    lease_ms = 45_000
    await rig.run(
        "UPDATE webhook_deliveries SET claimed_until = :until, next_attempt_at = :until WHERE sequence = 1",
        until=clock.now() + lease_ms,
    )
    async with listening() as receiver, sending(rig.sender()) as sender:
        await rig.run("UPDATE webhook_endpoints SET url = :url", url=receiver.url)
        sender.wake()
        await clock.advance(lease_ms / 1000 - 0.001)
        assert receiver.connections == 0
        await clock.advance(0.001)
        sender.wake()
        await rig.all_are("delivered")
    assert numbers(receiver.received) == [1, 2]


async def test_a_sender_that_is_cancelled_gives_back_what_it_had_under_way(rig: Rig, clock: SteppedClock) -> None:
    async with listening(hangs) as receiver:
        await rig.endpoint(receiver.url)
        await rig.record(RESERVED)
        async with sending(rig.sender()) as sender:
            sender.wake()
            await receiver.got(1)
        row = await rig.delivery()
        assert (row["status"], row["claimed_until"], row["next_attempt_at"]) == ("pending", None, clock.now())
        receiver.behave = OK
        async with sending(rig.sender()):
            await rig.all_are("delivered")
    assert len(set(receiver.ids())) == 1


async def test_a_delivery_that_another_process_recorded_is_seen_at_the_next_look(rig: Rig, clock: SteppedClock) -> None:
    async with listening() as receiver, sending(rig.sender(pace=Pace(poll=1.0))):
        await rig.endpoint(receiver.url)
        await rig.record(RESERVED)
        async with asyncio.timeout(60):
            while not receiver.received:
                await clock.advance(1)
                await asyncio.sleep(0.01)
        await rig.all_are("delivered")


async def test_a_redelivery_stands_outside_the_order(rig: Rig, clock: SteppedClock) -> None:
    async with listening(answers(500)) as receiver, sending(rig.sender()) as sender:
        await rig.endpoint(receiver.url)
        await rig.happens(2)
        sender.wake()
        await rig.eventually(lambda rows: rows[0]["failed"] == 1)
        await rig.run(
            "UPDATE webhook_deliveries SET lane = NULL, next_attempt_at = :now WHERE sequence = 2", now=clock.now()
        )
        receiver.behave = OK
        sender.wake()
        rows = await rig.eventually(lambda rows: rows[1]["status"] == "delivered")
    assert rows[0]["status"] == "pending"
