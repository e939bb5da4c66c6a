"""Senders that are killed at any moment: every event arrives, in order per locker, and verifies."""

import asyncio
import os
import random
import sys
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path

import pytest

from harness.cloud_databases import postgres_template as postgres_template
from harness.cloud_databases import sqlite_template as sqlite_template
from harness.cloud_databases import url as url
from harness.postgres import postgres as postgres
from openharbor.cloud.master_key import load_vault
from openharbor.kit.clock import SystemClock
from openharbor.kit.database.opening import open_database
from service.cloud_webhooks.receivers import OK, Received, Receiver, hangs, listening, sends
from service.cloud_webhooks.rig import SECRET, Rig, populate

pytestmark = pytest.mark.slow

TESTS = Path(__file__).parents[2]
LOCKERS, EVENTS, KILLS = 6, 40, 8


@asynccontextmanager
async def sender(url: str, key: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    """A sender for the time of a block, which ends with its kill -9."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "faults.webhooks.sender_process", url, str(key)),
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(TESTS)},
    )
    try:
        assert process.stdout is not None
        assert await process.stdout.readline() == b"ready\n"
        yield process
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()


@asynccontextmanager
async def senders(url: str, key: Path) -> AsyncIterator[None]:
    """One on a file, two on a server, for the time of a block."""
    async with AsyncExitStack() as stack:
        for _ in range(2 if url.startswith("postgresql") else 1):
            await stack.enter_async_context(sender(url, key))
        yield


async def at_its_leisure(request: Received, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Well, and now sooner and now later."""
    await asyncio.sleep(random.Random(request.id).random() / 100)
    await OK(request, reader, writer)


def orders(received: Iterable[Received]) -> dict[int, list[int]]:
    """The events of each locker as they arrived, repeats left out where one follows on itself."""
    order: dict[int, list[int]] = defaultdict(list)
    for request in received:
        data = request.verified(SECRET)["data"]
        if [data["reservation_id"]] != order[data["locker_id"]][-1:]:
            order[data["locker_id"]].append(data["reservation_id"])
    return dict(order)


async def test_every_event_arrives_in_order_though_the_sender_is_killed_again_and_again(
    url: str, tmp_path: Path
) -> None:
    key = tmp_path / "master.key"
    chance = random.Random(7)
    async with listening(at_its_leisure) as receiver:
        await fill(url, key, receiver.url)
        for _ in range(KILLS):
            some = len(receiver.received) + chance.randrange(1, 12)
            async with senders(url, key):
                await receiver.until(lambda some=some: len(receiver.received) >= some or complete(receiver))  # type: ignore[misc]  # a default binds it
                await asyncio.sleep(chance.random() / 50)
        async with sender(url, key):
            await receiver.until(lambda: complete(receiver))
        assert orders(receiver.received) == {locker: [*range(1, EVENTS + 1)] for locker in range(LOCKERS)}
        assert_repeats_are_alike(receiver.received)


async def test_no_lane_overtakes_itself_while_a_killed_sender_s_claim_runs_out(url: str, tmp_path: Path) -> None:
    key = tmp_path / "master.key"
    async with listening(hangs) as receiver:
        await fill(url, key, receiver.url)
        async with sender(url, key):
            await receiver.got(LOCKERS)
        assert {request.event["data"]["reservation_id"] for request in receiver.received} == {1}
        receiver.behave = OK
        async with sender(url, key):
            await receiver.until(lambda: complete(receiver))
        assert orders(receiver.received) == {locker: [*range(1, EVENTS + 1)] for locker in range(LOCKERS)}


async def test_a_receiver_that_dies_mid_request_gets_the_event_again(url: str, tmp_path: Path) -> None:
    key = tmp_path / "master.key"
    async with listening(sends(b"HTTP/1.1 2")) as receiver:
        await fill(url, key, receiver.url, lockers=1, events=1)
        async with sender(url, key):
            await receiver.got(1)
            receiver.behave = OK
            await receiver.got(2)  # 5 s later
        assert len(set(receiver.ids())) == 1


def complete(receiver: Receiver) -> bool:
    return len(set(receiver.ids())) == LOCKERS * EVENTS


async def fill(url: str, key: Path, to: str, lockers: int = LOCKERS, events: int = EVENTS) -> None:
    """An endpoint, and the events of some lockers, interleaved."""
    database = open_database(url, threads=2)
    try:
        await database.write(populate)
        rig = Rig(database, load_vault(key, create=True), SystemClock())
        await rig.endpoint(to)
        for locker in range(lockers):
            await rig.happens(events, locker=locker)
    finally:
        await database.close()


def assert_repeats_are_alike(received: Iterable[Received]) -> None:
    bodies: dict[str, set[bytes]] = defaultdict(set)
    for request in received:
        bodies[request.id].add(request.body)
    assert all(len(same) == 1 for same in bodies.values())
