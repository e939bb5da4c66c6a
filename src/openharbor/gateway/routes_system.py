"""HTTP of the gateway itself: health, metrics, settings, logs, heartbeats, and the page for people."""

from functools import partial

from msgspec import UnsetType

from openharbor.gateway import messages as m
from openharbor.gateway.fields import milliseconds
from openharbor.gateway.heartbeats import receive_heartbeat
from openharbor.gateway.parts import GatewayParts, Reply
from openharbor.gateway.requests import device_of, settings_change_of
from openharbor.gateway.system import update_settings
from openharbor.gateway.system_views import health_body, system_body
from openharbor.kit.errors import Refusal
from openharbor.kit.http.operation import Answer, Call, Operation
from openharbor.kit.metrics import CONTENT_TYPE

ADMIN_PAGE = b"""<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>openharbor gateway</title></head>
<body>
<h1>openharbor gateway</h1>
<p>The admin page comes with a later release. Until then this gateway is set up on its command line
(<code>openharbor gateway --help</code>) and used through its <a href="/docs">Local API</a>.</p>
</body>
</html>
"""


def operations(parts: GatewayParts) -> list[Operation]:
    """Health & Status and System of the contract."""
    return [*_open_operations(parts), *_system_operations(parts)]


def _open_operations(parts: GatewayParts) -> list[Operation]:
    """Those that need no key and are not limited, and the metrics."""
    return [
        Operation("redirectToAdmin", "GET", "/", _to_admin, None, limited=False),
        Operation("getAdminInterface", "GET", "/admin", _admin, None, limited=False),
        Operation("getHealth", "GET", "/health", partial(_health, parts), None, limited=False),
        Operation("getMetrics", "GET", "/metrics", partial(_metrics, parts), "read"),
    ]


def _system_operations(parts: GatewayParts) -> list[Operation]:
    return [
        Operation("getSystem", "GET", "/system", partial(_system, parts), "read"),
        Operation(
            "updateSystem",
            "PATCH",
            "/system",
            partial(_update, parts),
            "system",
            body=m.UpdateSystemRequest,
            changes_state=True,
        ),
        Operation("getSystemLogs", "GET", "/system/logs", partial(_logs, parts), "system", query=m.LogFilter),
        Operation(
            "receiveHeartbeat",
            "POST",
            "/system/heartbeat",
            partial(_heartbeat, parts),
            "devices",
            body=m.DeviceHeartbeatRequest,
            changes_state=True,
        ),
    ]


async def _to_admin(_call: Call) -> Reply:
    return Answer(307, headers={"Location": "/admin"})


async def _admin(_call: Call) -> Reply:
    return Answer(200, ADMIN_PAGE, media_type="text/html; charset=utf-8")


async def _health(parts: GatewayParts, _call: Call) -> Reply:
    health = health_body(parts)
    return Answer(200 if health.database == "ok" else 503, health)


async def _metrics(parts: GatewayParts, _call: Call) -> Reply:
    return Answer(200, parts.metrics(), media_type=CONTENT_TYPE)


async def _system(parts: GatewayParts, _call: Call) -> Reply:
    return Answer(200, system_body(parts, parts.keeper.site.settings))


async def _update(parts: GatewayParts, call: Call) -> Reply:
    change = settings_change_of(call.body)
    if isinstance(change, Refusal):
        return change
    settings = await parts.keeper.change(
        partial(update_settings, change=change, caller=call.caller, now=call.received_at)
    )
    return Answer(200, system_body(parts, settings))


async def _logs(parts: GatewayParts, call: Call) -> Reply:
    level, since = call.query.level, call.query.since
    entries = parts.logs.entries(
        "debug" if isinstance(level, UnsetType) else level,
        None if isinstance(since, UnsetType) else milliseconds(since),
        call.query.limit,
    )
    return Answer(200, entries)


async def _heartbeat(parts: GatewayParts, call: Call) -> Reply:
    device = device_of(call.body, call.caller.address, call.received_at)
    if isinstance(device, Refusal):
        return device
    stored = await parts.keeper.change(
        partial(receive_heartbeat, device=device, caller=call.caller, now=call.received_at)
    )
    return stored if isinstance(stored, Refusal) else Answer(200, m.OperationResponse(True, "Heartbeat stored"))
