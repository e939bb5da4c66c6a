"""Seeded worlds for the pure core of a locker's life: providers, the clock, an offline tower, unreliable phones.

Run from `tests/`: python -m simulation.cloud_lockers --examples 1000000 --seed 1
"""

import argparse
import random
import sys
import time
from collections.abc import Callable

from openharbor.cloud.lockers.locker import Status
from simulation.world import CODE, NUMBERS, ORGANIZATIONS, World

Act = Callable[[World, random.Random], None]
DURATIONS = (60, 300, 3600, 3600, 86_400)
STEPS = 15


def _reserve(world: World, rng: random.Random) -> None:
    world.desk.reserve(rng.choice(NUMBERS), rng.choice(ORGANIZATIONS), world.now, rng.choice((1, 60, 300)))


def _mint(world: World, rng: random.Random) -> None:
    world.mint(rng.choice(NUMBERS), rng.choice(ORGANIZATIONS), rng.choice(DURATIONS))


def _mint_held(world: World, rng: random.Random) -> None:
    number = rng.choice(NUMBERS)
    holder = world.desk.lockers[number].holder
    if holder is not None:
        world.mint(number, holder, rng.choice(DURATIONS))


def _pickup(world: World, rng: random.Random) -> None:
    number = rng.choice(NUMBERS)
    holder = world.desk.lockers[number].holder
    if holder is not None:
        world.desk.pickup_token(number, holder, world.now, rng.choice(DURATIONS))


def _draw_pickup(world: World, rng: random.Random) -> None:
    number = rng.choice(NUMBERS)
    holder = world.desk.lockers[number].holder
    if holder is not None:
        world.desk.draw_pickup(number, holder, world.now, world.now + rng.choice((500, 100_000, 900_000)))


def _link(world: World, rng: random.Random) -> None:
    world.desk.dropoff_link(rng.choice(NUMBERS), rng.choice(ORGANIZATIONS), world.now)


def _draw(world: World, rng: random.Random) -> None:
    code = CODE if rng.random() < 0.5 else ""
    world.desk.draw_dropoff(rng.choice(NUMBERS), world.now, code, persists=rng.random() < 0.5)


def _release(world: World, rng: random.Random) -> None:
    world.release(rng.choice(NUMBERS), rng.choice(ORGANIZATIONS))


def _cancel(world: World, rng: random.Random) -> None:
    if rng.random() < 0.5:
        world.desk.cancel_reservation(rng.choice(NUMBERS), rng.choice(ORGANIZATIONS), world.now)
    else:
        world.desk.cancel_link(rng.choice(NUMBERS), world.now)


def _operator(world: World, rng: random.Random) -> None:
    number = rng.choice(NUMBERS)
    if rng.random() < 0.4:
        world.desk.set_out_of_service(number, world.now)
    else:
        world.look_inside(number)


def _wait(world: World, rng: random.Random) -> None:
    world.pass_time(rng.choice((1, 10, 30, 60, 119, 301, 3600, 90_000)))


def _use(world: World, rng: random.Random) -> None:
    luck = rng.random()
    which = -1 if rng.random() < 0.6 else rng.randrange(100)
    world.use(which, jams=luck < 0.06, power_cut=luck > 0.94, new_session=rng.random() < 0.8)


def _door(world: World, rng: random.Random) -> None:
    for number in NUMBERS:
        if rng.random() < 0.8:
            world.device.close(number, world.now_s)
        else:
            world.device.left_open(number, world.now_s)


def _in_session(world: World, rng: random.Random) -> None:
    luck = rng.random()
    if luck < 0.5:
        world.device.revert(world.now_s)
    elif luck < 0.8:
        world.device.reopen(world.now_s)
    else:
        world.device.any_command()


def _code(world: World, rng: random.Random) -> None:
    world.enter_code(rng.choice(NUMBERS))


def _staff(world: World, rng: random.Random) -> None:
    number = rng.choice(NUMBERS)
    if rng.random() < 0.5:
        world.device.staff_disables(number, world.now_s)
    elif world.device.cells[number].parcel is None:
        world.device.staff_takes(number, world.now_s)


def _clock(world: World, rng: random.Random) -> None:
    luck = rng.random()
    if luck < 0.4:
        world.device.lose_clock(world.now_s, rng.choice((0, 5000, 200_000)))
    elif luck < 0.6:
        _corrected(world, rng)
    else:
        world.device.offset_s += rng.choice((-100, -10, 10, 100, 3000))


def _corrected(world: World, rng: random.Random) -> None:
    """The tower asks for the time, and gets it."""
    world.device.lose_clock(world.now_s, 0)
    world.drain()
    world.drain()


def _lost_clock(world: World, rng: random.Random) -> None:
    world.device.lose_clock(world.now_s, rng.choice((100, 5000)))


def _carry_up(world: World, rng: random.Random) -> None:
    world.carry_up()


def _fetch(world: World, rng: random.Random) -> None:
    world.fetch(world.phones[0])


def _push_late(world: World, rng: random.Random) -> None:
    """A packet that was fetched long ago, and holds the time of that moment."""
    world.visit(world.phones[0], world.device.next_event, 1)


