"""HTTP of webhook endpoints and their deliveries: decode, run one unit of work, answer."""

from dataclasses import dataclass
from functools import partial

import msgspec
from msgspec import UNSET

from openharbor.cloud.callers import scope_of
from openharbor.cloud.lockers.attempts import new_message_id
from openharbor.cloud.parts import CloudParts
from openharbor.cloud.webhooks import by_hand, endpoints, store, views
from openharbor.cloud.webhooks import messages as m
from openharbor.cloud.webhooks.addresses import Rules, UrlFault, fault_of, rules_of, target_of
from openharbor.cloud.webhooks.delivery_store import Delivery
from openharbor.cloud.webhooks.endpoints import NOT_FOUND, NOTHING, Act, unfit
from openharbor.cloud.webhooks.resolution import Resolve, Resolver
from openharbor.cloud.webhooks.signing import Secrets
from openharbor.kit.errors import Refusal
from openharbor.kit.http.faults import field_fault
from openharbor.kit.http.operation import Answer, Call, Operation
from openharbor.kit.webhooks import SECRET_BYTES, new_secret

Reply = Answer | Refusal
SCOPE = "service_provider"
ROOT = "/api/v1/webhook-endpoints"
ENDPOINT = f"{ROOT}/{{endpoint_id}}"
DELIVERIES = f"{ENDPOINT}/deliveries"


@dataclass(frozen=True, slots=True)
class _Room:
    """What the handlers need: the cloud's parts, and what tells whether an address is allowed."""

    parts: CloudParts
    rules: Rules
    resolve: Resolve


def operations(parts: CloudParts, *, resolve: Resolve | None = None) -> list[Operation]:
    """Everything below /webhook-endpoints. Raises Failed for a setting that is no range of addresses."""
    settings = parts.settings
    rules = rules_of(settings.webhook_networks, loopback=settings.environment != "production")
    room = _Room(parts, rules, resolve or Resolver())
    return [*_all(room), *_one(room), *_deliveries(room)]


def _all(room: _Room) -> list[Operation]:
    return [
        Operation("get_webhook_endpoints", "GET", ROOT, partial(_list, room), SCOPE, limited=False),
        Operation(
            "create_webhook_endpoint",
            "POST",
            ROOT,
            partial(_create, room),
            SCOPE,
            body=m.WebhookEndpointCreate,
            changes_state=True,
            limited=False,
        ),
    ]


def _one(room: _Room) -> list[Operation]:
    path = m.EndpointPath
    return [
        Operation("get_webhook_endpoint", "GET", ENDPOINT, partial(_get, room), SCOPE, params=path, limited=False),
        Operation(
            "update_webhook_endpoint",
            "PATCH",
            ENDPOINT,
            partial(_update, room),
            SCOPE,
            params=path,
            body=m.WebhookEndpointUpdate,
            changes_state=True,
            limited=False,
        ),
        Operation(
            "delete_webhook_endpoint",
            "DELETE",
            ENDPOINT,
            partial(_delete, room),
            SCOPE,
            params=path,
            changes_state=True,
            limited=False,
        ),
    ]


def _deliveries(room: _Room) -> list[Operation]:
    return [
        Operation(
            "get_webhook_deliveries",
            "GET",
            DELIVERIES,
            partial(_list_deliveries, room),
            SCOPE,
            params=m.EndpointPath,
            query=m.DeliveryPage,
            limited=False,
        ),
        Operation(
            "redeliver_webhook",
            "POST",
            f"{DELIVERIES}/{{delivery_id}}/redeliver",
            partial(_redeliver, room),
            SCOPE,
            params=m.DeliveryPath,
            changes_state=True,
            limited=False,
        ),
        Operation(
            "test_webhook_endpoint",
            "POST",
            f"{ENDPOINT}/test",
            partial(_test, room),
            SCOPE,
            params=m.EndpointPath,
            body=m.WebhookTestRequest,
            body_optional=True,
            changes_state=True,
            limited=False,
        ),
    ]


async def _list(room: _Room, call: Call) -> Reply:
    scope = scope_of(call.caller)
    if isinstance(scope, Refusal):
        return scope
    found = await room.parts.database.read(partial(store.own, scope))
    return Answer(200, [views.endpoint_body(endpoint) for endpoint in found])


