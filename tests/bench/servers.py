"""What is measured: a gateway on a site of the size wanted, and the same server answering a constant."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from harness.gateways import Gateway, gateway, new_site

VIRTUAL = 64  # lockers of one virtual board, the most that its family has
SLOW_US = 5000


def virtual_boards(lockers: int) -> list[tuple[str, int]]:
    """Boards for this many lockers."""
    full, rest = divmod(lockers, VIRTUAL)
    sizes = [VIRTUAL] * full + ([rest] if rest else [])
    return [(f"virtual://wall-{number}?locks={size}", size) for number, size in enumerate(sizes, 1)]


def virtual_site(directory: Path, lockers: int) -> Path:
    """The data directory of a new site without hardware."""
    directory.mkdir(parents=True, exist_ok=True)
    return new_site(directory, virtual_boards(lockers))


@contextmanager
def serving_gateway(data: Path, env: dict[str, str] | None = None) -> Iterator[Gateway]:
    """With every board on line."""
    with gateway(data, data.parent / "log", "--log-level", "warning", env=env) as served:
        served.wait_healthy(60)
        yield served


@contextmanager
def serving_constant(body_bytes: int) -> Iterator[str]:
    """Host and port of the same server, which decodes the same request and answers with this many bytes."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.bench.constant_server", str(body_bytes)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    try:
        yield process.stdout.readline().split()[-1].removeprefix("http://")
    finally:
        process.terminate()
        process.wait(30)
        process.stdout.close()


def slow_disk(directory: Path) -> dict[str, str]:
    """Environment in which each fsync takes 5 ms longer."""
    library = directory / "slow_fsync.so"
    source = Path(__file__).parent / "slow_fsync.c"
    subprocess.run(["cc", "-O2", "-shared", "-fPIC", "-o", str(library), str(source), "-ldl"], check=True)
    return {"LD_PRELOAD": str(library), "SLOW_FSYNC_US": str(SLOW_US)}


def seconds_to_start(data: Path) -> float:
    """From the start of the process to its ready line."""
    began = time.monotonic()
    with gateway(data, data.parent / "log"):
        return time.monotonic() - began


def environment() -> str:
    """What the figures were measured on, as far as it matters."""
    return f"{os.cpu_count()} processors, Python {sys.version.split()[0]}, {os.uname().machine}"
