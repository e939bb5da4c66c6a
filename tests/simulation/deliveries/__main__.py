"""Towns by seeds. Run from `tests/`: python -m simulation.deliveries --days 3 --towns 10 --seed 1."""

import argparse
import sys
import time
from collections import Counter

from simulation.deliveries.days import TOWERS, failing, run


def main(arguments: list[str]) -> int:
    """Exit code 1 with the seed and the steps of the first town that fails."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--days", type=float, default=3.0, help="how long each town lives")
    parser.add_argument("--towns", type=int, default=1, help="how many towns")
    parser.add_argument("--seed", type=int, default=int(time.time()), help="of the first town; the next ones count up")
    options = parser.parse_args(arguments)
    print(f"seed {options.seed}, {options.towns} towns of {options.days} days", flush=True)
    counted: Counter[str] = Counter()
    for seed in range(options.seed, options.seed + options.towns):
        began = time.monotonic()
        try:
            town = run(seed, options.days)
        except Exception:
            print(failing(seed, options.days))
            return 1
        took = time.monotonic() - began
        counted += town.counted
        print(f"town {seed} holds: {options.days * TOWERS / took:.0f} days of tower time a second", flush=True)
    print("holds;", dict(counted))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