async def _create(room: _Room, call: Call) -> Reply:
    scope, body, parts = scope_of(call.caller), call.body, room.parts
    if isinstance(scope, Refusal):
        return scope
    refusal = unfit(body.events) or await _unfit_url(room, body.url)
    if refusal is not None:
        return refusal
    secret = new_secret(parts.random(SECRET_BYTES))
    endpoint = store.Endpoint(
        id=await parts.numbers.next("webhook_endpoints"),
        organization_id=scope.organization_id or 0,
        url=body.url,
        events=body.events,
        description=body.description,
        enabled=body.enabled,
        secrets=Secrets(parts.vault.seal(secret.encode())),
        created_at=call.received_at,
        updated_at=call.received_at,
    )
    act = _act(call, "create_webhook_endpoint")
    made = await parts.database.write(partial(endpoints.create, scope, endpoint=endpoint, act=act))
    return made if isinstance(made, Refusal) else Answer(201, views.with_secret(made, secret))


async def _get(room: _Room, call: Call) -> Reply:
    scope = scope_of(call.caller)
    if isinstance(scope, Refusal):
        return scope
    found = await room.parts.database.read(partial(store.find, scope, endpoint_id=call.params.endpoint_id))
    return NOT_FOUND if found is None else Answer(200, views.endpoint_body(found))


async def _update(room: _Room, call: Call) -> Reply:
    scope, body, parts = scope_of(call.caller), call.body, room.parts
    if isinstance(scope, Refusal):
        return scope
    refusal = _empty(call) or unfit(body.events)
    if refusal is None and body.url is not UNSET:
        refusal = await _unfit_url(room, body.url)
    if refusal is not None:
        return refusal
    secret = new_secret(parts.random(SECRET_BYTES)) if body.rotate_secret else None
    work = partial(
        endpoints.update,
        scope,
        endpoint_id=call.params.endpoint_id,
        wanted=body,
        sealed=None if secret is None else parts.vault.seal(secret.encode()),
        act=_act(call, "update_webhook_endpoint"),
    )
    changed = await parts.database.write(work)
    if isinstance(changed, Refusal):
        return changed
    parts.wake_webhooks()
    return Answer(200, views.endpoint_body(changed) if secret is None else views.with_secret(changed, secret))


async def _delete(room: _Room, call: Call) -> Reply:
    scope = scope_of(call.caller)
    if isinstance(scope, Refusal):
        return scope
    act = _act(call, "delete_webhook_endpoint")
    work = partial(endpoints.delete, scope, endpoint_id=call.params.endpoint_id, act=act)
    return await room.parts.database.write(work) or Answer(204)


async def _list_deliveries(room: _Room, call: Call) -> Reply:
    scope, query = scope_of(call.caller), call.query
    if isinstance(scope, Refusal):
        return scope
    work = partial(
        by_hand.list_deliveries,
        scope,
        endpoint_id=call.params.endpoint_id,
        status=None if query.status is UNSET else query.status,
        skip=query.skip,
        limit=query.limit,
    )
    found = await room.parts.database.read(work)
    return found if isinstance(found, Refusal) else Answer(200, [views.delivery_body(one) for one in found])


async def _redeliver(room: _Room, call: Call) -> Reply:
    scope, params = scope_of(call.caller), call.params
    if isinstance(scope, Refusal):
        return scope
    work = partial(
        by_hand.redeliver,
        scope,
        endpoint_id=params.endpoint_id,
        delivery_id=params.delivery_id,
        now=call.received_at,
    )
    return _queued(room, await room.parts.database.write(work))


async def _test(room: _Room, call: Call) -> Reply:
    scope = scope_of(call.caller)
    if isinstance(scope, Refusal):
        return scope
    work = partial(
        by_hand.send_test,
        scope,
        endpoint_id=call.params.endpoint_id,
        event=call.body.event,
        id_=new_message_id(room.parts),
        now=call.received_at,
    )
    return _queued(room, await room.parts.database.write(work))


def _queued(room: _Room, delivery: Delivery | Refusal) -> Reply:
    if isinstance(delivery, Refusal):
        return delivery
    room.parts.wake_webhooks()
    return Answer(202, views.delivery_body(delivery))


async def _unfit_url(room: _Room, url: str) -> Refusal | None:
    """422 for a URL that webhooks may not go to. A name that has no address yet is looked at again at every attempt."""
    target = target_of(url)
    fault = target if isinstance(target, UrlFault) else None
    if not isinstance(target, UrlFault):
        fault = fault_of(target, await room.resolve(target.host, target.port), room.rules)
    return None if fault is None else field_fault(("body", "url"), fault.msg, fault.type)


def _empty(call: Call) -> Refusal | None:
    return NOTHING if msgspec.json.decode(call.raw_body) == {} else None


def _act(call: Call, action: str) -> Act:
    return Act(f"{call.caller.kind}:{call.caller.name}", call.received_at, action)
