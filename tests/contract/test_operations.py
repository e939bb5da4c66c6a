"""The contract file and the code name the same operations, scopes, bodies and error codes."""

import ast
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import msgspec
import pytest
import yaml

from openharbor.gateway import messages
from openharbor.gateway.parts import GatewayParts
from openharbor.gateway.routes import operations
from openharbor.kit.http.operation import Operation
from openharbor.kit.logs import LogEntry

ROOT = Path(__file__).parents[2]
CONTRACT: dict[str, Any] = yaml.safe_load((ROOT / "contract" / "gateway-local.yaml").read_text())
METHODS = ("get", "put", "post", "delete", "patch")

# Schemas whose struct bears another name, or stands in another room.
STRUCTS: dict[str, Any] = {"OpenAllLockersPartialResponse": messages.OpenAllLockersResponse, "LogEntry": LogEntry}


def served() -> list[Operation]:
    """Every operation of the code; its handlers are never called here, so they get no parts."""
    return operations(cast(GatewayParts, None))


def named() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Path, method and operation of everything in the contract."""
    for path, item in CONTRACT["paths"].items():
        for method in METHODS:
            if method in item:
                yield path, method.upper(), item[method]


def test_each_operation_of_the_contract_has_a_route_and_the_other_way_round() -> None:
    in_contract = {(one["operationId"], method, path) for path, method, one in named()}
    in_code = [(one.operation_id, one.method, one.path) for one in served()]
    assert set(in_code) == in_contract
    assert len(in_code) == len(in_contract), "an operation is served twice"


def test_each_operation_asks_for_the_scope_that_the_contract_requires() -> None:
    in_contract = {one["operationId"]: one.get("x-required-scope") for _, _, one in named()}
    assert {one.operation_id: one.scope for one in served()} == in_contract


def test_exactly_the_operations_without_a_scope_are_open_to_everybody_in_the_contract() -> None:
    for _, _, one in named():
        assert (one.get("security") == []) == ("x-required-scope" not in one), one["operationId"]


def test_the_operations_that_take_a_body_are_those_of_the_contract() -> None:
    for _, _, one in named():
        found = next(op for op in served() if op.operation_id == one["operationId"])
        assert (found.body is not None) == ("requestBody" in one), one["operationId"]
        if "requestBody" in one:
            assert found.body_optional == (not one["requestBody"]["required"]), one["operationId"]


def test_exactly_the_operations_that_may_answer_shutting_down_change_state() -> None:
    for _, _, one in named():
        found = next(op for op in served() if op.operation_id == one["operationId"])
        may = "SHUTTING_DOWN" in json.dumps(_followed(one["responses"].get("503", {})))
        assert found.changes_state == may, one["operationId"]


def test_parameters_have_the_names_of_the_contract() -> None:
    for path, _, one in named():
        found = next(op for op in served() if op.operation_id == one["operationId"])
        wanted = _followed([*CONTRACT["paths"][path].get("parameters", []), *one.get("parameters", [])])
        for place, struct in (("path", found.params), ("query", found.query), ("header", found.headers)):
            names = {parameter["name"] for parameter in wanted if parameter["in"] == place}
            have = {field.encode_name for field in msgspec.structs.fields(struct)} if struct is not None else set()
            assert have == names, (one["operationId"], place)


def _followed(part: Any) -> Any:
    """The same with references replaced by what they name; examples left as they are."""
    if isinstance(part, list):
        return [_followed(one) for one in part]
    if not isinstance(part, dict):
        return part
    if "$ref" in part:
        found: Any = CONTRACT
        for step in part["$ref"].removeprefix("#/").split("/"):
            found = found[step]
        return _followed(found) if not part["$ref"].startswith("#/components/schemas/") else part
    return {key: _followed(value) for key, value in part.items()}


def _contents() -> Iterator[tuple[str, dict[str, Any]]]:
    """Every place where the contract shows a JSON body: "request" or "answer", and its media type object."""
    for _, _, one in named():
        if "requestBody" in one:
            yield "request", _followed(one["requestBody"])["content"]["application/json"]
        for answer in _followed(one["responses"]).values():
            if "application/json" in answer.get("content", {}):
                yield "answer", answer["content"]["application/json"]


def _examples() -> list[Any]:
    """(direction, schema name, whether a list, body) of each example that stands beside a single schema."""
    found: dict[str, Any] = {}
    for direction, content in _contents():
        schema = content["schema"]
        many = schema.get("type") == "array"
        reference = (schema["items"] if many else schema).get("$ref", "")
        for name, example in content.get("examples", {}).items():
            value = _followed(example)["value"]
            if not reference:  # one of several: the 409 of createTransaction
                reference_of = "Error" if "error" in value else "TransactionResponse"
            else:
                reference_of = reference.rsplit("/", 1)[1]
            if reference_of != "Error":
                found[f"{direction} {reference_of} {name}"] = pytest.param(
                    direction, reference_of, many, value, id=f"{reference_of}-{name}"
                )
    return list(found.values())


@pytest.mark.parametrize(("direction", "schema", "many", "value"), _examples())
def test_an_example_body_of_the_contract_is_read_and_written_by_our_struct(
    direction: str, schema: str, many: bool, value: Any
) -> None:
    struct: Any = STRUCTS.get(schema) or getattr(messages, schema)
    for body in value if many else [value]:
        read = msgspec.convert(body, struct)
        written = msgspec.json.decode(msgspec.json.encode(read))
        if direction == "answer":
            assert written == body
        else:  # defaults are added, and a time may be spelled otherwise: what was read must be the same again
            assert set(body) <= set(written)
            assert msgspec.convert(written, struct) == read


def test_each_example_of_an_error_uses_a_code_of_the_contract_with_its_status() -> None:
    statuses = documented_codes()
    for path, method, one in named():
        for status, answer in _followed(one["responses"]).items():
            for example in answer.get("content", {}).get("application/json", {}).get("examples", {}).values():
                value = _followed(example)["value"]
                if isinstance(value, dict) and "error" in value:
                    assert statuses[value["error"]] == int(status), (method, path, value["error"])


def documented_codes() -> dict[str, int]:
    """Code and status of the table in the description of ErrorCode."""
    table = CONTRACT["components"]["schemas"]["ErrorCode"]["description"]
    rows = [line.split("|") for line in table.splitlines() if line.startswith("| `")]
    return {row[1].strip().strip("`"): int(row[2]) for row in rows}


def test_the_table_of_error_codes_lists_each_code_of_the_enum() -> None:
    assert sorted(documented_codes()) == sorted(CONTRACT["components"]["schemas"]["ErrorCode"]["enum"])


def refusals_in_code() -> Iterator[tuple[Path, int, str, int | None]]:
    """File, line, code and (where it is a literal) status of every `Refusal(…)` in the gateway and its HTTP."""
    source = ROOT / "src" / "openharbor"
    for path in [*source.glob("gateway/**/*.py"), *source.glob("kit/http/**/*.py")]:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Refusal":
                code, status = node.args[0], node.args[1]
                if isinstance(code, ast.Constant) and isinstance(code.value, str):
                    known = status.value if isinstance(status, ast.Constant) else None
                    yield path, node.lineno, code.value, known if isinstance(known, int) else None


def test_every_error_code_in_the_source_stands_in_the_contract_with_that_status() -> None:
    found = list(refusals_in_code())
    assert found, "no refusal was found: the search is broken"
    documented = documented_codes()
    for path, line, code, status in found:
        assert code in documented, f"{path.name}:{line} {code}"
        assert status in (None, documented[code]), f"{path.name}:{line} {code} {status}"
