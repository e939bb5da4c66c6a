"""The way of one request to its handler: let in or refused, decoded or refused, handled."""

import logging
from collections.abc import Callable, Mapping, MutableMapping
from dataclasses import dataclass, field
from typing import Any

import structlog

from openharbor.kit.clock import Clock
from openharbor.kit.errors import Closed, Refusal, Refused, StorageUnavailable
from openharbor.kit.http.bodies import (
    FORM,
    Receive,
    Unfit,
    is_form,
    is_json,
    is_json_or_untyped,
    make_unfit,
    read_body,
)
from openharbor.kit.http.decoding import (
    body_decoder,
    form_decoder,
    headers_decoder,
    params_decoder,
    query_decoder,
)
from openharbor.kit.http.error_styles import GATEWAY_STYLE, ErrorStyle
from openharbor.kit.http.limits import Limits, RateLimiter, caller_of
from openharbor.kit.http.operation import Answer, Call, Caller, Gatekeeper, Operation
from openharbor.kit.http.origins import Origins, foreign
from openharbor.kit.http.request_metrics import Observe
from openharbor.kit.http.wording import Words, malformed
from openharbor.kit.ids import Source

log = structlog.get_logger("openharbor.http")
traffic = logging.getLogger("openharbor.http")

RETRY_SECONDS = 5
ONCE = frozenset({"host", "origin", "authorization", "x-api-key", "content-type"})


