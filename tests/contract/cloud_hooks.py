"""What schemathesis checks of the cloud beyond its own, and the ids that lead it to things that exist."""

from itertools import cycle
from typing import Any

import schemathesis
from schemathesis import GenerationMode

TOWER, LOCKERS, LOCATION = "0100000000000014", cycle((959, 960, 961, 962)), 54
BEYOND_A_SCHEMA = {"client_info", "clientInfo", "payload", "returnUrl", "url"}

_towers, _rarely = cycle((True, True, False)), cycle((True, True, True, False))


@schemathesis.hook
def map_path_parameters(_context: Any, parameters: Any) -> Any:
    """Leads most valid requests to the tower, locker and location that the catalog has."""
    if not parameters:
        return parameters
    if isinstance(parameters.get("tower_id"), str) and len(parameters["tower_id"]) == 16 and next(_towers):
        parameters["tower_id"] = TOWER
    if isinstance(parameters.get("locker_id"), int) and next(_rarely):
        parameters["locker_id"] = next(LOCKERS)
    if isinstance(parameters.get("location_id"), int) and next(_rarely):
        parameters["location_id"] = LOCATION
    return parameters


@schemathesis.check
def only_what_a_schema_cannot_say_is_refused(_context: Any, response: Any, case: Any) -> None:
    """A 422 for a body that the schema allows names a field whose rule stands in the contract's words alone."""
    allowed = case.meta is not None and case.meta.generation.mode == GenerationMode.POSITIVE
    if allowed and response.status_code == 422:
        named = {part for fault in response.json()["detail"] for part in fault["loc"]}
        assert named & BEYOND_A_SCHEMA, response.text


@schemathesis.check
def an_error_is_told_in_the_contract_s_form(_context: Any, response: Any, _case: Any) -> None:
    """Every refusal has a `detail`, or an OAuth `error`; nothing is a defect."""
    if response.status_code >= 400:
        body = response.json()
        assert "detail" in body or "error" in body, response.text
    assert response.status_code != 500, response.text


@schemathesis.hook
def filter_body(context: Any, body: Any) -> bool:
    """Leaves out forms with an empty value: `minLength` forbids them, RFC 6749 (3.2) has them ignored."""
    is_form = context.operation.path.endswith("/token")
    return not (is_form and isinstance(body, dict) and "" in body.values())
