"""What schemathesis checks of the cloud beyond its own, and the ids that lead it to things that exist."""

import os
import time
from functools import cache
from itertools import cycle
from pathlib import Path
from typing import Any

import schemathesis
from schemathesis import GenerationMode

from openharbor.blink.batches import Batch, encode_batch
from openharbor.blink.keys import derive
from openharbor.blink.provisioning import Provision, read
from openharbor.blink.sealing import seal

TOWER, LOCKERS, LOCATION = "0100000000000014", cycle((959, 960, 961, 962)), 54
BEYOND_A_SCHEMA = {"client_info", "clientInfo", "payload", "returnUrl", "url"}

FORMS = ("/protocol/openid-connect/token", "/login/access-token")

_towers, _rarely = cycle((True, True, False)), cycle((True, True, True, False))
_sealed = cycle((True, False))


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


@schemathesis.check
def what_was_answered_is_written_down(_context: Any, response: Any, case: Any) -> None:
    """For the test to see that each operation was really reached."""
    seen = os.environ.get("CONTRACT_SEEN")
    if seen:
        with Path(seen).open("a") as file:
            file.write(f"{case.operation.definition.raw['operationId']} {response.status_code}\n")


@schemathesis.hook
def filter_body(context: Any, body: Any) -> bool:
    """Leaves out forms with an empty value: `minLength` forbids them, RFC 6749 (3.2) has them ignored."""
    is_form = context.operation.path.endswith(FORMS)
    return not (is_form and isinstance(body, dict) and "" in body.values())


@schemathesis.hook
def map_body(context: Any, body: Any) -> Any:
    """Makes every other valid upload one that the tower could have sealed: of no events, from the next one on."""
    if context.operation.definition.raw.get("operationId") != "upload_tower_events" or not next(_sealed):
        return body
    return [sealed_packet()] if _is_upload(body) else body


def _is_upload(body: Any) -> bool:
    wanted = {"syncEventStart", "syncEventCount", "payload", "payloadAuth"}
    return isinstance(body, list) and bool(body) and all(isinstance(one, dict) and wanted <= set(one) for one in body)


@cache
def provision() -> Provision:
    """Of the tower that is played."""
    return read(Path(os.environ["CONTRACT_TOWER"]).read_bytes())


def sealed_packet() -> dict[str, Any]:
    file = provision()
    batch = Batch(
        sealed_at=int(time.time()),
        tower_id=bytes.fromhex(file.tower_id),
        first=file.next_event,
        count=0,
        events=(),
        clock_state=0,
        epoch=file.event_epoch,
        boot_count=1,
    )
    key = derive(bytes.fromhex(file.key.root), file.key.rotation)
    sealed = seal(key, encode_batch(batch), os.urandom(16))
    return {
        "syncEventStart": batch.first,
        "syncEventCount": 0,
        "payload": sealed.payload.hex(),
        "payloadAuth": sealed.auth.hex().upper(),
    }
