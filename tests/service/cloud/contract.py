"""The operations of the cloud's contract files, and what each may answer."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

FOLDER = Path(__file__).parents[3] / "contract"
PREFIX = "/api/v1"
PROVIDER, SDK = "service-provider.yaml", "sdk.yaml"
PREFIXES = {PROVIDER: PREFIX, SDK: "/sdk/v1"}


@dataclass(frozen=True)
class Operation:
    """`details`: of each status, the texts that its examples tell. `body`: the first example of a request.

    `security`: its scheme; empty: open to everybody. `path` begins with the prefix of its contract.
    """

    operation_id: str
    method: str
    path: str
    security: str
    details: Mapping[int, frozenset[str]]
    body: Any

    def at(self, ids: Mapping[str, object]) -> str:
        """The path with these ids in it."""
        return self.path.format_map(ids)


@cache
def document(file: str) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((FOLDER / file).read_text())
    return loaded


@cache
def operations(file: str = PROVIDER) -> Mapping[str, Operation]:
    """Of one contract by operation id, every one of them."""
    found = [
        _operation(file, path, method, said)
        for path, item in document(file)["paths"].items()
        for method, said in item.items()
        if method in ("get", "put", "post", "patch", "delete")
    ]
    return {one.operation_id: one for one in found}


def _operation(file: str, path: str, method: str, said: Mapping[str, Any]) -> Operation:
    details = {
        int(status): frozenset(_details(file, _followed(file, response)))
        for status, response in said["responses"].items()
        if status.isdecimal()
    }
    schemes = [name for one in said.get("security", document(file)["security"]) for name in one]
    security = schemes[0] if schemes else ""
    whole = PREFIXES[file] + path
    return Operation(said["operationId"], method.upper(), whole, security, details, _request(file, said))


def _details(file: str, response: Mapping[str, Any]) -> list[str]:
    told = [one.get("detail") for one in _examples(file, response) if isinstance(one, dict)]
    return [one for one in told if isinstance(one, str)]


def _request(file: str, said: Mapping[str, Any]) -> Any:
    if "requestBody" not in said:
        return None
    return next(iter(_examples(file, _followed(file, said["requestBody"]))), None)


def _examples(file: str, holder: Mapping[str, Any]) -> list[Any]:
    media = holder.get("content", {}).get("application/json", {})
    single = [media["example"]] if "example" in media else []
    return single + [_followed(file, one)["value"] for one in media.get("examples", {}).values()]


def _followed(file: str, value: Mapping[str, Any]) -> Mapping[str, Any]:
    while "$ref" in value:
        found: Any = document(file)
        for step in value["$ref"].removeprefix("#/").split("/"):
            found = found[step]
        value = found
    return value
