"""Random, damaged and wild frames against a whole tower: no exception, no wrong door, an answer each time.

Run from `tests/`: python -m fuzz.frames --frames 1000000 --seed 1
"""

import argparse
import random
import resource
import sys
import time

from fuzz.making import Maker
from fuzz.world import World

EACH_LIFE = 1500  # frames after which the tower is a new one
KIB_MORE = 32 * 1024  # that a process may grow by after its first 20,000 frames
SETTLED = 20_000


def run(frames: int, seed: int, *, log: bool = False) -> World:
    """Sends them. Raises whatever the tower does wrong, with the number of the frame and the frame."""
    rng = random.Random(seed)
    world = World(rng)
    maker = Maker(world, rng)
    settled = 0
    for count in range(frames):
        if count % EACH_LIFE == 0:
            _new_life(world, maker)
        _one(world, maker, rng, count)
        if count == SETTLED:
            settled = _peak_kib()
        if log and count % 100_000 == 0 and count:
            print(f"{count} frames, {world.pulses} pulses, {_peak_kib() >> 10} MiB", flush=True)
    if settled and _peak_kib() - settled > KIB_MORE:
        raise MemoryError(f"{_peak_kib() - settled} KiB more than after {SETTLED} frames")
    return world


def _new_life(world: World, maker: Maker) -> None:
    world.inspect()
    world.fresh()
    known = sorted(world.tokens.items())[-2000:] if len(world.tokens) > 4000 else world.tokens.items()
    world.tokens = dict(known)
    maker.recent.clear()
    maker.recent.append(maker.noise())


def _one(world: World, maker: Maker, rng: random.Random, count: int) -> None:
    sent = maker.make()
    try:
        world.receive(sent)
        if count % 16 == 0:
            world.wait(rng.choice((0.01, 0.3, 1, 1, 5, 40, 400)))
            world.enter(rng.choice(("5501", "482913", "0000", f"{rng.randrange(10_000):04d}", "", "x")))
        if count % 500 == 0:
            world.inspect()
    except Exception as error:
        error.add_note(f"frame {count}: {sent.frame.hex()}")
        raise


def _peak_kib() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def main(arguments: list[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m fuzz.frames", description=__doc__)
    parser.add_argument("--frames", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=None)
    asked = parser.parse_args(arguments)
    seed = random.SystemRandom().getrandbits(32) if asked.seed is None else asked.seed
    print(f"{asked.frames} frames from seed {seed}")
    began = time.monotonic()
    world = run(asked.frames, seed, log=True)
    took = time.monotonic() - began
    print(f"every frame was answered, no wrong door: {asked.frames / took:,.0f} frames a second")
    print(f"{world.refused} refused, {world.granted} sessions granted, {world.pulses} pulses of authentic messages")
    return 0


if __name__ == "__main__":
    sys.exit(main())
