"""kill -9 in place of the mains switch: no token comes back to life, no opening is unlogged, no command half done.

`KILLS` is how often (60), `KILL_SEED` repeats a run's choices (not the machine's timing).
"""

import asyncio
import os
import random
import signal
import time
from collections import Counter
from pathlib import Path

import pytest

from faults.kill_tower.books import Book, Log
from faults.kill_tower.cuts import kill_in_time
from faults.kill_tower.flash_check import check_flash, stored
from faults.kill_tower.orders import Orders
from faults.kill_tower.people import Courier, Person, Technician
from faults.kill_tower.phones import Phone
from faults.kill_tower.reckoning import reckon, try_the_dead
from faults.kill_tower.world import BLIND, COURIERS, LOCKERS, TRIED, World, founded
from harness.towers import STAFF, USER, until

KILLS = int(os.environ.get("KILLS", "60"))
CHUNKS = 4  # towers of their own, for the test processes to share
QUIET = 12  # one kill in so many comes after a jam, when nothing but a sync has happened for a second
ENDED_S = 40.0  # longer than any answer may take


@pytest.mark.slow
@pytest.mark.parametrize("chunk", range(CHUNKS))
async def test_after_every_kill_flash_is_whole_and_tells_what_the_tower_did(tmp_path: Path, chunk: int) -> None:
    seed = int(os.environ.get("KILL_SEED", time.time_ns() % 2**32))
    print(f"KILL_SEED={seed} repeats this")
    chance = random.Random(f"{seed} {chunk}")
    kills = len(range(chunk, KILLS, CHUNKS))
    async with founded(tmp_path) as world:
        story = Story(world, chance)
        await world.serve()
        for number in range(1, kills + 1):
            await story.one_kill(quiet=number % QUIET == 0)
        await story.end()
    print(dict(story.figures))
    assert story.figures["openings answered"] >= kills // 8, story.figures
    assert story.figures["messages answered"] >= kills, story.figures


class Story:
    """One tower, everybody around it, and their books."""

    def __init__(self, world: World, chance: random.Random) -> None:
        self.world, self.chance = world, chance
        self.books = {number: Book(number, number != BLIND) for number in range(1, LOCKERS + 1)}
        self.log, self.orders, self.turn = Log(self.books), Orders(), asyncio.Lock()
        self.figures: Counter[str] = Counter()

    def phone(self, permissions: int = USER) -> Phone:
        return Phone(self.world, self.log, self.orders, self.chance, permissions)

    def people(self) -> list[Person]:
        couriers = [
            Courier(self.phone(), [self.books[number] for number in numbers], self.turn)
            for numbers in COURIERS.values()
        ]
        return [*couriers, Technician(self.phone(STAFF), [self.books[TRIED]], self.turn)]

    async def one_kill(self, *, quiet: bool) -> None:
        """Everybody at work, a kill, a look at the flash, and a reckoning with the tower that starts again."""
        await (self._jam_and_kill() if quiet else self._load_and_kill())
        self.world.move_doors(self.chance)
        if self.chance.random() < 0.2:  # a second time, while it starts
            await self.world.serve_and_kill(self.chance.uniform(0.1, 0.5))
        before = check_flash(self.world, self.log, self.orders, list(self.books.values()))
        await self.world.serve()
        await reckon(self.phone(STAFF), before, list(self.books.values()), self.figures)

    async def _load_and_kill(self) -> None:
        people = self.people()
        work = [asyncio.create_task(one.work()) for one in people]
        moment = await kill_in_time(self.world, self.chance)
        self.figures[f"killed at {moment}"] += 1
        async with asyncio.timeout(ENDED_S):
            ended = await asyncio.gather(*work, return_exceptions=True)
        await self.world.kill()
        for fault in ended:
            if fault is not None:
                raise fault
        self.figures["messages answered"] += sum(one.phone.answered for one in people)

    async def _jam_and_kill(self) -> None:
        """A door that is held shut may open while the tower is dead; and the newest time that leaves is in no event:
        only the floor can keep it (10.1).
        """
        numbers = [number for numbers in COURIERS.values() for number in numbers]
        courier = Courier(self.phone(), [self.books[number] for number in numbers], self.turn)
        book = await courier.jam()
        self.figures["a jam before the kill"] += book is not None
        await courier.phone.pull()
        await asyncio.sleep(1.1)  # in whole seconds a later time
        await courier.phone.pull(self.log.next - 1)
        await self.world.kill()
        await courier.phone.close()

    async def end(self) -> None:
        """Every token that was ever retired is tried, every door that was opened is told of as shut."""
        for number in self.books:
            self.world.lock(number).push_shut()
        phone = self.phone(STAFF)
        await phone.begin()
        await try_the_dead(phone, [(book, token) for book in self.books.values() for token in book.dead])
        await phone.close()
        await until(self._nothing_is_watched)
        assert self.world.tower is not None
        self.world.tower.process.send_signal(signal.SIGTERM)
        assert await asyncio.to_thread(self.world.tower.process.wait, 40) == 0

    def _nothing_is_watched(self) -> bool:
        tower = stored(self.world.data / "tower.db")
        return all(one.watched is None for one in tower.lockers.values())
