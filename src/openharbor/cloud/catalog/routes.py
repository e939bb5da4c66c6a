"""HTTP of locations, towers, lockers and locker types: decode, read once, answer."""

from collections.abc import Callable
from functools import partial
from typing import Any

from openharbor.cloud.callers import scope_of
from openharbor.cloud.catalog import messages as m
from openharbor.cloud.catalog import reading
from openharbor.cloud.parts import CloudParts
from openharbor.kit.errors import Refusal
from openharbor.kit.http.operation import Answer, Call, Operation

Reply = Answer | Refusal
SCOPE = "service_provider"


def operations(parts: CloudParts) -> list[Operation]:
    """Everything that is read below /locations, /towers and /locker-types."""
    return [*_location_operations(parts), *_tower_operations(parts)]


def _location_operations(parts: CloudParts) -> list[Operation]:
    root, one = "/api/v1/locations", "/api/v1/locations/{location_id}"
    return [
        _get(parts, "get_locations_page", root, _locations, query=m.Page),
        _get(parts, "get_closest_location", f"{root}/closest", _closest, query=m.Near),
        _get(parts, "get_location", one, _location, m.LocationPath),
        _get(parts, "get_location_availability", f"{one}/availability", _location_availability, m.LocationPath),
        _get(parts, "get_location_towers", f"{one}/towers", _location_towers, m.LocationPath),
    ]


def _tower_operations(parts: CloudParts) -> list[Operation]:
    one = "/api/v1/towers/{tower_id}"
    return [
        _get(parts, "get_tower", one, _tower, m.TowerPath),
        _get(parts, "get_tower_lockers", f"{one}/lockers", _lockers, m.TowerPath),
        _get(parts, "get_tower_locker_availability", f"{one}/locker-availability", _tower_availability, m.TowerPath),
        _get(parts, "get_locker", f"{one}/lockers/{{locker_id}}", _locker, m.LockerPath),
        _get(parts, "get_locker_types", "/api/v1/locker-types", _locker_types),
    ]


def _get(
    parts: CloudParts,
    name: str,
    path: str,
    unit: Callable[[Call], Callable[..., Any]],
    params: type | None = None,
    query: type | None = None,
) -> Operation:
    """`unit` makes the read of a call: a function of scope and transaction."""
    handler = partial(_read, parts, unit)
    return Operation(name, "GET", path, handler, SCOPE, params=params, query=query, limited=False)


async def _read(parts: CloudParts, unit: Callable[[Call], Callable[..., Any]], call: Call) -> Reply:
    scope = scope_of(call.caller)
    if isinstance(scope, Refusal):
        return scope
    found = await parts.database.read(partial(unit(call), scope))
    return found if isinstance(found, Refusal) else Answer(200, found)


def _locations(call: Call) -> Callable[..., Any]:
    return partial(reading.locations, skip=call.query.skip, limit=call.query.limit)


def _closest(call: Call) -> Callable[..., Any]:
    near = call.query
    return partial(reading.closest_location, lat=near.lat, lon=near.lon, radius=near.radius)


def _location(call: Call) -> Callable[..., Any]:
    return partial(reading.location, location_id=call.params.location_id)


def _location_availability(call: Call) -> Callable[..., Any]:
    return partial(reading.location_availability, location_id=call.params.location_id, now=call.received_at)


def _location_towers(call: Call) -> Callable[..., Any]:
    return partial(reading.location_towers, location_id=call.params.location_id)


def _tower(call: Call) -> Callable[..., Any]:
    return partial(reading.tower, tower_id=call.params.tower_id.lower())


def _lockers(call: Call) -> Callable[..., Any]:
    return partial(reading.tower_lockers, tower_id=call.params.tower_id.lower(), now=call.received_at)


def _tower_availability(call: Call) -> Callable[..., Any]:
    return partial(reading.tower_availability, tower_id=call.params.tower_id.lower(), now=call.received_at)


def _locker(call: Call) -> Callable[..., Any]:
    params = call.params
    return partial(reading.locker, tower_id=params.tower_id.lower(), locker_id=params.locker_id, now=call.received_at)


def _locker_types(_call: Call) -> Callable[..., Any]:
    return reading.locker_types
