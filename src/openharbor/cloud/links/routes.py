"""HTTP of Locker Open requests: decode, run one unit of work, answer."""

from functools import partial

from openharbor.cloud.callers import scope_of
from openharbor.cloud.links import drawing, inputs, link_tokens, requests, views
from openharbor.cloud.links import messages as m
from openharbor.cloud.links.store import Link, Wanted
from openharbor.cloud.lockers.attempts import Attempt, attempt_of, new_message_id
from openharbor.cloud.lockers.routes import SCOPE, Reply, changed
from openharbor.cloud.parts import CloudParts
from openharbor.cloud.scope import INSTALLATION
from openharbor.kit.errors import Refusal
from openharbor.kit.http.operation import Answer, Call, Operation

ROOT = "/api/v1/locker-open-requests"
REQUEST = f"{ROOT}/{{request_id}}"
LINK_SCOPE = "link"
TOWER_ACCESS = "tower_access"
LONGER_S = 900  # than the open token: the phone still has to carry the tower's events home


def operations(parts: CloudParts) -> list[Operation]:
    """Everything below /locker-open-requests."""
    return [*_creating(parts), *_one(parts)]


def _creating(parts: CloudParts) -> list[Operation]:
    return [
        Operation(
            "create_dropoff_locker_request",
            "POST",
            f"{ROOT}/dropoff-locker-request",
            partial(_create_dropoff, parts),
            SCOPE,
            body=m.DropoffLockerRequest,
            changes_state=True,
            limited=False,
        ),
        Operation(
            "create_pickup_locker_request",
            "POST",
            f"{ROOT}/pickup-locker-request",
            partial(_create_pickup, parts),
            SCOPE,
            body=m.PickupLockerRequest,
            changes_state=True,
            limited=False,
        ),
    ]


def _one(parts: CloudParts) -> list[Operation]:
    path = m.RequestPath
    return [
        Operation("get_locker_open_request", "GET", REQUEST, partial(_show, parts), SCOPE, params=path, limited=False),
        Operation(
            "cancel_locker_open_request",
            "DELETE",
            REQUEST,
            partial(_cancel, parts),
            SCOPE,
            params=path,
            changes_state=True,
            limited=False,
        ),
        Operation(
            "create_locker_open_token",
            "POST",
            f"{REQUEST}/tokens",
            partial(_draw, parts),
            LINK_SCOPE,
            params=path,
            changes_state=True,
            limited=False,
        ),
    ]


def link_url(parts: CloudParts, link_id: int) -> str:
    """The complete link to hand over; its last segment is a secret."""
    return f"{parts.public_url}/open/{link_tokens.make(parts.link_secret, link_id)}"


async def _create_dropoff(parts: CloudParts, call: Call) -> Reply:
    scope, body = scope_of(call.caller), call.body
    if isinstance(scope, Refusal):
        return scope
    texts = inputs.texts_of(body, call.raw_body)
    if isinstance(texts, Refusal):
        return texts
    random = parts.random(24)
    command = requests.NewDropoff(
        link_id=await parts.numbers.next("links"),
        texts=texts,
        keypad_intent=body.keypad_intent,
        persist_keypad_code=body.persist_keypad_code,
        wanted=Wanted(body.location_id, body.locker_type_id, body.require_low_locker),
        assignment_id=await parts.numbers.next("assignments"),
        locker_token=random[:16].hex(),
        randomness=random[16:],
    )
    attempt = attempt_of(parts, call, "create_dropoff_locker_request")
    made = await changed(parts, partial(requests.create_dropoff, scope, command=command, attempt=attempt))
    return _created(parts, call, made)


async def _create_pickup(parts: CloudParts, call: Call) -> Reply:
    scope, body = scope_of(call.caller), call.body
    if isinstance(scope, Refusal):
        return scope
    texts = inputs.texts_of(body, call.raw_body)
    if isinstance(texts, Refusal):
        return texts
    command = requests.NewPickup(
        link_id=await parts.numbers.next("links"),
        texts=texts,
        keypad_intent=body.keypad_intent,
        persist_keypad_code=body.persist_keypad_code,
        locker_id=body.locker_id,
        randomness=parts.random(8),
    )
    attempt = attempt_of(parts, call, "create_pickup_locker_request")
    made = await changed(parts, partial(requests.create_pickup, scope, command=command, attempt=attempt))
    return _created(parts, call, made)


def _created(parts: CloudParts, call: Call, made: Link | Refusal) -> Reply:
    if isinstance(made, Refusal):
        return made
    return Answer(200, views.request_body(made, link_url(parts, made.link_id), call.received_at))


async def _show(parts: CloudParts, call: Call) -> Reply:
    scope = scope_of(call.caller)
    if isinstance(scope, Refusal):
        return scope
    found = await parts.database.read(partial(requests.show, scope, link_id=call.params.request_id))
    if isinstance(found, Refusal):
        return found
    return Answer(200, views.details_body(found, link_url(parts, found.link_id), call.received_at))


async def _cancel(parts: CloudParts, call: Call) -> Reply:
    scope = scope_of(call.caller)
    if isinstance(scope, Refusal):
        return scope
    attempt = attempt_of(parts, call, "cancel_locker_open_request")
    unit = partial(requests.cancel, scope, link_id=call.params.request_id, attempt=attempt)
    return await changed(parts, unit) or Answer(204)


async def _draw(parts: CloudParts, call: Call) -> Reply:
    link_id = call.params.request_id
    if call.caller.claims.get("request_id") != link_id:  # good for another link: this one is not told of
        return requests.LINK_NOT_FOUND
    command = drawing.Draw(link_id=link_id, token_id=await parts.numbers.next("open_tokens"), iv=parts.random(16))
    attempt = Attempt(
        action="create_locker_open_token",
        actor=f"link:{link_id}",
        now=call.received_at,
        new_message_id=partial(new_message_id, parts),
    )
    drawn = await changed(
        parts, partial(drawing.draw, INSTALLATION, command=command, attempt=attempt, vault=parts.vault)
    )
    if isinstance(drawn, Refusal):
        return drawn
    token = drawn.token
    access = parts.access_tokens.issue(
        drawn.client_id,
        TOWER_ACCESS,
        now=call.received_at,
        lives_s=token.expires_s - call.received_at // 1000 + LONGER_S,
        user_id=f"link-{link_id}",
        tower_id=token.found.locker.tower_id,
        organization_id=drawn.organization_id,
    )
    return Answer(200, views.drawn_body(drawn, access))
