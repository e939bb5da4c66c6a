"""`python -m tests.bench.scale [--json]`: does the cloud get slower as it grows? Exit 1 if a figure misses its limit.

The same figures at 1,200 lockers that are new and at a million with ten million past events, measured in turn.
"""

import argparse
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

from harness import postgres
from harness.clouds import Cloud

from .cloud_mints import mint_all, serving
from .cloud_past import grow
from .cloud_reads import AVAILABILITY, LIST, availability, list_lockers
from .cloud_site import LOCKERS, TOWERS, Site, new_site
from .figures import Figure, as_json, most, table
from .servers import environment

LOCATIONS, EVENTS = 834, 10_000_000
GROWTH, ROUNDS = 1.3, 7
Pair = tuple[tuple[Site, Cloud], tuple[Site, Cloud]]
Measured = list[tuple[dict[str, Any], dict[str, Any]]]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.scale", description="Whether size makes it slower.")
    parser.add_argument("--json", action="store_true", help="One JSON document instead of the table.")
    parser.add_argument("--locations", type=int, default=LOCATIONS, help=f"of {TOWERS} × {LOCKERS} lockers each")
    parser.add_argument("--events", type=int, default=EVENTS, help="that the towers reported in the past")
    asked = parser.parse_args()
    build = partial(_sites, locations=asked.locations, events=asked.events)
    with tempfile.TemporaryDirectory(prefix="openharbor-scale-") as directory:
        figures = [*on_sqlite(Path(directory), build), *on_postgres(Path(directory), build)]
    print(as_json(figures) if asked.json else f"{environment()}\n\n{table(figures)}")
    return 0 if all(figure.ok for figure in figures) else 1


def on_sqlite(directory: Path, build: Callable[..., tuple[Site, Site, Figure]]) -> list[Figure]:
    small, large, filled = build("SQLite", directory / "sqlite", None, None)
    figures = [filled, *compared("SQLite", small, large)]
    shutil.rmtree(directory / "sqlite")
    return figures


def on_postgres(directory: Path, build: Callable[..., tuple[Site, Site, Figure]]) -> list[Figure]:
    with postgres.running(fsync=True) as server:
        urls = server.database("small"), server.database("large")
        small, large, filled = build("PostgreSQL", directory / "postgres", *urls)
        return [filled, *compared("PostgreSQL", small, large)]


def _sites(
    where: str, directory: Path, small_url: str | None, large_url: str | None, *, locations: int, events: int
) -> tuple[Site, Site, Figure]:
    """A new site, one that has grown, and how long that took."""
    small, seed = new_site(directory / "small", small_url), new_site(directory / "large", large_url)
    began = time.monotonic()
    large = grow(seed, locations, events)
    note = f"{large.lockers:,} lockers, {events:,} events of towers, and what belongs to them"
    filled = Figure(f"filling {where}", time.monotonic() - began, "s", note=note)
    print(f"{filled.name}: {filled.measured:.0f} s", file=sys.stderr, flush=True)
    return small, large, filled


def compared(where: str, small: Site, large: Site) -> list[Figure]:
    with ExitStack() as stack:
        pair = (small, stack.enter_context(serving(small))), (large, stack.enter_context(serving(large)))
        minted = rounds(mint_all, pair)
        listed, counted = rounds(list_lockers, pair), rounds(availability, pair)
    return [
        growth(f"time of a drop-off token, {where}", minted, large, lambda one: 1000 / one["rate"]),
        growth(f"{LIST}, {where}, p50", listed, large, lambda one: one["p50_ms"]),
        growth(f"{AVAILABILITY}, {where}, p50", counted, large, lambda one: one["p50_ms"]),
    ]


def rounds(measure: Callable[[Site, Cloud], dict[str, Any]], pair: Pair) -> Measured:
    """The two in turn. The first round warms both up and is left out."""
    done = [(measure(*pair[0]), measure(*pair[1])) for _ in range(ROUNDS + 1)]
    return done[1:]


def growth(name: str, measured: Measured, large: Site, of: Callable[[dict[str, Any]], float]) -> Figure:
    """The median over the rounds of what size made of it."""
    ratio = median(of(much) / of(few) for few, much in measured)
    small_ms, large_ms = (median(of(one[part]) for one in measured) for part in (0, 1))
    p99 = [median(one[part]["p99_ms"] for one in measured) for part in (0, 1)]
    note = f"{small_ms:.2f} ms to {large_ms:.2f} ms; p99 {p99[0]:.1f} ms to {p99[1]:.1f} ms"
    return most(f"{name}: at {large.lockers:,} lockers to that at 1,200", ratio, GROWTH, "×", note)


if __name__ == "__main__":
    sys.exit(main())
