"""The schema: what the revisions make is what the code works with."""

from contextlib import closing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateIndex, CreateTable

from openharbor.gateway import migrations, store, tables
from openharbor.kit.database.driver import connect, sqlite3
from openharbor.kit.database.face import Transaction as Tx
from openharbor.kit.database.migrations import current, sqlite_url
from openharbor.kit.database.transaction import SqliteTransaction


def test_the_revisions_lead_to_the_tables_of_the_code(empty_database: Path) -> None:
    engine = create_engine(sqlite_url(empty_database), module=sqlite3)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_server_default": True})
        differences = compare_metadata(context, tables.metadata)
    engine.dispose()
    assert differences == []


def test_the_head_that_the_code_names_is_the_last_revision(empty_database: Path) -> None:
    assert ScriptDirectory(str(migrations.FOLDER)).get_current_head() == migrations.HEAD
    assert current(sqlite_url(empty_database)) == migrations.HEAD


def test_postgresql_understands_the_same_tables() -> None:
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]  # SQLAlchemy leaves it untyped
    for table in tables.metadata.sorted_tables:
        assert str(CreateTable(table).compile(dialect=dialect))
    partial = [str(CreateIndex(index).compile(dialect=dialect)) for index in tables.transactions.indexes]
    assert all("UNIQUE" in sql and "WHERE released_at IS NULL" in sql for sql in partial)


def test_finished_transactions_are_not_looked_at_when_loading(database_file: Path) -> None:
    with closing(connect(database_file)) as connection:
        plan = connection.execute(
            "EXPLAIN QUERY PLAN SELECT row_id, transaction_id, locker_id, created_at, last_opened_at, open_count"
            " FROM transactions WHERE released_at IS NULL AND locker_id > 0 ORDER BY locker_id"
        ).fetchall()
        assert ["one_active_per_locker" in row["detail"] for row in plan] == [True]


def test_active_transactions_come_in_the_order_of_their_creation(tx: Tx) -> None:
    for number, locker_id in enumerate((3, 1, 2)):
        store.insert_transaction(tx, f"parcel-{number}", locker_id, 1_000 - number)
    assert [one.transaction_id for one in store.active_transactions(tx)] == ["parcel-0", "parcel-1", "parcel-2"]


@pytest.mark.parametrize("second", [("parcel-2", 1), ("parcel-1", 2)])
def test_one_locker_and_one_id_have_one_active_transaction(tx: Tx, second: tuple[str, int]) -> None:
    row_id = store.insert_transaction(tx, "parcel-1", 1, 1)
    with pytest.raises(sqlite3.IntegrityError):
        store.insert_transaction(tx, *second, 2)
    store.end_transaction(tx, row_id, 3)
    assert store.insert_transaction(tx, *second, 4) > row_id


def test_an_attempt_is_journaled_as_fired_once(tx: Tx) -> None:
    fired = "INSERT INTO pulses (opening_id, attempt, fired_at) VALUES (:opening_id, :attempt, 1)"
    tx.execute(fired, opening_id=1, attempt=1)
    tx.execute(fired, opening_id=1, attempt=2)
    with pytest.raises(sqlite3.IntegrityError):
        tx.execute(fired, opening_id=1, attempt=2)


def test_two_lockers_cannot_share_a_lock(database_file: Path) -> None:
    with closing(connect(database_file)) as connection:
        tx = SqliteTransaction(connection)
        tx.execute("INSERT INTO locker_types VALUES ('small', 'Small', '', 1, 1, 1, 0, 0)")
        tx.execute("INSERT INTO bank_types VALUES (1, 'Bank', '', 0, 0)")
        tx.execute("INSERT INTO controllers VALUES (1, 'A', 'virtual', 'virtual://a', 1, 0, 0, 0)")
        locker = "INSERT INTO lockers VALUES (:id, 1, 1, 'small', 0, 0, 0, 0, NULL, NULL, 0, NULL, NULL, 0)"
        tx.execute(locker, id=1)
        with pytest.raises(sqlite3.IntegrityError):
            tx.execute(locker, id=2)
