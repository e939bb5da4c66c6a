"""`python -m tests.bench [PART …] [--json]`: exit 1 if a figure misses its limit."""

import argparse
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from . import cloud, creates, lists, open_all, opens, size, tower_core, tower_opens
from .figures import Figure, as_json, table
from .servers import environment

PARTS: dict[str, Callable[[Path], list[Figure]]] = {
    "creates": creates.measure,
    "opens": opens.measure,
    "open-all": open_all.measure,
    "lists": lists.measure,
    "size": size.measure,
    "cloud": cloud.measure,
    "tower-core": tower_core.measure,
    "tower": tower_opens.measure,
}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description="Speed and memory beside their limits.")
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)}; all if left out")
    parser.add_argument("--json", action="store_true", help="One JSON document instead of the table.")
    asked = parser.parse_args()
    unknown = [part for part in asked.parts if part not in PARTS]
    if unknown:
        parser.error(f"there is no part {unknown[0]}; there are {', '.join(PARTS)}")
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory(prefix="openharbor-bench-") as directory:
        for part in asked.parts or PARTS:
            print(f"measuring {part}", file=sys.stderr, flush=True)
            figures += PARTS[part](Path(directory))
    print(as_json(figures) if asked.json else f"{environment()}\n\n{table(figures)}")
    return 0 if all(figure.ok for figure in figures) else 1


if __name__ == "__main__":
    sys.exit(main())
