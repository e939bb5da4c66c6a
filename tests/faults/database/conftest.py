"""Small disks, and waiting for a database to recover."""

import asyncio
import subprocess
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from openharbor.kit.database.sqlite import SqliteDatabase

UntilOk = Callable[[SqliteDatabase], Awaitable[None]]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 24 MiB; skipped where mounting is not permitted."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", disk], capture_output=True)
    if mounted.returncode != 0:
        pytest.skip(f"needs the right to mount a small disk: {mounted.stderr.decode().strip()}")
    yield disk
    subprocess.run(["umount", "--lazy", disk], check=True)


async def _until_ok(database: SqliteDatabase) -> None:
    async with asyncio.timeout(10):
        while database.state != "ok":  # noqa: ASYNC110  # the state is the whole of what a database tells
            await asyncio.sleep(0.01)


@pytest.fixture
def until_ok() -> UntilOk:
    """Waits until the database can be written again."""
    return _until_ok
