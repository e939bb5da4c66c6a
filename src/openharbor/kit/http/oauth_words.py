"""The words of an OAuth 2.0 token endpoint for a request that does not fit (accounts.yaml; RFC 6749, section 5.2)."""

from msgspec import inspect

from openharbor.kit.errors import Refusal
from openharbor.kit.field_rules import MISSING, explain
from openharbor.kit.http.wording import Part, Words

INVALID_REQUEST = "invalid_request"


def invalid_request(description: str) -> Refusal:
    """400 invalid_request."""
    return Refusal(INVALID_REQUEST, 400, description)


def _misfit(part: Part, error: str, shape: inspect.Type) -> Refusal:
    if missing := MISSING.fullmatch(error):
        return invalid_request(f"Missing {_named(part)}: {missing[1]}")
    field = explain(error, shape).field
    return invalid_request(f"Invalid {_named(part)}: {field}" if field else f"Invalid {part}")


def _unreadable(part: Part, name: str, _node: inspect.Type) -> Refusal:
    return invalid_request(f"Invalid {_named(part)}: {name}")


def _repeated(part: Part, name: str) -> Refusal:
    return invalid_request(f"Repeated {_named(part)}: {name}")


def _malformed(part: Part, rule: str) -> Refusal:
    return invalid_request(f"The {part} {rule}")


def _not_json(why: str, _offset: int) -> Refusal:
    return invalid_request(f"The body {why}")


def _media_type(_given: str, needed: str) -> Refusal:
    return invalid_request(f"The body must be {needed}")


def _named(part: Part) -> str:
    return "field" if part == "body" else "header" if part == "header" else f"{part} parameter"


OAUTH_WORDS = Words(
    misfit=_misfit,
    unreadable=_unreadable,
    repeated=_repeated,
    malformed=_malformed,
    not_json=_not_json,
    media_type=_media_type,
    no_body=invalid_request("The body is required"),
)