def _fast_clock(world: World, rng: random.Random) -> None:
    world.device.offset_s += rng.choice((100, 3000))


def _visit(world: World, rng: random.Random) -> None:
    phone = rng.choice(world.phones)
    if rng.random() < 0.7:
        world.fetch(phone)
    start = world.desk.tower.next_event if rng.random() < 0.7 else max(1, world.device.next_event - rng.randrange(1, 6))
    world.visit(phone, start, rng.choice((1, 2, 20)))


def _upload(world: World, rng: random.Random) -> None:
    phone = rng.choice(world.phones)
    world.upload(phone, rng.randrange(100), keep=rng.random() < 0.3, split=rng.randrange(20))


def _lose(world: World, rng: random.Random) -> None:
    phone = rng.choice(world.phones)
    if phone.batches:
        phone.batches.pop(rng.randrange(len(phone.batches)))


def _sync(world: World, rng: random.Random) -> None:
    world.drain()


def _empty_batch(world: World, rng: random.Random) -> None:
    world.empty_batch()


def _lose_log(world: World, rng: random.Random) -> None:
    if rng.random() < 0.2:
        world.lose_log()
    else:
        world.inspect(rng.choice(NUMBERS))


ACTS: tuple[tuple[Act, int], ...] = (
    (_reserve, 3),
    (_mint, 8),
    (_mint_held, 8),
    (_pickup, 6),
    (_draw_pickup, 2),
    (_link, 4),
    (_draw, 5),
    (_release, 6),
    (_cancel, 3),
    (_operator, 4),
    (_wait, 8),
    (_use, 22),
    (_door, 12),
    (_in_session, 5),
    (_code, 4),
    (_staff, 1),
    (_clock, 3),
    (_carry_up, 2),
    (_fetch, 1),
    (_push_late, 1),
    (_visit, 9),
    (_upload, 9),
    (_lose, 1),
    (_sync, 9),
    (_empty_batch, 1),
    (_lose_log, 1),
)
CHOICES = tuple(act for act, weight in ACTS for _ in range(weight))


# most of what can go wrong needs a parcel first
BEGINNINGS: tuple[tuple[Act, ...], ...] = (
    (),
    (_mint, _use),
    (_mint, _use, _sync),
    (_mint, _use, _door, _sync, _pickup),
    (_link, _draw, _use, _sync),
    (_mint, _use, _sync, _release),
    (_mint, _fast_clock, _sync),
    (_mint, _lost_clock, _carry_up, _fetch, _wait, _carry_up, _push_late),
)


def run(seed: int, trace: list[str] | None = None) -> World:
    """One example. Raises where a promise is broken; `trace` gets a line for every step."""
    rng = random.Random(seed)
    world = World(sensors=rng.random() < 0.9)
    begin = BEGINNINGS[rng.randrange(len(BEGINNINGS))]
    for place in range(rng.randrange(STEPS - 5, STEPS + 6)):
        act = begin[place] if place < len(begin) else rng.choice(CHOICES)
        if trace is not None:
            trace.append(act.__name__.strip("_"))
        act(world, rng)
        world.check()
        if trace is not None:
            trace.append(_seen(world))
    world.drain()
    world.check()
    return world


def _seen(world: World) -> str:
    lines = [
        f"    {world.now_s - 1_800_000_000:+} s, tower at {world.desk.tower.next_event} of {world.device.next_event}"
    ]
    for number, locker in world.desk.lockers.items():
        cell = world.device.cells[number]
        tokens = ", ".join(
            f"{one.token_id}/g{one.generation} {one.kind} {one.settled or 'open'}" for one in locker.tokens
        )
        lines.append(
            f"    {number}: {locker.status.word} of {locker.holder} [{tokens}] tower: "
            f"{'taken' if cell.taken else 'free'} g{cell.generation} retired {cell.retired} parcel {cell.parcel}"
        )
    return "\n".join(lines)


def failing(seed: int) -> str | None:
    """The failure of this example with its steps; None: it holds."""
    trace: list[str] = []
    try:
        run(seed, trace)
    except Exception as error:
        return "\n".join((f"seed {seed}", *trace, f"{type(error).__name__}: {error}"))
    return None


def main(arguments: list[str]) -> int:
    """Exit code 1 with the seed and the steps of the first example that fails."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--examples", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    options = parser.parse_args(arguments)
    print(f"seed {options.seed}, {options.examples} examples", flush=True)
    began = time.monotonic()
    statuses: dict[Status, int] = dict.fromkeys(Status, 0)
    for place in range(options.examples):
        seed = options.seed * 10_000_000 + place
        try:
            world = run(seed)
        except Exception:
            print(failing(seed))
            return 1
        for locker in world.desk.lockers.values():
            statuses[locker.status] += 1
        if (place + 1) % 10_000 == 0:
            print(f"{place + 1} examples, {(place + 1) / (time.monotonic() - began):.0f} a second", flush=True)
    print("holds; lockers at the end:", {status.word: count for status, count in statuses.items()})
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
