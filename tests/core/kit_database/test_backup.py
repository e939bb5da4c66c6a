"""A backup is one whole snapshot, taken beside a running process."""

import asyncio
import sys
from functools import partial
from pathlib import Path

import pytest

from openharbor.kit.database.backup import backup
from openharbor.kit.database.driver import NoDatabase
from openharbor.kit.database.face import Transaction
from openharbor.kit.database.readers import reading
from openharbor.kit.database.sqlite import SqliteDatabase
from openharbor.kit.errors import Failed


def pair(number: int, tx: Transaction) -> None:
    tx.execute("INSERT INTO notes (note) VALUES (:text)", text=f"{number} left")
    tx.execute("INSERT INTO notes (note) VALUES (:text)", text=f"{number} right")


def count(tx: Transaction) -> int:
    row = tx.one("SELECT count(*) AS n FROM notes")
    assert row is not None
    return int(row["n"])


async def test_a_backup_under_load_has_every_unit_whole_and_what_was_acknowledged_before(
    database: SqliteDatabase, path: Path, tmp_path: Path
) -> None:
    target = tmp_path / "copy.db"
    await asyncio.gather(*(database.write(partial(pair, number)) for number in range(100)))
    copying = asyncio.create_task(asyncio.to_thread(backup, path, target))
    number = 100
    while not copying.done():
        await database.write(partial(pair, number))
        number += 1
    await copying
    with reading(target) as tx:
        assert tx.all("PRAGMA integrity_check")[0]["integrity_check"] == "ok"
        assert count(tx) >= 200
        assert count(tx) % 2 == 0


async def test_a_backup_is_one_private_file_and_opens_as_a_database(
    database: SqliteDatabase, path: Path, tmp_path: Path
) -> None:
    (tmp_path / "elsewhere").mkdir()
    target = tmp_path / "elsewhere" / "copy.db"
    await database.write(partial(pair, 1))
    backup(path, target)
    assert [file.name for file in target.parent.iterdir()] == ["copy.db"]
    assert target.stat().st_mode & 0o077 == 0
    restored = SqliteDatabase(target, reserve_bytes=0)
    assert await restored.read(count) == 2
    await restored.close()


async def test_a_backup_replaces_nothing(database: SqliteDatabase, path: Path, tmp_path: Path) -> None:
    target = tmp_path / "copy.db"
    target.write_text("precious")
    with pytest.raises(Failed, match=r"copy\.db exists already"):
        backup(path, target)
    assert target.read_text() == "precious"


def test_a_backup_of_nothing_or_to_nowhere_says_so(tmp_path: Path) -> None:
    with pytest.raises(NoDatabase):
        backup(tmp_path / "missing.db", tmp_path / "copy.db")
    empty = tmp_path / "empty.db"
    empty.touch()
    with pytest.raises(Failed, match="cannot be made: No such file or directory"):
        backup(empty, tmp_path / "nowhere" / "copy.db")


def test_a_backup_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    broken = tmp_path / "broken.db"
    broken.write_bytes(b"not a database" * 100)
    with pytest.raises(Failed, match="failed: file is not a database"):
        backup(broken, tmp_path / "copy.db")
    assert [file.name for file in tmp_path.iterdir()] == ["broken.db"]


async def test_a_backup_by_another_process_leaves_the_writer_its_locks(
    database: SqliteDatabase, path: Path, tmp_path: Path
) -> None:
    code = (
        "import sys; from pathlib import Path; from openharbor.kit.database.backup import backup;"
        " backup(Path(sys.argv[1]), Path(sys.argv[2]))"
    )
    copying = await asyncio.create_subprocess_exec(sys.executable, "-c", code, path, tmp_path / "copy.db")
    assert await copying.wait() == 0
    await database.write(partial(pair, 1))
    assert await database.read(count) == 2
