"""A contract file as one JSON document: YAML read, and what it takes from files beside it brought in."""

from pathlib import Path
from typing import Any

import msgspec
import yaml

Node = Any
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def load_contract(path: Path) -> dict[str, Any]:
    """The document with every reference inside itself. Raises ValueError for one that cannot be brought in."""
    return bundle(_read(path), path.parent)


def contract_json(path: Path) -> bytes:
    """The bundled contract, to be served as `/openapi.json`."""
    return msgspec.json.encode(load_contract(path))


def bundle(document: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Copies each component that `other.yaml#/components/…` names into the document, with what it refers to.

    A component keeps its name, unless the document has another one by it: then the file's name is put behind.
    """
    files: dict[str, Node] = {}
    names: dict[tuple[str, str], str] = {}
    waiting: list[tuple[str, str]] = []

    def moved(file: str, pointer: str) -> str:
        """The pointer within the document; notes the component for copying when it is new."""
        known = names.get((file, pointer))
        if known is None:
            known = names[file, pointer] = _free_name(document, names.values(), file, pointer)
            waiting.append((file, pointer))
        return f"#{known}"

    document = _with_references(document, "", moved)
    while waiting:
        file, pointer = waiting.pop()
        if file not in files:
            files[file] = _read(folder / file)
        component = _with_references(_at(files[file], file, pointer), file, moved)
        _, _, kind, name = names[file, pointer].split("/")
        document.setdefault("components", {}).setdefault(kind, {})[name] = component
    return document


def _read(path: Path) -> dict[str, Any]:
    document = yaml.load(path.read_text(encoding="utf-8"), Loader=LOADER)  # noqa: S506  # a safe loader
    if not isinstance(document, dict):
        raise ValueError(f"{path.name} is not a contract")  # noqa: TRY004  # the file's fault, not the caller's
    return document


def _with_references(node: Node, file: str, moved: Any) -> Node:
    """A copy in which references of `file` ("" is the document itself) and to other files lead into the document."""
    if isinstance(node, list):
        return [_with_references(one, file, moved) for one in node]
    if not isinstance(node, dict):
        return node
    copy = {str(name): _with_references(one, file, moved) for name, one in node.items()}
    reference = copy.get("$ref")
    if isinstance(reference, str):
        other, _, pointer = reference.partition("#")
        if other or file:
            copy["$ref"] = moved(other or file, pointer)
    return copy


def _free_name(document: dict[str, Any], taken: Any, file: str, pointer: str) -> str:
    parts = pointer.split("/")
    if len(parts) != 4 or parts[1] != "components":
        raise ValueError(f"{file}#{pointer} is not a component")
    own = document.get("components", {}).get(parts[2], {})
    if parts[3] not in own and pointer not in taken:
        return pointer
    return f"{pointer}_{Path(file).stem}"


def _at(document: Node, file: str, pointer: str) -> Node:
    for part in pointer.split("/")[1:]:
        if not isinstance(document, dict) or part not in document:
            raise ValueError(f"{file}#{pointer} does not exist")
        document = document[part]
    return document
