"""One service's HTTP as an ASGI application: finds the operation, and answers whatever comes of it."""

from __future__ import annotations

import logging
import re
import socket
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from openharbor.kit import ids
from openharbor.kit.clock import Clock
from openharbor.kit.errors import Refusal
from openharbor.kit.http import contract_pages
from openharbor.kit.http.answers import Rendered, render_answer
from openharbor.kit.http.endpoint import (
    Arrival,
    Endpoint,
    Service,
    failure,
    header_texts,
    keep_out,
    log,
    make_endpoint,
    respond,
)
from openharbor.kit.http.error_styles import GATEWAY_STYLE, ErrorStyle, render_refusal
from openharbor.kit.http.lifespan import Lifespan, run_lifespan
from openharbor.kit.http.limits import Limits, RateLimiter
from openharbor.kit.http.operation import Gatekeeper, Operation
from openharbor.kit.http.origins import Origins, cross_origin_headers, own_origins, preflight
from openharbor.kit.http.pages import Page, Pages, make_pages
from openharbor.kit.http.request_metrics import Observe, RequestMetrics
from openharbor.kit.http.routing import Found, Routes, find, make_routes, not_offered
from openharbor.kit.logs import current_request

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry
    from starlette.routing import BaseRoute

Scope = Any
Send = Callable[[Any], Awaitable[None]]
Receive = Callable[[], Awaitable[Any]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

REQUEST_ID = re.compile(r"[!-~]{1,64}")
traffic = logging.getLogger("openharbor.http")


def make_app(
    operations: Sequence[Operation],
    *,
    gatekeeper: Gatekeeper,
    clock: Clock,
    contract: Path | None = None,
    contract_prefix: str = "",
    contracts: Sequence[tuple[Path, str]] = (),
    error_style: ErrorStyle = GATEWAY_STYLE,
    either_slash: bool = False,
    limits: Limits = Limits(),  # noqa: B008  # frozen
    origins: Origins | None = None,
    pages: Sequence[BaseRoute] = (),
    lifespan: Callable[[], AbstractAsyncContextManager[None]] | None = None,
    is_stopping: Callable[[], bool] = lambda: False,
    registry: CollectorRegistry | None = None,
    name: str = "gateway",
    new_request_id: ids.Source = ids.request_id,
    new_incident: ids.Source = ids.incident,
) -> App:
    """The application of these operations, as ASGI.

    `contract` is served as `/openapi.json` and `/docs` below `contract_prefix`, and each of `contracts` below its own.
    `error_style`: how errors are told, but for operations with a style of their own. `either_slash`: each path is
    served with and without a slash at its end, alike. `origins` None: this machine alone. `pages` are Starlette routes
    for people, looked at where no operation stands. Raises ValueError when an operation is given twice.
    """
    served = [*contracts] if contract is None else [(contract, contract_prefix), *contracts]
    operations = [*operations, *(page for file, prefix in served for page in contract_pages.operations(file, prefix))]
    service = Service(
        name,
        gatekeeper,
        clock,
        limits,
        origins if origins is not None else own_origins(socket.gethostname()),
        is_stopping,
        new_incident,
        RateLimiter(limits),
        error_style,
    )
    metrics = RequestMetrics(registry)
    endpoints = [make_endpoint(service, operation, metrics.of(operation.operation_id)) for operation in operations]
    routes = make_routes(
        ((one.operation.method, one.operation.path, one) for one in endpoints), either_slash=either_slash
    )
    return _application(service, routes, make_pages(pages), metrics, lifespan, new_request_id)


def _application(
    service: Service,
    routes: Routes[Endpoint],
    pages: Pages,
    metrics: RequestMetrics,
    lifespan: Lifespan | None,
    new_request_id: ids.Source,
) -> App:
    observe_rest, observe_pages = metrics.of("none"), metrics.of("pages")

    async def http(scope: Scope, receive: Receive, send: Send) -> None:
        begun = time.perf_counter()
        arrival = _arrival(service, scope, receive, new_request_id)
        current_request.set(arrival.request_id)
        found = find(routes, scope["raw_path"].decode("latin-1"))
        page = pages(scope) if found is None else None
        if isinstance(page, Page):
            await _serve_page(service, page, arrival, send, observe_pages)
            return
        endpoint = None if found is None else found.methods.get(scope["method"])
        if endpoint is None:
            rendered: Rendered | None = _unmet(service, arrival, found, page)
        else:
            arrival.params = found.params if found is not None else {}
            rendered = await _reply(service, endpoint, arrival)
        if rendered is not None:
            await _send(service, arrival, rendered, send)
        _note(arrival, rendered, endpoint, observe_rest, begun)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await http(scope, receive, send)
        elif scope["type"] == "lifespan":
            await run_lifespan(lifespan, receive, send)
        else:
            await send({"type": "websocket.close", "code": 1008})

    return app


def _arrival(service: Service, scope: Scope, receive: Receive, new_request_id: ids.Source) -> Arrival:
    headers = header_texts(scope)
    request_id = headers.get("x-request-id", "")
    if not REQUEST_ID.fullmatch(request_id):
        request_id = new_request_id()
    client = scope["client"]
    address = "" if client is None else client[0].removeprefix("::ffff:")
    return Arrival(scope, receive, request_id, address, service.clock.now(), headers)


async def _reply(service: Service, endpoint: Endpoint, arrival: Arrival) -> Rendered | None:
    """The endpoint's answer; whatever goes wrong is an answer too, but for a client that went away."""
    try:
        reply = await respond(service, endpoint, arrival)
        if reply is None:
            return None
        if isinstance(reply, Refusal):
            return render_refusal(endpoint.style, reply, service.clock.now())
        return render_answer(reply)
    except Exception as error:  # the edge: a defect is told by its incident number, not by a dropped line
        return render_refusal(endpoint.style, failure(service, error), service.clock.now())


def _unmet(service: Service, arrival: Arrival, found: Found[Endpoint] | None, page: Refusal | None) -> Rendered:
    """What is answered where no operation was found: 404, 405, or a browser's question before a foreign request."""
    scope, now = arrival.scope, service.clock.now()
    if found is None:
        return render_refusal(service.style, page or service.style.nothing_at(scope["path"]), now)
    asked = preflight(service.origins, scope["method"], arrival.headers, found.methods)
    if asked is not None:
        return 204, asked, b""
    style = next(iter(found.methods.values())).style
    return render_refusal(style, not_offered(scope["method"], scope["path"], found.methods), now)


async def _serve_page(service: Service, page: Page, arrival: Arrival, send: Send, observe: Observe) -> None:
    begun = time.perf_counter()
    refusal, status = keep_out(service, arrival), 500
    if refusal is None:
        served = await page.serve(arrival.scope, arrival.receive, send, arrival.request_id)
        if isinstance(served, Exception):
            refusal = failure(service, served)
        else:
            status = served
    if refusal is not None:
        status = refusal.status
        await _send(service, arrival, render_refusal(service.style, refusal, service.clock.now()), send)
    observe(status, time.perf_counter() - begun)


async def _send(service: Service, arrival: Arrival, rendered: Rendered, send: Send) -> None:
    status, headers, body = rendered
    headers.append((b"x-request-id", arrival.request_id.encode("ascii")))
    if "origin" in arrival.headers:
        headers += cross_origin_headers(service.origins, arrival.headers["origin"])
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _note(
    arrival: Arrival, rendered: Rendered | None, endpoint: Endpoint | None, observe_rest: Observe, begun: float
) -> None:
    """Counts the request; 499: the client went away."""
    status, seconds = rendered[0] if rendered is not None else 499, time.perf_counter() - begun
    (observe_rest if endpoint is None else endpoint.observe)(status, seconds)
    if traffic.isEnabledFor(logging.DEBUG):
        log.debug(
            "Request answered",
            method=arrival.scope["method"],
            path=arrival.scope["path"],
            status=status,
            milliseconds=round(seconds * 1000, 2),
            address=arrival.address,
        )
