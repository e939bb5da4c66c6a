"""What is told of a request that does not fit: one set of words for each way a contract has of telling it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from msgspec import inspect

from openharbor.kit.errors import Refusal
from openharbor.kit.field_rules import Problem, explain, rule_of

Part = Literal["body", "form", "path", "query", "header"]

LONGEST_SHOWN = 100


@dataclass(frozen=True, slots=True)
class Words:
    """How the decoders tell what is wrong with a part of a request; each makes the refusal.

    `misfit`: (part, text of the `msgspec.ValidationError`, shape of the part). `unreadable`: (part, name, type) of a
    text that is no number and no truth value. `repeated`: (part, name). `malformed`: (part, rule) of a part as a whole.
    `not_json`: (why, offset in bytes). `media_type`: (content type as given, the one needed). `no_body`: a body is
    missing. `untyped_is_json`: a body without a content type is read as JSON.
    """

    misfit: Callable[[Part, str, inspect.Type], Refusal]
    unreadable: Callable[[Part, str, inspect.Type], Refusal]
    repeated: Callable[[Part, str], Refusal]
    malformed: Callable[[Part, str], Refusal]
    not_json: Callable[[str, int], Refusal]
    media_type: Callable[[str, str], Refusal]
    no_body: Refusal
    untyped_is_json: bool = False


def malformed(message: str, field: str, rule: str) -> Refusal:
    """400 INVALID_REQUEST."""
    return Refusal("INVALID_REQUEST", 400, message, {field: rule})


def _misfit(part: Part, error: str, shape: inspect.Type) -> Refusal:
    return _problem(part, explain(error, shape))


def _unreadable(part: Part, name: str, node: inspect.Type) -> Refusal:
    return _problem(part, Problem(name, rule_of(node), "malformed"))


def _repeated(part: Part, name: str) -> Refusal:
    return _problem(part, Problem(name, "must be given once", "malformed"))


def _malformed(part: Part, rule: str) -> Refusal:
    return _problem(part, Problem(part, rule, "malformed"))


def _problem(part: Part, problem: Problem) -> Refusal:
    field = problem.field
    if part == "query":
        return malformed("A query parameter is malformed", field, problem.rule)
    if not field:
        return malformed("The body is malformed", "body", problem.rule)
    if problem.fault == "unknown":
        return malformed("Unknown field in the request", field, problem.rule)
    told = {"missing": "is required", "range": "is out of range", "choice": "is not known"}
    return malformed(f"{field} {told.get(problem.fault, 'is malformed')}", field, problem.rule)


def _not_json(why: str, _offset: int) -> Refusal:
    return malformed("The body is not valid JSON", "body", why)


def _media_type(given: str, needed: str) -> Refusal:
    details = {"contentType": given[:LONGEST_SHOWN]}
    return Refusal("UNSUPPORTED_MEDIA_TYPE", 415, f"The body must be {needed}", details)


GATEWAY_WORDS = Words(
    misfit=_misfit,
    unreadable=_unreadable,
    repeated=_repeated,
    malformed=_malformed,
    not_json=_not_json,
    media_type=_media_type,
    no_body=malformed("The body is required", "body", "is required"),
)
