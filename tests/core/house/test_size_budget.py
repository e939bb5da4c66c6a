"""The house's size budget: modules mostly under 200 lines, none over 400; functions mostly under 15, none over 40."""

import ast
from collections.abc import Iterator
from pathlib import Path
from statistics import quantiles

import pytest

SOURCE = Path(__file__).parents[3] / "src" / "openharbor"
MODULES = sorted(path for path in SOURCE.rglob("*.py") if "contract" not in path.parts)
FORBIDDEN_NAMES = {"utils", "util", "helpers", "helper", "manager", "base", "common", "misc"}


def lines(path: Path) -> int:
    return len(path.read_text().splitlines())


def functions(path: Path) -> Iterator[tuple[str, int]]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            doc = ast.get_docstring(node, clean=False)
            yield f"{path.name}:{node.name}", _length(node) - (len(doc.splitlines()) if doc else 0)


def _length(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines of the body; a signature may take as many as it needs."""
    return (node.end_lineno or node.lineno) - node.body[0].lineno + 1


def test_no_module_is_over_400_lines() -> None:
    assert {path.name: lines(path) for path in MODULES if lines(path) > 400} == {}


def test_most_modules_are_under_200_lines() -> None:
    assert quantiles([lines(path) for path in MODULES], n=10)[7] <= 200


def test_no_function_is_over_40_lines() -> None:
    assert [(name, size) for path in MODULES for name, size in functions(path) if size > 40] == []


def test_most_functions_are_under_15_lines() -> None:
    sizes = [size for path in MODULES for _, size in functions(path)]
    assert quantiles(sizes, n=10)[7] <= 15


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_a_file_is_named_for_the_thing_in_it(path: Path) -> None:
    assert path.stem not in FORBIDDEN_NAMES
