"""What a field must be, in plain words, as its type says it."""

from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
import pytest
from msgspec import UNSET, Meta, UnsetType

from openharbor.kit.field_rules import Problem, explain, rule_of, shape_of


@pytest.mark.parametrize(
    ("kind", "rule"),
    [
        (str, "must be text"),
        (Annotated[str, Meta(min_length=1, max_length=100)], "must be 1 to 100 characters"),
        (Annotated[str, Meta(max_length=500)], "must be at most 500 characters"),
        (Annotated[str, Meta(pattern="^a$")], "must be text of the form ^a$"),
        (int, "must be an integer"),
        (Annotated[int, Meta(ge=1)], "must be an integer of at least 1"),
        (Annotated[int, Meta(ge=50, le=2000)], "must be 50 to 2000"),
        (Annotated[float, Meta(ge=0, le=1.5)], "must be a number of 0 to 1.5"),
        (bool, "must be true or false"),
        (Literal["kiosk"], "must be kiosk"),
        (Literal["a", "b", "c"], "must be a, b or c"),
        (Annotated[datetime, Meta(tz=True)], "must be an RFC 3339 date and time with its offset"),
        (Annotated[list[int], Meta(min_length=1, max_length=256)], "must be a list of 1 to 256 entries"),
        (dict[str, int], "must be an object"),
        (str | None, "must be text or null"),
        (Annotated[int, Meta(ge=1, description="must be a number of a locker")], "must be a number of a locker"),
        (Any, "is malformed"),
    ],
)
def test_a_rule_is_told_in_the_contracts_words(kind: object, rule: str) -> None:
    assert rule_of(shape_of(kind)) == rule


class Part(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    bank_number: Annotated[int, Meta(ge=1)]
    kind: Literal["box", "letter"] | UnsetType = UNSET


class Whole(msgspec.Struct, rename="camel"):
    parts: list[Part] | UnsetType = UNSET
    one: Part | None = None
    metrics: Annotated[dict[Annotated[str, Meta(max_length=3)], float], Meta(description="must be numbers")] = {}


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"parts": [{"bankNumber": 1}, {"bankNumber": 0}]},
         Problem("parts[1].bankNumber", "must be an integer of at least 1", "range")),
        ({"parts": [{}]}, Problem("parts[0].bankNumber", "is required", "missing")),
        ({"one": {"bankNumber": 1, "kind": "x"}}, Problem("one.kind", "must be box or letter", "choice")),
        ({"one": {"bankNumber": 1, "bank": 2}}, Problem("one.bank", "is not accepted here", "unknown")),
        ({"one": 5}, Problem("one", "must be an object or null", "malformed")),
        ({"metrics": {"abcd": 1}}, Problem("metrics", "must be numbers", "malformed")),
        ({"metrics": {"a": "x"}}, Problem("metrics", "must be numbers", "malformed")),
        ([], Problem("", "must be an object", "malformed")),
    ],
)  # fmt: skip
def test_a_problem_names_the_field_by_its_path(given: object, problem: Problem) -> None:
    with pytest.raises(msgspec.ValidationError) as error:
        msgspec.convert(given, Whole)
    assert explain(str(error.value), shape_of(Whole)) == problem


def test_what_a_caller_names_a_field_cannot_break_the_telling() -> None:
    tree = shape_of(Part)
    for name in ("a` - at `$.kind", "x" * 500, "`", "\n", "$[...]"):
        with pytest.raises(msgspec.ValidationError) as error:
            msgspec.convert({"bankNumber": 1, name: 1}, Part)
        told = explain(str(error.value), tree)
        assert len(told.field) <= 100
