"""kill -9 under load: whatever was acknowledged is there, and no unit is there in part. KILLS sets how often."""

import os
import random
import subprocess
import sys
from pathlib import Path

from openharbor.kit.database.readers import reading

KILLS = int(os.environ.get("KILLS", "10"))

WRITER = """
import asyncio, sys
from functools import partial
from pathlib import Path
from openharbor.kit.database.sqlite import SqliteDatabase

TABLE = "CREATE TABLE IF NOT EXISTS notes (number INTEGER, side TEXT, UNIQUE (number, side))"

def note(number, tx):
    for side in ("left", "right"):
        tx.execute("INSERT INTO notes (number, side) VALUES (:number, :side)", number=number, side=side)

async def work(database, numbers):
    for number in numbers:
        await database.write(partial(note, number))
        sys.stdout.write(f"{number}\\n")
        sys.stdout.flush()

async def main():
    database = SqliteDatabase(Path(sys.argv[1]), reserve_bytes=1 << 20)
    await database.write(lambda tx: tx.execute(TABLE))
    numbers = iter(range(int(sys.argv[2]), 1 << 40))
    await asyncio.gather(*(work(database, numbers) for _ in range(32)))

asyncio.run(main())
"""


def killed_after(path: Path, first: int, acknowledgements: int) -> set[int]:
    """What a process acknowledged that is killed some time after so many; numbers begin with `first`."""
    with subprocess.Popen([sys.executable, "-c", WRITER, path, str(first)], stdout=subprocess.PIPE) as writer:
        assert writer.stdout is not None
        lines = [writer.stdout.readline() for _ in range(acknowledgements)]
        writer.kill()
        lines += writer.stdout.readlines()
    return {int(line) for line in lines if line.endswith(b"\n")}


def test_whatever_was_acknowledged_survives_and_nothing_is_there_in_part(tmp_path: Path) -> None:
    path = tmp_path / "site.db"
    chance = random.Random(7)
    acknowledged: set[int] = set()
    for _ in range(KILLS):
        acknowledged |= killed_after(path, max(acknowledged, default=0) + 1000, chance.randint(1, 1500))
        with reading(path) as tx:
            sides = {
                row["number"]: row["n"] for row in tx.all("SELECT number, count(*) AS n FROM notes GROUP BY number")
            }
            assert tx.all("PRAGMA integrity_check")[0]["integrity_check"] == "ok"
        assert acknowledged <= sides.keys()
        assert set(sides.values()) == {2}
    assert len(acknowledged) >= KILLS