@dataclass(slots=True)
class Service:
    """What the requests of one service share. `name` stands in messages: "The gateway is shutting down"."""

    name: str
    gatekeeper: Gatekeeper
    clock: Clock
    limits: Limits
    origins: Origins
    is_stopping: Callable[[], bool]
    new_incident: Source
    rates: RateLimiter
    style: ErrorStyle = GATEWAY_STYLE
    in_flight: int = 0


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An operation, and what it needs at each request, made once.

    `bounded`: refused when the service has too much to do at once. `unfit`: whether a body may be read. `body_needed`:
    one that is missing is refused.
    """

    operation: Operation
    observe: Observe
    style: ErrorStyle
    bounded: bool
    once: frozenset[str]
    decode_params: Callable[[Mapping[str, str]], Any] | None
    decode_query: Callable[[bytes], Any] | None
    decode_headers: Callable[[Mapping[str, str]], Any] | None
    decode_body: Callable[[bytes], Any] | None
    unfit: Unfit
    body_needed: bool


@dataclass(slots=True)
class Arrival:
    """One request as it came in. `address` of the client, `received_at` in ms since 1970, UTC."""

    scope: MutableMapping[str, Any]
    receive: Receive
    request_id: str
    address: str
    received_at: int
    headers: dict[str, str]
    params: Mapping[str, str] = field(default_factory=dict)


def make_endpoint(service: Service, operation: Operation, observe: Observe) -> Endpoint:
    """Raises ValueError for an operation with a body in two forms."""
    if operation.body is not None and operation.form is not None:
        raise ValueError(f"{operation.operation_id} has a JSON body and a form")
    known = [] if operation.headers is None else operation.headers.__struct_encode_fields__  # type: ignore[attr-defined]  # a Struct
    style = operation.error_style or service.style
    words = style.words
    return Endpoint(
        operation,
        observe,
        style,
        operation.limited or service.limits.bounds_unlimited,
        ONCE | {name.lower() for name in known},
        None if operation.params is None else params_decoder(operation.params, words),
        None if operation.query is None else query_decoder(operation.query, words),
        None if operation.headers is None else headers_decoder(operation.headers, words),
        _body_decoder(operation, words),
        _unfit(operation, words),
        operation.body is not None and not operation.body_optional,
    )


def _body_decoder(operation: Operation, words: Words) -> Callable[[bytes], Any] | None:
    if operation.form is not None:
        return form_decoder(operation.form, words)
    if operation.body is None:
        return None
    decode = body_decoder(operation.body, words)
    return (lambda raw: decode(raw or b"{}")) if operation.body_optional else decode


def _unfit(operation: Operation, words: Words) -> Unfit:
    if operation.form is not None:
        return make_unfit(is_form, lambda given: words.media_type(given, FORM))
    fits = is_json_or_untyped if words.untyped_is_json else is_json
    return make_unfit(fits, lambda given: words.media_type(given, "application/json"))


async def respond(service: Service, endpoint: Endpoint, arrival: Arrival) -> Answer | Refusal | None:
    """What to answer; None when the client went away before its request was whole."""
    operation, address = endpoint.operation, arrival.address
    caller = _admit(service, endpoint, arrival)
    if isinstance(caller, Refusal):
        return _told(service, operation, caller, None, address)
    refusal = _hold_back(service, operation, caller)
    if refusal is not None:
        return _told(service, operation, refusal, caller, address)
    call = await _decode(service.limits, endpoint, arrival, caller)
    if isinstance(call, Refusal):
        return _told(service, operation, call, caller, address)
    if call is None:
        return None
    if endpoint.bounded and service.in_flight >= service.limits.in_flight:
        return _told(service, operation, endpoint.style.busy(service.limits.in_flight), caller, address)
    service.in_flight += 1
    try:
        return await operation.handler(call)
    finally:
        service.in_flight -= 1


def failure(service: Service, error: Exception) -> Refusal:
    """The answer to an exception. Of a defect the caller gets the number that it is logged under."""
    if isinstance(error, Refused):
        return error.refusal
    if isinstance(error, StorageUnavailable):
        message = f"The {service.name} cannot write its database"
        return Refusal("STORAGE_UNAVAILABLE", 503, message, retry_after=RETRY_SECONDS)
    if isinstance(error, Closed):
        return shutting_down(service.name)
    incident = service.new_incident()
    log.error("Request failed", incident=incident, exc_info=error)
    return Refusal("INTERNAL_ERROR", 500, f"The {service.name} failed to handle the request", {"incident": incident})


def shutting_down(name: str) -> Refusal:
    return Refusal("SHUTTING_DOWN", 503, f"The {name} is shutting down", retry_after=RETRY_SECONDS)


def header_texts(scope: Mapping[str, Any]) -> dict[str, str]:
    """Headers by lower-case name; of one given twice the last."""
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}


def keep_out(service: Service, arrival: Arrival, once: frozenset[str] = ONCE) -> Refusal | None:
    """Why a request is refused whoever sends it: a foreign page, or a header twice that must be clear."""
    scope, headers = arrival.scope, arrival.headers
    if len(scope["headers"]) != len(headers):
        names = [name.decode("latin-1") for name, _ in scope["headers"]]
        twice = next((name for name in names if name in once and names.count(name) > 1), None)
        if twice is not None:
            return malformed(f"{twice} is given twice", twice, "must be given once")
    if scope["path"] in service.origins.open_paths:
        return None
    return foreign(service.origins, scope["scheme"], headers.get("host"), headers.get("origin"))


def _admit(service: Service, endpoint: Endpoint, arrival: Arrival) -> Caller | Refusal:
    refusal = keep_out(service, arrival, endpoint.once)
    if refusal is not None:
        return refusal
    return service.gatekeeper.admit(endpoint.operation, arrival.headers, arrival.address, arrival.received_at)


def _hold_back(service: Service, operation: Operation, caller: Caller) -> Refusal | None:
    """429 beyond the rate of this caller, 503 for changes while the service stops."""
    if operation.limited:
        who = caller_of(caller.address)
        if who is None and not service.limits.loopback_exempt:
            who = caller.address
        if who is not None:
            counted = f"key {caller.key_id}" if caller.key_id is not None else who
            refusal = service.rates.refuse(counted, service.clock.monotonic())
            if refusal is not None:
                return refusal
    return shutting_down(service.name) if operation.changes_state and service.is_stopping() else None


async def _decode(limits: Limits, endpoint: Endpoint, arrival: Arrival, caller: Caller) -> Call | Refusal | None:
    scope = arrival.scope
    params = endpoint.decode_params(arrival.params) if endpoint.decode_params else None
    query = endpoint.decode_query(scope["query_string"]) if endpoint.decode_query else None
    headers = endpoint.decode_headers(arrival.headers) if endpoint.decode_headers else None
    for part in (params, query, headers):
        if isinstance(part, Refusal):
            return part
    raw, body = b"", None
    if endpoint.decode_body is not None:
        refusal = endpoint.unfit(arrival.headers, limits.body_bytes)
        received = refusal if refusal is not None else await read_body(scope, arrival.receive, limits.body_bytes)
        if received is None or isinstance(received, Refusal):
            return received
        if not received and endpoint.body_needed:
            return endpoint.style.words.no_body
        raw, body = received, endpoint.decode_body(received)
        if isinstance(body, Refusal):
            return body
    return Call(
        method=scope["method"],
        path=scope["path"],
        caller=caller,
        request_id=arrival.request_id,
        received_at=arrival.received_at,
        params=params,
        query=query,
        headers=headers,
        body=body,
        raw_body=raw,
    )


def _told(service: Service, operation: Operation, refusal: Refusal, caller: Caller | None, address: str) -> Refusal:
    service.gatekeeper.refused(operation, refusal, caller, address)
    return refusal
