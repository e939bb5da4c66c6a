"""A database has one process that writes it."""

import subprocess
import sys
from pathlib import Path

import pytest

from openharbor.kit.database.process_lock import DatabaseInUse, ProcessLock
from openharbor.kit.database.sqlite import SqliteDatabase
from openharbor.kit.errors import Failed

HOLDER = """
import sys
from pathlib import Path
from openharbor.kit.database.sqlite import SqliteDatabase
database = SqliteDatabase(Path(sys.argv[1]), reserve_bytes=0)
print("open", flush=True)
sys.stdin.read()
"""


def test_a_second_process_is_refused_until_the_first_one_ends_however_it_ends(path: Path) -> None:
    holder = subprocess.Popen([sys.executable, "-c", HOLDER, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    with holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"open\n"
        with pytest.raises(DatabaseInUse, match=r"site\.db is in use by another process"):
            SqliteDatabase(path)
        holder.kill()
    ProcessLock(path).release()


async def test_a_second_opening_in_the_same_process_is_refused_too(database: SqliteDatabase, path: Path) -> None:
    with pytest.raises(DatabaseInUse):
        SqliteDatabase(path)
    await database.close()
    await SqliteDatabase(path, reserve_bytes=0).close()


def test_what_cannot_be_opened_leaves_no_lock(path: Path) -> None:
    path.write_bytes(b"not a database" * 100)
    with pytest.raises(Failed, match="cannot be opened: file is not a database"):
        SqliteDatabase(path)
    ProcessLock(path).release()


def test_a_directory_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(Failed, match="nowhere is not a directory"):
        SqliteDatabase(tmp_path / "nowhere" / "site.db")
