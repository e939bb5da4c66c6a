"""The house's SQL, said to each database in its own words: once a text, then from memory."""

import re
from collections.abc import Callable, Sequence
from typing import TypeVar

T = TypeVar("T")

MOST = 4096  # texts kept; ours are literals, far fewer
_LEFT_ALONE = r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|--[^\n]*|/\*.*?\*/"
_NAMED = re.compile(rf"{_LEFT_ALONE}|::|:(?P<name>[A-Za-z_]\w*)", re.DOTALL)
_ROW_LOCK = re.compile(
    rf"{_LEFT_ALONE}|(?P<lock>\s+FOR\s+(?:NO\s+KEY\s+)?UPDATE(?:\s+OF\s+\w+)?(?:\s+SKIP\s+LOCKED|\s+NOWAIT)?\s*(?=[);]|$))",
    re.DOTALL | re.IGNORECASE,
)


class Texts(dict[str, T]):
    """What `translate` makes of each SQL text; to look one up again costs what a dict costs."""

    def __init__(self, translate: Callable[[str], T]) -> None:
        super().__init__()
        self._translate = translate

    def __missing__(self, sql: str) -> T:
        if len(self) >= MOST:
            self.clear()
        self[sql] = translated = self._translate(sql)
        return translated


def without_row_locks(sql: str) -> str:
    """For SQLite, whose one writer is alone and needs none: `FOR UPDATE` and `FOR UPDATE SKIP LOCKED` left out."""
    return _ROW_LOCK.sub(lambda found: "" if found["lock"] else found[0], sql)


class Numbered:
    """A text for PostgreSQL, which knows its values by numbers. `names`: of its values, each once."""

    __slots__ = ("_sql", "names")

    def __init__(self, sql: str) -> None:
        self._sql = sql
        self.names = tuple(dict.fromkeys(found["name"] for found in _NAMED.finditer(sql) if found["name"]))

    def text(self, nulls: Sequence[bool]) -> bytes:
        """With `$1`, `$2`, … for the names that have values, and NULL for the others.

        A parameter that is NULL would need a type, and `:it IS NULL OR id = :it` does not tell which.
        """
        present = [name for name, null in zip(self.names, nulls, strict=True) if not null]
        numbers = {name: f"${number}" for number, name in enumerate(present, 1)}
        return _NAMED.sub(lambda it: numbers.get(it["name"], "NULL") if it["name"] else it[0], self._sql).encode()
