"""Whose data a function may touch is the first thing it is told: `TenantScope`, in every function that runs SQL."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

CLOUD = Path(__file__).parents[3] / "src" / "openharbor" / "cloud"
MODULES = sorted(path for path in CLOUD.rglob("*.py") if "migrations" not in path.parts)
RUN = {"execute", "execute_many", "one", "all"}  # of a Transaction

Function = ast.FunctionDef | ast.AsyncFunctionDef


def functions(path: Path) -> Iterator[Function]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, Function):
            yield node


def runs_sql(function: Function) -> bool:
    """It calls `tx.execute` and the like itself."""
    return any(
        isinstance(call, ast.Call)
        and isinstance(call.func, ast.Attribute)
        and call.func.attr in RUN
        and isinstance(call.func.value, ast.Name)
        and call.func.value.id == "tx"
        for call in ast.walk(function)
    )


def first_argument(function: Function) -> str:
    arguments = [one for one in function.args.posonlyargs + function.args.args if one.arg != "self"]
    annotation = arguments[0].annotation if arguments else None
    return ast.unparse(annotation) if annotation is not None else ""


def is_store(path: Path) -> bool:
    return path.stem == "store" or path.stem.endswith("_store")


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(CLOUD)))
def test_a_function_that_runs_sql_has_the_tenant_scope_as_its_first_argument(path: Path) -> None:
    wrong = [one.name for one in functions(path) if runs_sql(one) and first_argument(one) != "TenantScope"]
    assert wrong == []


@pytest.mark.parametrize(
    "path", [path for path in MODULES if is_store(path)], ids=lambda path: str(path.relative_to(CLOUD))
)
def test_every_public_function_of_a_store_that_takes_a_transaction_has_it_too(path: Path) -> None:
    taking = [one for one in functions(path) if "tx" in [argument.arg for argument in one.args.args]]
    wrong = [one.name for one in taking if not one.name.startswith("_") and first_argument(one) != "TenantScope"]
    assert wrong == []


def test_there_are_stores_to_look_at() -> None:
    assert len([path for path in MODULES if is_store(path)]) >= 5
