"""What a field must be, in plain words, and which field of an input is at fault.

The rules come from the type itself: a `msgspec.Meta(description="must be …")` is used as it stands, other types and
limits are told in the contract's wording.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Literal

import msgspec
from msgspec import inspect

Fault = Literal["missing", "unknown", "range", "choice", "malformed"]

LONGEST_NAME = 100
MOMENT = "must be an RFC 3339 date and time with its offset"
PATH = re.compile(r"(?P<what>.*) - at (?:`key` in )?`(?P<path>\$[^`]*)`", re.DOTALL)
STEP = re.compile(r"\.([^.\[\]]+)|\[([^\]]*)\]")
MISSING = re.compile(r"Object missing required field `(.*)`", re.DOTALL)
UNKNOWN = re.compile(r"Object contains unknown field `(.*)`", re.DOTALL)
RANGE = re.compile(r"Expected `(int|float)` (<|>|that)|(Number|Integer value) out of range")
PLAIN = {
    inspect.BoolType: "must be true or false",
    inspect.StructType: "must be an object",
    inspect.NoneType: "must be null",
    inspect.DateTimeType: MOMENT,
}


class Problem(msgspec.Struct, frozen=True):
    """A field at fault, as a path from the input ("" is the input itself), and what it must be."""

    field: str
    rule: str
    fault: Fault


class Place(msgspec.Struct, frozen=True):
    """Where in an input a value is at fault.

    `what` is wrong; `steps` lead there by names and by places in lists, from 0; `node` is the type of the value,
    `owner` the innermost struct around it.
    """

    what: str
    steps: tuple[str | int, ...]
    node: inspect.Type
    owner: type | None


def shape_of(kind: object) -> inspect.Type:
    """The description of a type that `explain` and `rule_of` take."""
    return inspect.type_info(kind)


def explain(error: str, shape: inspect.Type) -> Problem:
    """The problem that a `msgspec.ValidationError` of this text tells about an input of this shape."""
    what, path = _what_and_path(error)
    if missing := MISSING.fullmatch(what):
        return Problem(_joined(path, missing[1]), "is required", "missing")
    if unknown := UNKNOWN.fullmatch(what):
        return Problem(_joined(path, unknown[1]), "is not accepted here", "unknown")
    field, node = _at_fault(path, shape)
    return Problem(field, rule_of(node), _fault(what))


def located(error: str, shape: inspect.Type) -> Place:
    """The place that such an error tells about. Of an object whose keys are free it is the object: no key is told."""
    what, path = _what_and_path(error)
    steps: list[str | int] = []
    node, owner, within = shape, _struct_in(shape), False
    for name, item in STEP.findall(path):
        inner = _inner(node, name)
        if inner is None:
            break
        within = within or not (name or item.isdigit())
        if not within:
            steps.append(name or int(item))
        node, owner = inner, _struct_in(inner) or owner
    return Place(what, tuple(steps), _key_of(node) if " - at `key` in " in error else node, owner)


def alternatives(node: inspect.Type) -> list[inspect.Type]:
    """The types that a value may have, without what is only said about them."""
    if isinstance(node, inspect.Metadata):
        return alternatives(node.type)
    if isinstance(node, inspect.UnionType):
        return [one for part in node.types for one in alternatives(part)]
    return [node]


def rule_of(node: inspect.Type) -> str:
    """What a value of this type must be."""
    described = _description(node)
    if described is not None:
        return described
    if isinstance(node, inspect.Metadata):
        return rule_of(node.type)
    if isinstance(node, inspect.StrType):
        return _text_rule(node)
    if isinstance(node, inspect.IntType | inspect.FloatType):
        return _number_rule(node)
    if isinstance(node, inspect.LiteralType):
        return _choice_rule(node.values)
    if isinstance(node, inspect.ListType | inspect.VarTupleType | inspect.DictType):
        return _collection_rule(node)
    if isinstance(node, inspect.UnionType):
        return " or ".join(dict.fromkeys(rule_of(one) for one in node.types)).replace(" or must be ", " or ")
    return PLAIN.get(type(node), "is malformed")


def _what_and_path(error: str) -> tuple[str, str]:
    found = PATH.fullmatch(error)
    return (found["what"], found["path"]) if found else (error, "$")


def _struct_in(node: inspect.Type) -> type | None:
    return next((one.cls for one in alternatives(node) if isinstance(one, inspect.StructType)), None)


def _key_of(node: inspect.Type) -> inspect.Type:
    return next((one.key_type for one in alternatives(node) if isinstance(one, inspect.DictType)), node)


def _fault(what: str) -> Fault:
    if what.startswith("Invalid enum value"):
        return "choice"
    return "range" if RANGE.match(what) else "malformed"


def _joined(path: str, name: str) -> str:
    return (f"{path}.{name}".removeprefix("$").removeprefix("."))[:LONGEST_NAME]


def _at_fault(path: str, shape: inspect.Type) -> tuple[str, inspect.Type]:
    """The deepest part of the path that is described in words, or else the whole path."""
    steps = list(_walk(path, shape))
    described = [step for step in steps if _description(step[1]) is not None]
    field, node = (described or steps)[-1]
    return field[:LONGEST_NAME], node


def _walk(path: str, shape: inspect.Type) -> Iterator[tuple[str, inspect.Type]]:
    field, node = "", shape
    yield field, node
    for name, item in STEP.findall(path):
        inner = _inner(node, name)
        if inner is None:
            return
        node = inner
        field = f"{field}.{name}".removeprefix(".") if name else f"{field}[{item}]"
        yield field, node


def _inner(node: inspect.Type, name: str) -> inspect.Type | None:
    """The type of a field, or with an empty name that of an item."""
    if isinstance(node, inspect.Metadata):
        return _inner(node.type, name)
    if isinstance(node, inspect.UnionType):
        return next((found for one in node.types if (found := _inner(one, name)) is not None), None)
    if name and isinstance(node, inspect.StructType):
        return next((field.type for field in node.fields if field.encode_name == name), None)
    if not name and isinstance(node, inspect.ListType | inspect.VarTupleType):
        return node.item_type
    return node.value_type if not name and isinstance(node, inspect.DictType) else None


def _description(node: inspect.Type) -> str | None:
    if not isinstance(node, inspect.Metadata):
        return None
    described = (node.extra_json_schema or {}).get("description")
    return described if isinstance(described, str) else None


def _text_rule(node: inspect.StrType) -> str:
    span = _span(node.min_length, node.max_length)
    rule = "must be text" if span is None else f"must be {span} characters"
    return rule if node.pattern is None else f"{rule} of the form {node.pattern}"


def _number_rule(node: inspect.IntType | inspect.FloatType) -> str:
    kind = "an integer" if isinstance(node, inspect.IntType) else "a number"
    if node.ge is not None and node.le is not None:
        return f"must be {kind} of {node.ge:g} to {node.le:g}" if kind == "a number" else _integers(node.ge, node.le)
    span = _span(node.ge, node.le)
    return f"must be {kind}" if span is None else f"must be {kind} of {span}"


def _integers(low: float, high: float) -> str:
    return f"must be {int(low)} to {int(high)}"


def _collection_rule(node: inspect.ListType | inspect.VarTupleType | inspect.DictType) -> str:
    kind = "an object" if isinstance(node, inspect.DictType) else "a list"
    span = _span(node.min_length, node.max_length)
    return f"must be {kind}" if span is None else f"must be {kind} of {span} entries"


def _span(low: float | None, high: float | None) -> str | None:
    if low is not None and high is not None:
        return f"{low} to {high}"
    if low is not None:
        return f"at least {low}"
    return None if high is None else f"at most {high}"


def _choice_rule(values: Sequence[object]) -> str:
    names = [str(value) for value in values]
    return f"must be {names[0]}" if len(names) == 1 else f"must be {', '.join(names[:-1])} or {names[-1]}"
