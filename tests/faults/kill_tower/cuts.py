"""When the tower is killed: at any time, after a message of some kind, at a write to its journal, around a pulse."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from typing import Final

from faults.kill_tower.world import LOCKERS, World

LONGEST_S: Final = 0.9  # of load before a kill
LOOK_S: Final = 0.0005
CLOSE_LOOK_S: Final = 0.0001
WRITES_S: Final = 0.2  # at the latest
# how long after a message of this kind something may still be going on for it
SPANS_S: Final = {"begin": 0.005, "open": 0.3, "push": 0.006, "pull": 0.005, "revert": 0.006, "fire": 0.3, "end": 0.005}


async def kill_in_time(world: World, chance: random.Random) -> str:
    """Waits for a moment of its choice, kills, and says what it waited for."""
    name, moment = chance.choice(MOMENTS)
    try:
        async with asyncio.timeout(chance.uniform(0.3, LONGEST_S)):
            await moment(world, chance)
    except TimeoutError:
        name = "no such moment"
    world.on_said = lambda _: None
    world.strike()
    return name


async def at_any_time(_: World, chance: random.Random) -> None:
    await asyncio.sleep(chance.uniform(0.005, LONGEST_S))


def after_a(kind: str, *, at_once: bool = False) -> Callable[[World, random.Random], Awaitable[None]]:
    """Some time after a message of this kind has left its phone."""

    async def moment(world: World, chance: random.Random) -> None:
        said, left = asyncio.Event(), chance.choice((1, 1, 1, 2))

        def on_said(what: str) -> None:
            nonlocal left
            left -= what == kind
            if left <= 0:
                said.set()

        world.on_said = on_said
        await said.wait()
        await asyncio.sleep(0 if at_once else SPANS_S[kind] * chance.random() ** 3)  # most happens early

    return moment


def at_a_write_for_a(kind: str) -> Callable[[World, random.Random], Awaitable[None]]:
    """When its journal has just grown after such a message: before or after what belongs together is whole."""
    said = after_a(kind, at_once=True)

    async def moment(world: World, chance: random.Random) -> None:
        await said(world, chance)
        before, until = _written(world), time.monotonic() + WRITES_S
        await asyncio.to_thread(_wait_for_write, world, before, until)
        await asyncio.sleep(chance.choice((0, 0, 0.001)))

    return moment


def _wait_for_write(world: World, before: int, until: float) -> None:
    while _written(world) == before and time.monotonic() < until:
        time.sleep(CLOSE_LOOK_S)


def _written(world: World) -> int:
    return world.journal.stat().st_mtime_ns if world.journal.exists() else 0


async def around_a_pulse(world: World, chance: random.Random) -> None:
    """From the moment that current flows in a solenoid until the answer has gone out."""
    before = _pulses(world)
    while _pulses(world) == before:  # noqa: ASYNC110 - boards tell nobody
        await asyncio.sleep(LOOK_S)
    await asyncio.sleep(chance.uniform(0, 0.15))


def _pulses(world: World) -> int:
    return sum(world.pulses(number) for number in range(1, LOCKERS + 1))


MOMENTS: Final[list[tuple[str, Callable[[World, random.Random], Awaitable[None]]]]] = [
    ("any time", at_any_time),
    *((f"a write: {kind}", at_a_write_for_a(kind)) for kind in ("open", "open", "push", "push", "pull")),
    ("a pulse", around_a_pulse),
    ("an opening", after_a("open")),
    *((f"a message: {kind}", after_a(kind)) for kind in SPANS_S),
]
