"""The cloud's contract files and its code name the same operations, scopes, bodies and parameters."""

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast, get_args

import msgspec
import pytest
import yaml

from openharbor.cloud.accounts.wiring import Accounts
from openharbor.cloud.app import operations
from openharbor.cloud.parts import CloudParts
from openharbor.cloud.settings import CloudSettings
from openharbor.cloud.towers.alarms import TowerAlarms
from openharbor.kit.http.operation import AnyObject, Operation

CONTRACTS = Path(__file__).parents[2] / "contract"
FILES = {"/api/v1": "service-provider.yaml", "/realms/harbor": "accounts.yaml", "/sdk/v1": "sdk.yaml"}
SCOPES = {"/api/v1": "service_provider", "/sdk/v1": "tower_access"}
METHODS = ("get", "put", "post", "delete", "patch")
LOADED: dict[str, dict[str, Any]] = {
    prefix: yaml.safe_load((CONTRACTS / name).read_text()) for prefix, name in FILES.items()
}
Named = tuple[str, str, dict[str, Any]]


def served() -> list[Operation]:
    """Every operation of the code; its handlers are never called here."""
    endpoint = SimpleNamespace(answer=None)
    accounts = SimpleNamespace(keeper=SimpleNamespace(external=None), token_endpoint=endpoint, sign_in=None)
    parts = SimpleNamespace(settings=CloudSettings())
    return operations(cast(CloudParts, parts), cast(Accounts, accounts), cast(TowerAlarms, None))


def named() -> Iterator[Named]:
    """Path, method and operation of everything in the contracts, but for the same path without its slash."""
    for prefix, contract in LOADED.items():
        for path, item in contract["paths"].items():
            for method in METHODS:
                if method in item and "x-alias-of" not in item[method]:
                    yield f"{prefix}{path}".rstrip("/"), method.upper(), item[method]


NAMED = list(named())
IDS = [one["operationId"] for _, _, one in NAMED]


def of_code(operation_id: str) -> Operation:
    return next(one for one in served() if one.operation_id == operation_id)


def prefix_of(path: str) -> str:
    return next(prefix for prefix in FILES if path.startswith(prefix))


def followed(path: str, part: Any) -> Any:
    contract = LOADED[prefix_of(path)]
    while "$ref" in part:
        found: Any = contract
        for step in part["$ref"].removeprefix("#/").split("/"):
            found = found[step]
        part = found
    return part


def test_each_operation_of_the_contracts_has_a_route_and_the_other_way_round() -> None:
    in_contract = {(one["operationId"], method, path) for path, method, one in NAMED}
    in_code = [(one.operation_id, one.method, one.path.rstrip("/")) for one in served()]
    assert set(in_code) == in_contract
    assert len(in_code) == len(in_contract), "an operation is served twice"


@pytest.mark.parametrize(("path", "method", "one"), NAMED, ids=IDS)
def test_an_operation_asks_for_what_the_contract_secures_it_with(path: str, method: str, one: dict[str, Any]) -> None:
    scope = of_code(one["operationId"]).scope
    if "security" not in one:
        assert scope == SCOPES[prefix_of(path)]
    elif {"linkToken": []} in one["security"]:
        assert scope == "link"
    else:
        assert scope is None


@pytest.mark.parametrize(("path", "method", "one"), NAMED, ids=IDS)
def test_an_operation_takes_the_body_of_the_contract(path: str, method: str, one: dict[str, Any]) -> None:
    found = of_code(one["operationId"])
    assert (found.body is not None or found.form is not None) == ("requestBody" in one)
    if "requestBody" in one:
        body = followed(path, one["requestBody"])
        assert found.body_optional == (not body["required"])
        schema = followed(path, next(iter(body["content"].values()))["schema"])
        schema, struct = bare(path, schema, found.form or found.body)
        if struct is not AnyObject:
            assert {field.encode_name for field in msgspec.structs.fields(struct)} == set(schema["properties"])


def bare(path: str, schema: Any, shape: Any) -> tuple[Any, Any]:
    """The object within a list of them, or within what may be null."""
    while get_args(shape):
        shape = next(one for one in get_args(shape) if one is not type(None))
        schema = followed(path, schema["items"] if schema.get("type") == "array" else schema["oneOf"][0])
    return schema, shape


@pytest.mark.parametrize(("path", "method", "one"), NAMED, ids=IDS)
def test_an_operation_takes_the_parameters_of_the_contract(path: str, method: str, one: dict[str, Any]) -> None:
    found = of_code(one["operationId"])
    wanted = [followed(path, parameter) for parameter in one.get("parameters", [])]
    for place, struct in (("path", found.params), ("query", found.query)):
        names = {parameter["name"] for parameter in wanted if parameter["in"] == place}
        have = {field.encode_name for field in msgspec.structs.fields(struct)} if struct is not None else set()
        assert have == names, place


def test_no_operation_is_limited_by_a_rate_for_which_the_contract_has_no_answer() -> None:
    assert [one.operation_id for one in served() if one.limited] == []
