"""Tables and keys of a TOML file are found on the lines where they stand, however they are written."""

import tomllib
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from openharbor.cloud.catalog.toml_lines import Path, line_of, lines_of
from openharbor.cloud.examples import CATALOG

FILE = '''# a comment with [[brackets]] and "quotes"
top = "x" # [no table]

[[ locations ]]
"key" = """
[[locations]]
not = 1
"""  # after it
'names' = [ # one a line
  "[a]", 'b=1', # c
  ["]"],
]
point.lat = 1
point.lon = { deep = "}", more = [1, 2] }

[locations.hours]
monday = """x""""
tuesday = 1979-05-27 07:32:00

[[locations.towers]]
[[locations]]
[[locations.towers]]
[[locations.towers]]
"quoted \\u0041 \\"name\\"" = 1
[other.table."a.b"]
x = 1'''


def test_each_key_has_its_line() -> None:
    tomllib.loads(FILE)
    assert lines_of(FILE) == {
        ("top",): 2,
        ("locations",): 4,
        ("locations", 0): 4,
        ("locations", 0, "key"): 5,
        ("locations", 0, "names"): 9,
        ("locations", 0, "point"): 13,
        ("locations", 0, "point", "lat"): 13,
        ("locations", 0, "point", "lon"): 14,
        ("locations", 0, "hours"): 16,
        ("locations", 0, "hours", "monday"): 17,
        ("locations", 0, "hours", "tuesday"): 18,
        ("locations", 0, "towers"): 20,
        ("locations", 0, "towers", 0): 20,
        ("locations", 1): 21,
        ("locations", 1, "towers"): 22,
        ("locations", 1, "towers", 0): 22,
        ("locations", 1, "towers", 1): 23,
        ("locations", 1, "towers", 1, 'quoted A "name"'): 24,
        ("other", "table", "a.b"): 25,
        ("other", "table", "a.b", "x"): 26,
    }


def test_what_is_inside_a_value_has_the_line_of_its_key() -> None:
    lines = lines_of(FILE)
    assert line_of(lines, ("locations", 0, "names", 2)) == 9
    assert line_of(lines, ("locations", 0, "missing")) == 4
    assert line_of(lines, ("nothing",)) == 1


def test_the_shipped_example_is_found_key_by_key() -> None:
    text = CATALOG.read_text()
    assert set(_keys(tomllib.loads(text), ())) <= set(lines_of(text))


def _keys(value: Any, path: Path) -> list[Path]:
    if isinstance(value, dict):
        return [one for key, inner in value.items() for one in _keys(inner, (*path, key))]
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return [one for position, inner in enumerate(value) for one in _keys(inner, (*path, position))]
    return [path]


@given(st.text(max_size=200))
def test_any_text_is_scanned_to_an_end(text: str) -> None:
    lines = lines_of(text)
    assert all(1 <= line <= text.count("\n") + 1 for line in lines.values())
