"""A schema on a server is brought up to date by one process, and never back."""

import os
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from harness.postgres import Server
from openharbor.kit.database.backup import backup_of
from openharbor.kit.database.migrations import SchemaTooNew, current, upgrade
from openharbor.kit.errors import Failed

REVISION = '''
"""{revision}"""
import sqlalchemy as sa
from alembic import op

revision = "{revision}"
down_revision = {down}


def upgrade() -> None:
    {body}
'''
FIRST = 'op.create_table("notes", sa.Column("id", sa.BigInteger, primary_key=True), sa.Column("note", sa.Text))'
SECOND = 'op.add_column("notes", sa.Column("at", sa.BigInteger))'
BROKEN = 'op.add_column("notes", sa.Column("at", sa.BigInteger)); op.execute("INSERT INTO nothing VALUES (1)")'
UPGRADE = (
    "import sys; from pathlib import Path; from openharbor.kit.database.migrations import upgrade; "
    "upgrade(sys.argv[1], Path(sys.argv[2]), '0001'); print(bool({'alembic', 'sqlalchemy'} & sys.modules.keys()))"
)


@pytest.fixture
def migrations(tmp_path: Path) -> Path:
    (tmp_path / "migrations" / "versions").mkdir(parents=True)
    write_revision(tmp_path / "migrations", "0001", None, FIRST)
    return tmp_path / "migrations"


@pytest.fixture
def url(postgres: Server) -> str:
    return postgres.database()


def write_revision(migrations: Path, revision: str, down: str | None, body: str) -> None:
    text = REVISION.format(revision=revision, down=repr(down), body=body)
    (migrations / "versions" / f"{revision}.py").write_text(text)


def columns(url: str) -> list[str]:
    sql = "SELECT column_name FROM information_schema.columns WHERE table_name = 'notes' ORDER BY ordinal_position"
    with psycopg.connect(url) as connection:
        return [name for (name,) in connection.execute(sql)]


def test_a_new_database_gets_every_revision_in_order(url: str, migrations: Path) -> None:
    write_revision(migrations, "0002", "0001", SECOND)
    assert current(url) is None
    upgrade(url, migrations)
    assert current(url) == "0002"
    assert columns(url) == ["id", "note", "at"]


def test_an_older_database_gets_what_it_lacks_and_keeps_its_rows(url: str, migrations: Path) -> None:
    upgrade(url, migrations)
    with psycopg.connect(url) as connection:
        connection.execute("INSERT INTO notes VALUES (1, 'old')")
    write_revision(migrations, "0002", "0001", SECOND)
    upgrade(url.replace("postgresql://", "postgres://"), migrations, "0002")
    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT * FROM notes").fetchall() == [(1, "old", None)]


def test_a_revision_that_fails_leaves_the_database_as_it_was(url: str, migrations: Path) -> None:
    upgrade(url, migrations)
    write_revision(migrations, "0002", "0001", SECOND.replace('"at"', '"by"'))
    write_revision(migrations, "0003", "0002", BROKEN)
    with pytest.raises(Failed, match="could not be brought to the present schema") as caught:
        upgrade(url, migrations)
    assert "not-for-production" not in str(caught.value)
    assert current(url) == "0001"
    assert columns(url) == ["id", "note"]


def test_a_database_of_a_newer_release_is_left_alone(url: str, migrations: Path) -> None:
    write_revision(migrations, "0002", "0001", SECOND)
    upgrade(url, migrations)
    (migrations / "versions" / "0002.py").unlink()
    with pytest.raises(SchemaTooNew, match=r"@127\.0\.0\.1.* newer release \(schema 0002\)") as caught:
        upgrade(url, migrations, "0001")
    assert "not-for-production" not in str(caught.value)
    assert current(url) == "0002"


def test_of_processes_that_start_at_once_one_runs_the_revisions_and_all_find_them(url: str, migrations: Path) -> None:
    with psycopg.connect(url) as connection:  # all of them wait for this one
        connection.execute("SELECT pg_advisory_xact_lock(%s)", (int.from_bytes(b"openharb", "big"),))
        processes = [
            subprocess.Popen([sys.executable, "-c", UPGRADE, url, migrations], stderr=subprocess.PIPE, env=os.environ)
            for _ in range(3)
        ]
        waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
        while connection.execute(waiting).fetchone() != (3,):
            assert all(process.poll() is None for process in processes)
    outcomes = [(process.communicate(timeout=60)[1], process.returncode) for process in processes]
    assert outcomes == [(b"", 0)] * 3
    assert current(url) == "0001"


def test_a_database_at_the_head_starts_without_alembic(url: str, migrations: Path) -> None:
    upgrade(url, migrations)
    ran = subprocess.run([sys.executable, "-c", UPGRADE, url, migrations], capture_output=True, check=True)
    assert ran.stdout == b"False\n"


def test_without_a_server_it_says_so_in_one_line_without_the_password(migrations: Path) -> None:
    with pytest.raises(Failed, match=r"^postgresql://me@127\.0\.0\.1:1/db cannot be read: .*refused") as caught:
        upgrade("postgresql://me:hunter2@127.0.0.1:1/db", migrations, "0001")
    assert "hunter2" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_database_on_a_server_is_not_copied_into_a_file(tmp_path: Path) -> None:
    with pytest.raises(Failed, match="use pg_dump"):
        backup_of("postgresql://me:hunter2@127.0.0.1:1/db", tmp_path / "copy.db")
    assert not (tmp_path / "copy.db").exists()
