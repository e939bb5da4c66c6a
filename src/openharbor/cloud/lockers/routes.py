"""HTTP of reservations, open tokens, releases and assigned lockers: decode, run one unit of work, answer."""

from collections.abc import Callable
from functools import partial
from typing import TypeVar

from openharbor.cloud.callers import scope_of
from openharbor.cloud.catalog.messages import LockerPath
from openharbor.cloud.lockers import assignments, open_tokens, releases, reservations, views
from openharbor.cloud.lockers import messages as m
from openharbor.cloud.lockers.attempts import attempt_of
from openharbor.cloud.lockers.open_tokens import Mint
from openharbor.cloud.lockers.reservations import CancelReservation, Reserve
from openharbor.cloud.parts import CloudParts
from openharbor.kit.database.face import Transaction
from openharbor.kit.errors import Refusal
from openharbor.kit.http.faults import field_fault
from openharbor.kit.http.operation import Answer, AnyObject, Call, Operation

T = TypeVar("T")
Reply = Answer | Refusal
SCOPE = "service_provider"
LOCKER = "/api/v1/towers/{tower_id}/lockers/{locker_id}"
MOST_CLIENT_INFO = 500  # bytes of UTF-8


def operations(parts: CloudParts) -> list[Operation]:
    """Everything below a locker that changes it, and /users/me/assigned-lockers."""
    return [*_reservations(parts), *_tokens(parts), *_assignments(parts)]


def _reservations(parts: CloudParts) -> list[Operation]:
    path = f"{LOCKER}/reservations"
    return [
        Operation(
            "get_locker_reservations", "GET", path, partial(_running, parts), SCOPE, params=LockerPath, limited=False
        ),
        Operation(
            "create_reservation",
            "POST",
            path,
            partial(_reserve, parts),
            SCOPE,
            params=LockerPath,
            body=m.ReservationCreate,
            changes_state=True,
            limited=False,
        ),
        Operation(
            "cancel_reservation",
            "DELETE",
            f"{path}/{{reservation_id}}",
            partial(_cancel_reservation, parts),
            SCOPE,
            params=m.ReservationPath,
            changes_state=True,
            limited=False,
        ),
    ]


def _tokens(parts: CloudParts) -> list[Operation]:
    return [
        Operation(
            f"create_{kind}_locker_token",
            "POST",
            f"{LOCKER}/{kind}-locker-tokens",
            partial(handler, parts),
            SCOPE,
            params=LockerPath,
            body=m.LockerTokenCreate,
            changes_state=True,
            limited=False,
        )
        for kind, handler in (("dropoff", _dropoff_token), ("pickup", _pickup_token))
    ]


def _assignments(parts: CloudParts) -> list[Operation]:
    return [
        Operation(
            "release_locker",
            "POST",
            f"{LOCKER}/release-locker",
            partial(_release, parts),
            SCOPE,
            params=LockerPath,
            body=AnyObject,
            body_optional=True,
            changes_state=True,
            limited=False,
        ),
        Operation(
            "get_assigned_lockers",
            "GET",
            "/api/v1/users/me/assigned-lockers",
            partial(_assigned, parts),
            SCOPE,
            limited=False,
        ),
    ]


async def changed(parts: CloudParts, unit: Callable[[Transaction], T | Refusal]) -> T | Refusal:
    """Runs a unit of work that may have something to tell to webhook endpoints."""
    made = await parts.database.write(unit)
    if not isinstance(made, Refusal):
        parts.wake_webhooks()
    return made


async def _running(parts: CloudParts, call: Call) -> Reply:
    scope = scope_of(call.caller)
    if isinstance(scope, Refusal):
        return scope
    path = call.params
    unit = partial(
        reservations.running, scope, tower_id=path.tower_id.lower(), locker_id=path.locker_id, now=call.received_at
    )
    found = await parts.database.read(unit)
    return found if isinstance(found, Refusal) else Answer(200, [views.reservation_body(one) for one in found])


