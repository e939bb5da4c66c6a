"""The servers beside a cloud, as processes."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import msgspec

from .cloud_site import Site
from .cloud_statements import recorded


@contextmanager
def serving_constant(size: int) -> Iterator[str]:
    """Host and port; answers with this many bytes."""
    with _serving("tests.bench.cloud_constant", size, b"") as host_port:
        yield host_port


@contextmanager
def serving_bare(site: Site, size: int) -> Iterator[str]:
    """Host and port; runs the statements of minting on the site's database. The site must be reset."""
    plan = {"url": site.url, "minted": recorded(site.database, site.taken()[0])}
    with _serving("tests.bench.cloud_bare", size, msgspec.json.encode(plan)) as host_port:
        yield host_port


@contextmanager
def _serving(module: str, size: int, stdin: bytes) -> Iterator[str]:
    process = subprocess.Popen([sys.executable, "-m", module, str(size)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(stdin)
    process.stdin.close()
    try:
        yield process.stdout.readline().decode().split()[-1].removeprefix("http://")
    finally:
        process.terminate()
        process.wait(30)
        process.stdout.close()
