"""One SQL, two databases: what each of them is told."""

import pytest

from openharbor.kit.database.texts import MOST, Numbered, Texts, without_row_locks


@pytest.mark.parametrize(
    ("sql", "told"),
    [
        ("SELECT 1 FROM a WHERE id = :id FOR UPDATE", "SELECT 1 FROM a WHERE id = :id"),
        ("SELECT 1 FROM a\n for update skip locked ;", "SELECT 1 FROM a;"),
        ("SELECT 1 FROM a LIMIT 2 FOR UPDATE OF a NOWAIT", "SELECT 1 FROM a LIMIT 2"),
        (
            "DELETE FROM a WHERE id IN (SELECT id FROM a FOR NO KEY UPDATE)",
            "DELETE FROM a WHERE id IN (SELECT id FROM a)",
        ),
    ],
)
def test_sqlite_is_not_told_of_row_locks(sql: str, told: str) -> None:
    assert without_row_locks(sql) == told


@pytest.mark.parametrize(
    "sql",
    [
        "INSERT INTO a (id) VALUES (:id) ON CONFLICT (id) DO UPDATE SET id = 1",
        "SELECT ' FOR UPDATE'",
        'SELECT " FOR UPDATE" FROM a',
        "SELECT 1 -- FOR UPDATE\n FROM a",
        "SELECT for_update FROM a",
    ],
)
def test_everything_else_is_told_word_for_word(sql: str) -> None:
    assert without_row_locks(sql) == sql


@pytest.mark.parametrize(
    ("sql", "names", "told"),
    [
        ("SELECT 1", (), b"SELECT 1"),
        ("SELECT :b, :a, :b", ("b", "a"), b"SELECT $1, $2, $1"),
        ("SELECT ':a', ':it''s :b', \":c\", :d", ("d",), b"SELECT ':a', ':it''s :b', \":c\", $1"),
        ("SELECT :a::bigint -- :b\n/* :c\n */", ("a",), b"SELECT $1::bigint -- :b\n/* :c\n */"),
        ("SELECT a % 2, '%s'", (), b"SELECT a % 2, '%s'"),
    ],
)
def test_postgresql_is_told_numbers_for_names(sql: str, names: tuple[str, ...], told: bytes) -> None:
    numbered = Numbered(sql)
    assert numbered.names == names
    assert numbered.text([False] * len(names)) == told


def test_a_name_without_a_value_is_told_as_null() -> None:
    numbered = Numbered("SELECT 1 WHERE :a IS NULL OR id = :a AND b = :b")
    assert numbered.text([True, False]) == b"SELECT 1 WHERE NULL IS NULL OR id = NULL AND b = $1"


def test_each_text_is_translated_once_and_memory_is_bounded() -> None:
    asked: list[str] = []

    def translate(sql: str) -> str:
        asked.append(sql)
        return sql.upper()

    texts = Texts(translate)
    assert [texts["a"], texts["a"]] == ["A", "A"]
    assert asked == ["a"]
    for number in range(MOST + 10):
        assert texts[f"t{number}"] == f"T{number}"
    assert len(texts) <= MOST
