"""One field's fault in the words that the service-provider contract's 422 answers use.

Contract: the ValidationError examples of service-provider.yaml. A check of a struct's own (`__post_init__` raising
ValueError) is told in its own words as a `value_error`.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Literal, get_args, get_origin, get_type_hints

from msgspec import inspect

from openharbor.kit.errors import FieldFault
from openharbor.kit.field_rules import MISSING, UNKNOWN, alternatives, located
from openharbor.kit.http.wording import LONGEST_SHOWN, Part

Told = tuple[str, str]  # a text for people, and its kind

BOUND = re.compile(r"Expected `(?:int|float|decimal)` (>=|<=|>|<) (\S+)")
LENGTH = re.compile(r"Expected `(\w+)` of length (>=|<=|==) (\d+)")
KIND = re.compile(r"Expected `([^`]+)`, got `([^`]+)`")
COMPARED = {
    ">=": ("greater than or equal to", "greater_than_equal"),
    "<=": ("less than or equal to", "less_than_equal"),
    ">": ("greater than", "greater_than"),
    "<": ("less than", "less_than"),
}
KINDS: dict[str, Told] = {
    "int": ("Input should be a valid integer", "int_type"),
    "float": ("Input should be a valid number", "float_type"),
    "bool": ("Input should be a valid boolean", "bool_type"),
    "str": ("Input should be a valid string", "string_type"),
    "array": ("Input should be a valid list", "list_type"),
    "datetime": ("Input should be a valid datetime", "datetime_type"),
    "null": ("Input should be null", "none_required"),
}
A_STRUCT = ("Input should be a valid dictionary or object to extract fields from", "model_attributes_type")
A_DICT = ("Input should be a valid dictionary", "dict_type")
A_FRACTION = ("Input should be a valid integer, got a number with a fractional part", "int_from_float")
NOT_FINITE = ("Input should be a finite number", "finite_number")
PARSED: dict[type, Told] = {
    inspect.IntType: ("Input should be a valid integer, unable to parse string as an integer", "int_parsing"),
    inspect.FloatType: ("Input should be a valid number, unable to parse string as a number", "float_parsing"),
    inspect.BoolType: ("Input should be a valid boolean, unable to interpret input", "bool_parsing"),
}


def fault_of(part: Part, error: str, shape: inspect.Type) -> FieldFault:
    """The fault that a `msgspec.ValidationError` of this text tells about a part of this shape."""
    place = located(error, shape)
    at = (outermost(part), *place.steps)
    if missing := MISSING.fullmatch(place.what):
        return FieldFault((*at, missing[1]), "Field required", "missing")
    if unknown := UNKNOWN.fullmatch(place.what):
        return FieldFault((*at, unknown[1][:LONGEST_SHOWN]), "Extra inputs are not permitted", "extra_forbidden")
    return FieldFault(at, *told_of(place.what, alternatives(place.node), place.owner))


def unreadable_fault(part: Part, name: str, node: inspect.Type) -> FieldFault:
    """The fault of a text that its field's type cannot be read from."""
    kinds = [PARSED[type(one)] for one in alternatives(node) if type(one) in PARSED]
    return FieldFault((outermost(part), name), *(kinds or [("Input is malformed", "value_error")])[0])


def outermost(part: Part) -> str:
    """Where a fault's `loc` begins: a form is a body."""
    return "body" if part == "form" else part


def told_of(what: str, nodes: Sequence[inspect.Type], owner: type | None = None) -> Told:
    """What msgspec says of a value that may be of any of these types, in a struct of the type `owner`."""
    choices = [value for node in nodes for value in _choices(node, owner)]
    if choices and (what.startswith("Invalid enum value") or KIND.fullmatch(what)):
        return f"Input should be {_listed(choices)}", "enum"
    if bound := BOUND.fullmatch(what):
        words, kind = COMPARED[bound[1]]
        return f"Input should be {words} {bound[2].removesuffix('.0')}", kind
    if length := LENGTH.fullmatch(what):
        return _length(*length.groups())
    if what.startswith("Expected `str` matching regex"):
        pattern = next((node.pattern for node in nodes if isinstance(node, inspect.StrType) and node.pattern), "")
        return f"String should match pattern '{_as_in_contract(pattern)}'", "string_pattern_mismatch"
    if kind_found := KIND.fullmatch(what):
        return _kind(kind_found[1].split(" | ")[0], kind_found[2], nodes)
    return _rest(what)


def _choices(node: inspect.Type, owner: type | None) -> Sequence[object]:
    if isinstance(node, inspect.LiteralType):
        hints = get_type_hints(owner, include_extras=True).values() if owner is not None else ()
        declared = (values for hint in hints for values in _literals(hint) if {*values} == {*node.values})
        return next(declared, node.values)
    return [one.value for one in node.cls] if isinstance(node, inspect.EnumType) else ()


def _literals(hint: object) -> Iterator[tuple[object, ...]]:
    """The choices within a type as they were written: msgspec sorts them."""
    if get_origin(hint) is Literal:
        yield get_args(hint)
    else:
        for part in get_args(hint):
            yield from _literals(part)


def _listed(values: Sequence[object]) -> str:
    names = [f"'{value}'" if isinstance(value, str) else str(value) for value in values]
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} or {names[-1]}"


def _length(kind: str, sign: str, count: str) -> Told:
    words, suffix = {">=": ("at least", "short"), "<=": ("at most", "long")}.get(sign, ("exactly", "long"))
    plural = "" if count == "1" else "s"
    if kind == "str":
        return f"String should have {words} {count} character{plural}", f"string_too_{suffix}"
    name = "Dictionary" if kind == "object" else "List"
    return f"{name} should have {words} {count} item{plural}", f"too_{suffix}"


def _as_in_contract(pattern: str) -> str:
    r"""Python's `$` lets a line break pass, so that structs write `\Z` for the `$` of the contract."""
    return f"{pattern.removesuffix(chr(92) + 'Z')}$" if pattern.endswith(r"\Z") else pattern


def _kind(wanted: str, got: str, nodes: Sequence[inspect.Type]) -> Told:
    if wanted == "object":
        return A_STRUCT if any(isinstance(node, inspect.StructType) for node in nodes) else A_DICT
    if wanted == "int" and got == "float":
        return A_FRACTION
    return KINDS.get(wanted, (f"Input should be a valid {wanted}", "value_error"))


def _rest(what: str) -> Told:
    if what in ("Number out of range", "Integer value out of range"):
        return NOT_FINITE
    if what.startswith("Invalid RFC3339"):
        return "Input should be a valid datetime", "datetime_parsing"
    if what.startswith("Expected `datetime` with a timezone"):
        return "Input should have timezone info", "timezone_aware"
    return what, "value_error"
