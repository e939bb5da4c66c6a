"""kill -9 at random moments under load: nothing acknowledged is lost or doubled, no key fires twice.

`KILLS` is how often (40), `KILL_SEED` repeats a run's choices (not the machine's timing).
"""

import os
import random
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from faults.kill.clients import Worker, all_ended, caretaker, courier, inspector
from faults.kill.ledger import Ledger
from faults.kill.reckoning import reckon
from faults.kill.world import COUNTED, INSPECTED, World, found
from harness.processes import openharbor, start_and_kill

KILLS = int(os.environ.get("KILLS", "40"))
CHUNKS = 4  # sites of their own, for the test processes to share
LONGEST_S = 0.6  # of load before a kill
CLIENTS = [courier("small", 3), courier("small", 3), courier("medium", 6), caretaker(COUNTED), inspector(INSPECTED)]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = found(tmp_path / "site")
    try:
        yield made
    finally:
        if made.gateway is not None:
            made.gateway.kill()
        made.cabinet.service.stop()
        made.cabinet.service.close()


@pytest.mark.slow
@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_after_every_kill_what_was_acknowledged_is_there_and_no_key_has_fired_twice(world: World, chunk: int) -> None:
    seed = int(os.environ.get("KILL_SEED", time.time_ns() % 2**32))
    print(f"KILL_SEED={seed} repeats this")
    chance = random.Random(f"{seed} {chunk}")
    ledgers = [Ledger() for _ in CLIENTS]
    world.serve()
    kills = 0
    while kills < len(range(chunk, KILLS, CHUNKS)):
        world.shut_doors()
        load_and_kill(world, ledgers, chance)
        kills += 1
        if chance.random() < 0.2:  # a second time, while it starts
            start_and_kill(
                "gateway", "serve", "--data", str(world.data), "--port", "0", log=world.log, after=chance.uniform(0, 1)
            )
        world.serve()
        reckon(world, ledgers, chance)
    assert sum(ledger.acknowledged for ledger in ledgers) >= 5 * kills
    world.kill()
    openharbor("gateway", "check", "--data", str(world.data))


def load_and_kill(world: World, ledgers: list[Ledger], chance: random.Random) -> None:
    """Runs every client until the gateway is gone from under it."""
    workers = [
        Worker(world.host_port, ledger, choose, chance.randrange(2**32))
        for ledger, choose in zip(ledgers, CLIENTS, strict=True)
    ]
    for worker in workers:
        worker.start()
    time.sleep(chance.uniform(0.005, LONGEST_S))
    world.kill()
    for fault in all_ended(workers):
        raise fault
