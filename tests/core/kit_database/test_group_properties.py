"""Whatever units a group has: the good ones are there in their order, the others have left nothing."""

from contextlib import closing
from functools import partial

from hypothesis import given
from hypothesis import strategies as st

from openharbor.kit.database.driver import sqlite3
from openharbor.kit.database.face import Transaction
from openharbor.kit.database.group import commit_group
from openharbor.kit.database.transaction import SqliteTransaction

GROUPS = st.lists(st.lists(st.tuples(st.integers(0, 9), st.booleans()), max_size=12), max_size=4)


def unit(number: int, fails: bool, tx: Transaction) -> int:
    tx.execute("INSERT INTO numbers (number) VALUES (:number)", number=number)
    if fails:
        raise ValueError(number)
    return number


@given(GROUPS)
def test_a_unit_is_there_exactly_if_it_neither_raised_nor_broke_a_constraint(
    groups: list[list[tuple[int, bool]]],
) -> None:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        connection.execute("CREATE TABLE numbers (id INTEGER PRIMARY KEY, number INTEGER UNIQUE)")
        expected: list[int] = []
        for group in groups:
            works = [partial(unit, number, fails) for number, fails in group]
            results = commit_group(connection, SqliteTransaction(connection), works)
            for (number, fails), (value, error) in zip(group, results, strict=True):
                if number in expected:
                    assert isinstance(error, sqlite3.IntegrityError)
                elif fails:
                    assert isinstance(error, ValueError)
                else:
                    assert (value, error) == (number, None)
                    expected.append(number)
        stored = [row[0] for row in connection.execute("SELECT number FROM numbers ORDER BY id")]
        assert stored == expected