async def _reserve(parts: CloudParts, call: Call) -> Reply:
    scope = scope_of(call.caller)
    if isinstance(scope, Refusal):
        return scope
    command = Reserve(
        tower_id=call.params.tower_id.lower(),
        locker_id=call.params.locker_id,
        duration_s=call.body.duration,
        reservation_id=await parts.numbers.next("reservations"),
        assignment_id=await parts.numbers.next("assignments"),
        locker_token=parts.random(16).hex(),
    )
    attempt = attempt_of(parts, call, "create_reservation")
    made = await changed(parts, partial(reservations.reserve, scope, command=command, attempt=attempt))
    return made if isinstance(made, Refusal) else Answer(200, views.reservation_body(made))


async def _cancel_reservation(parts: CloudParts, call: Call) -> Reply:
    scope = scope_of(call.caller)
    if isinstance(scope, Refusal):
        return scope
    path = call.params
    command = CancelReservation(
        tower_id=path.tower_id.lower(), locker_id=path.locker_id, reservation_id=path.reservation_id
    )
    attempt = attempt_of(parts, call, "cancel_reservation")
    made = await changed(parts, partial(reservations.cancel, scope, command=command, attempt=attempt))
    return made if isinstance(made, Refusal) else Answer(204)


async def _dropoff_token(parts: CloudParts, call: Call) -> Reply:
    scope = too_long(call.body.client_info, "client_info") or scope_of(call.caller)
    if isinstance(scope, Refusal):
        return scope
    random = parts.random(32)
    command = Mint(
        tower_id=call.params.tower_id.lower(),
        locker_id=call.params.locker_id,
        token_id=await parts.numbers.next("open_tokens"),
        assignment_id=await parts.numbers.next("assignments"),
        locker_token=random[:16].hex(),
        iv=random[16:],
        duration_s=call.body.duration,
        client_info=call.body.client_info,
    )
    attempt = attempt_of(parts, call, "create_dropoff_locker_token")
    unit = partial(open_tokens.mint_dropoff, scope, command=command, attempt=attempt, vault=parts.vault)
    made = await changed(parts, unit)
    return made if isinstance(made, Refusal) else Answer(200, views.token_body(made))


async def _pickup_token(parts: CloudParts, call: Call) -> Reply:
    scope = too_long(call.body.client_info, "client_info") or scope_of(call.caller)
    if isinstance(scope, Refusal):
        return scope
    command = Mint(
        tower_id=call.params.tower_id.lower(),
        locker_id=call.params.locker_id,
        token_id=await parts.numbers.next("open_tokens"),
        iv=parts.random(16),
        duration_s=call.body.duration,
        client_info=call.body.client_info,
    )
    attempt = attempt_of(parts, call, "create_pickup_locker_token")
    unit = partial(open_tokens.mint_pickup, scope, command=command, attempt=attempt, vault=parts.vault)
    made = await changed(parts, unit)
    return made if isinstance(made, Refusal) else Answer(200, views.token_body(made))


async def _release(parts: CloudParts, call: Call) -> Reply:
    scope = scope_of(call.caller)
    if isinstance(scope, Refusal):
        return scope
    unit = partial(
        releases.release,
        scope,
        tower_id=call.params.tower_id.lower(),
        locker_id=call.params.locker_id,
        attempt=attempt_of(parts, call, "release_locker"),
    )
    made = await changed(parts, unit)
    return made if isinstance(made, Refusal) else Answer(200, views.locker_body(made))


async def _assigned(parts: CloudParts, call: Call) -> Reply:
    scope = scope_of(call.caller)
    if isinstance(scope, Refusal):
        return scope
    return Answer(200, await parts.database.read(partial(assignments.assigned, scope, now=call.received_at)))


def too_long(client_info: str, field: str) -> Refusal | None:
    """422 beyond 500 bytes."""
    if len(client_info.encode()) <= MOST_CLIENT_INFO:
        return None
    return field_fault(("body", field), f"Value should have at most {MOST_CLIENT_INFO} bytes")
