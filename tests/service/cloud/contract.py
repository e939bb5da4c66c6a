"""The operations of contract/service-provider.yaml, and what each may answer."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

FILE = Path(__file__).parents[3] / "contract" / "service-provider.yaml"
PREFIX = "/api/v1"


@dataclass(frozen=True)
class Operation:
    """`details`: of each status, the texts that its examples tell. `body`: the first example of a request."""

    operation_id: str
    method: str
    path: str
    security: str
    details: Mapping[int, frozenset[str]]
    body: Any

    def at(self, ids: Mapping[str, object]) -> str:
        """The path with these ids in it."""
        return PREFIX + self.path.format_map(ids)


@cache
def document() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(FILE.read_text())
    return loaded


@cache
def operations() -> Mapping[str, Operation]:
    """By operation id, every one of them."""
    found = [
        _operation(path, method, said)
        for path, item in document()["paths"].items()
        for method, said in item.items()
        if method in ("get", "put", "post", "patch", "delete")
    ]
    return {one.operation_id: one for one in found}


def _operation(path: str, method: str, said: Mapping[str, Any]) -> Operation:
    details = {
        int(status): frozenset(_details(_followed(response)))
        for status, response in said["responses"].items()
        if status.isdecimal()
    }
    (security,) = (name for one in said.get("security", document()["security"]) for name in one)
    return Operation(said["operationId"], method.upper(), path, security, details, _request(said))


def _details(response: Mapping[str, Any]) -> list[str]:
    told = [one.get("detail") for one in _examples(response) if isinstance(one, dict)]
    return [one for one in told if isinstance(one, str)]


def _request(said: Mapping[str, Any]) -> Any:
    return next(iter(_examples(_followed(said["requestBody"]))), None) if "requestBody" in said else None


def _examples(holder: Mapping[str, Any]) -> list[Any]:
    media = holder.get("content", {}).get("application/json", {})
    single = [media["example"]] if "example" in media else []
    return single + [_followed(one)["value"] for one in media.get("examples", {}).values()]


def _followed(value: Mapping[str, Any]) -> Mapping[str, Any]:
    while "$ref" in value:
        found: Any = document()
        for step in value["$ref"].removeprefix("#/").split("/"):
            found = found[step]
        value = found
    return value
