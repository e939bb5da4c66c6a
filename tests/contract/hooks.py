"""What schemathesis checks beyond its own: a defect is never an answer, and an error names its code's own status."""

import re
from itertools import count
from pathlib import Path
from typing import Any

import schemathesis
import yaml
from schemathesis import GenerationMode

CONTRACT = Path(__file__).parents[2] / "contract" / "gateway-local.yaml"


def _statuses() -> dict[str, int]:
    codes = yaml.safe_load(CONTRACT.read_text())["components"]["schemas"]["ErrorCode"]["description"]
    rows = [line.split("|") for line in codes.splitlines() if line.startswith("| `")]
    return {row[1].strip().strip("`"): int(row[2]) for row in rows}


STATUSES = _statuses()


def _error(response: Any) -> str | None:
    if not response.headers.get("content-type", [""])[0].startswith("application/json"):
        return None
    body = response.json()
    return body.get("error") if isinstance(body, dict) else None


_numbers = count(1)


@schemathesis.hook
def map_headers(_context: Any, headers: Any) -> Any:
    """Gives each valid Idempotency-Key a number of its own.

    A repeated key replays its 201 also when that transaction was released since (contract, "Idempotency"), which
    schemathesis would take for a new one that is missing. Replays have tests of their own.
    """
    key = headers.get("Idempotency-Key") if headers else None
    if isinstance(key, str) and re.fullmatch(r"[!-~]{1,240}", key):
        headers["Idempotency-Key"] = f"{key}-{next(_numbers)}"
    return headers


@schemathesis.check
def no_internal_error(_context: Any, response: Any, _case: Any) -> None:
    """INTERNAL_ERROR is a defect, whatever was sent."""
    assert _error(response) != "INTERNAL_ERROR", response.text


@schemathesis.check
def only_a_time_zone_is_refused_beyond_the_schema(_context: Any, response: Any, case: Any) -> None:
    """Where the schema allows a body of updateSystem, nothing but an unknown time zone makes it malformed."""
    allowed = case.meta is not None and case.meta.generation.mode == GenerationMode.POSITIVE
    if allowed and case.operation.definition.raw.get("operationId") == "updateSystem" and response.status_code == 400:
        assert list(response.json()["details"]) == ["timezone"], response.text


@schemathesis.check
def an_error_has_the_status_of_its_code(_context: Any, response: Any, _case: Any) -> None:
    """The table of ErrorCode holds for every answer, also for those that name no schema of their own."""
    code = _error(response)
    assert code is None or STATUSES[code] == response.status_code, response.text


@schemathesis.check
def a_refused_body_or_parameter_is_named(_context: Any, response: Any, _case: Any) -> None:
    """INVALID_REQUEST names what is wrong in its details."""
    if _error(response) == "INVALID_REQUEST":
        assert response.json()["details"], response.text
