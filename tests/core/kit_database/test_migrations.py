"""A database is brought to the schema of the code at start-up, and never back."""

import subprocess
import sys
from pathlib import Path

import pytest

from openharbor.kit.database.migrations import SchemaTooNew, current, sqlite_url, upgrade
from openharbor.kit.database.process_lock import DatabaseInUse, ProcessLock
from openharbor.kit.database.readers import reading
from openharbor.kit.database.sqlite import SqliteDatabase
from openharbor.kit.errors import Failed

REVISION = '''
"""{text}"""
import sqlalchemy as sa
from alembic import op

revision = "{revision}"
down_revision = {down}


def upgrade() -> None:
    {body}
'''
FIRST = 'op.create_table("notes", sa.Column("id", sa.Integer, primary_key=True), sa.Column("note", sa.Text))'
SECOND = 'op.add_column("notes", sa.Column("at", sa.BigInteger))'
BROKEN = 'op.add_column("notes", sa.Column("at", sa.BigInteger)); op.execute("INSERT INTO nothing VALUES (1)")'


@pytest.fixture
def migrations(tmp_path: Path) -> Path:
    (tmp_path / "migrations" / "versions").mkdir(parents=True)
    return tmp_path / "migrations"


def write_revision(migrations: Path, revision: str, down: str | None, body: str) -> None:
    text = REVISION.format(text=revision, revision=revision, down=repr(down), body=body)
    (migrations / "versions" / f"{revision}.py").write_text(text)


def columns(path: Path) -> list[str]:
    with reading(path) as tx:
        return [row["name"] for row in tx.all("PRAGMA table_info(notes)")]


def test_a_new_database_gets_every_revision_in_order(path: Path, migrations: Path) -> None:
    write_revision(migrations, "0001", None, FIRST)
    write_revision(migrations, "0002", "0001", SECOND)
    assert current(sqlite_url(path)) is None
    upgrade(sqlite_url(path), migrations)
    assert current(sqlite_url(path)) == "0002"
    assert columns(path) == ["id", "note", "at"]
    assert path.stat().st_mode & 0o077 == 0


async def test_an_older_database_gets_what_it_lacks_and_keeps_its_rows(path: Path, migrations: Path) -> None:
    write_revision(migrations, "0001", None, FIRST)
    upgrade(sqlite_url(path), migrations)
    database = SqliteDatabase(path, reserve_bytes=0)
    await database.write(lambda tx: tx.execute("INSERT INTO notes (note) VALUES ('old')"))
    await database.close()
    write_revision(migrations, "0002", "0001", SECOND)
    upgrade(sqlite_url(path), migrations, "0002")
    with reading(path) as tx:
        assert [(row["note"], row["at"]) for row in tx.all("SELECT * FROM notes")] == [("old", None)]


def test_a_revision_that_fails_leaves_the_database_as_it_was(path: Path, migrations: Path) -> None:
    write_revision(migrations, "0001", None, FIRST)
    upgrade(sqlite_url(path), migrations)
    write_revision(migrations, "0002", "0001", SECOND)
    write_revision(migrations, "0003", "0002", BROKEN.replace('"at"', '"by"'))
    with pytest.raises(Failed, match="could not be brought to the present schema"):
        upgrade(sqlite_url(path), migrations)
    assert current(sqlite_url(path)) == "0001"
    assert columns(path) == ["id", "note"]


def test_a_database_of_a_newer_release_is_left_alone(path: Path, migrations: Path) -> None:
    write_revision(migrations, "0001", None, FIRST)
    write_revision(migrations, "0002", "0001", SECOND)
    upgrade(sqlite_url(path), migrations)
    (migrations / "versions" / "0002.py").unlink()
    with pytest.raises(SchemaTooNew, match=r"newer release \(schema 0002\)"):
        upgrade(sqlite_url(path), migrations, "0001")
    assert current(sqlite_url(path)) == "0002"


def test_a_database_in_use_is_not_changed(path: Path, migrations: Path) -> None:
    write_revision(migrations, "0001", None, FIRST)
    lock = ProcessLock(path)
    with pytest.raises(DatabaseInUse):
        upgrade(sqlite_url(path), migrations)
    lock.release()


def test_a_database_at_the_head_starts_without_alembic(path: Path, migrations: Path) -> None:
    write_revision(migrations, "0001", None, FIRST)
    upgrade(sqlite_url(path), migrations)
    code = (
        "import sys; from pathlib import Path; from openharbor.kit.database.migrations import upgrade; "
        "upgrade(sys.argv[1], Path(sys.argv[2]), '0001'); print(bool({'alembic', 'sqlalchemy'} & sys.modules.keys()))"
    )
    ran = subprocess.run([sys.executable, "-c", code, sqlite_url(path), migrations], capture_output=True, check=True)
    assert ran.stdout == b"False\n"


def test_what_is_no_database_is_named(path: Path, migrations: Path) -> None:
    path.write_bytes(b"not a database" * 100)
    with pytest.raises(Failed, match=r"site\.db cannot be opened: file is not a database"):
        upgrade(sqlite_url(path), migrations)
    with pytest.raises(Failed, match="is not the URL of an SQLite database"):
        upgrade("mysql://somewhere/else", migrations)
