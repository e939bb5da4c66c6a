"""Tried with another organization's ids, every operation of the contract reveals nothing and changes nothing."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from harness.api import Api, Reply
from harness.clouds import bearer, token

from .contract import PREFIX, SDK, Operation, operations
from .neighbours import (
    ARCHIVE,
    FOYER,
    HELD,
    INCUNABULA,
    NOBODY,
    QUIET_CORNER,
    STAFF_ROOM,
    VAULT,
    YARD,
    Neighbours,
    numbers_in,
    read_aloud,
)
from .rows import all_rows

NOT_THINGS = frozenset({"audit", "number_blocks"})
ITS_LOCKERS = (*HELD, "linked")
TOWER = (404, "Tower not found")
LOCKER = (404, "Locker not found")
LOCATION = (404, "Location not found")
TAKEN = (409, "Locker is not available")
NOT_OURS = (409, "Locker is not assigned")
RESERVATION = (404, "Reservation not found")
LINK = (404, "Locker open request not found")
ENDPOINT = (404, "Webhook endpoint not found")
DELIVERY = (404, "Webhook delivery not found")
SEEN = (200, None)
CLOSED = (403, "Not enough permissions")


@dataclass(frozen=True)
class Try:
    """`ids`: as they are, or the name of one of the neighbours'. `body` instead of the contract's example."""

    ids: Mapping[str, object]
    told: tuple[int, str | None]
    body: Mapping[str, object] = field(default_factory=dict)
    query: str = ""
    by_link: bool = False
    of_user: str | None = None


def tower(told: tuple[int, str | None] = TOWER) -> list[Try]:
    shown = [Try({"tower_id": FOYER}, SEEN)]
    return shown + [Try({"tower_id": one}, told) for one in (STAFF_ROOM, VAULT, VAULT.upper())]


def locker(held: tuple[int, str | None], **further: object) -> list[Try]:
    """The Library's own towers, its locker as one of the public tower's, and each locker that it holds there."""
    apart = [
        Try({"tower_id": STAFF_ROOM, "locker_id": QUIET_CORNER, **further}, TOWER),
        Try({"tower_id": VAULT, "locker_id": INCUNABULA, **further}, TOWER),
        Try({"tower_id": STAFF_ROOM, "locker_id": "our_locker", **further}, TOWER),
        Try({"tower_id": FOYER, "locker_id": INCUNABULA, **further}, LOCKER),
    ]
    return apart + [Try({"tower_id": FOYER, "locker_id": one, **further}, held) for one in ITS_LOCKERS]


def reservation() -> list[Try]:
    foyer = {"tower_id": FOYER}
    return [
        *locker(RESERVATION, reservation_id="reservation"),
        Try({**foyer, "locker_id": "used", "reservation_id": "used_reservation"}, RESERVATION),
        Try({**foyer, "locker_id": "our_locker", "reservation_id": "reservation"}, RESERVATION),
        Try({**foyer, "locker_id": "reserved", "reservation_id": "our_reservation"}, RESERVATION),
    ]


def location() -> list[Try]:
    return [Try({"location_id": ARCHIVE}, LOCATION), Try({"location_id": YARD}, SEEN)]


def link(**further: Any) -> list[Try]:
    return [Try({"request_id": one}, LINK, **further) for one in ("link", "pickup_link")]


def endpoint(**body: object) -> list[Try]:
    return [Try({"endpoint_id": "endpoint"}, ENDPOINT, body)]


def nothing_named() -> list[Try]:
    return [Try({}, SEEN)]


def tower_by_phone(told: tuple[int, str | None]) -> list[Try]:
    """By a client, and by an end user of it: the public tower, and those that are closed to them."""
    shown = {FOYER: told, STAFF_ROOM: CLOSED, VAULT: CLOSED, VAULT.upper(): CLOSED}
    return [Try({"tower_id": one}, said, of_user=user) for one, said in shown.items() for user in (None, "Ada")]


TRIES: Mapping[str, list[Try]] = {
    "test_token": nothing_named(),
    "authorize_end_user": nothing_named(),
    "get_locations_page": nothing_named(),
    "get_locations_page_without_slash": nothing_named(),
    "get_closest_location": [Try({}, SEEN, query="?lat=-12.5&lon=96.8&radius=20")],
    "get_location": location(),
    "get_location_without_slash": location(),
    "get_location_availability": location(),
    "get_location_towers": location(),
    "get_tower": tower(),
    "get_tower_lockers": tower(),
    "get_tower_locker_availability": tower(),
    "get_locker": locker(SEEN),
    "release_locker": locker(NOT_OURS),
    "get_locker_reservations": locker(SEEN),
    "create_reservation": locker(TAKEN),
    "cancel_reservation": reservation(),
    "create_dropoff_locker_token": locker(TAKEN),
    "create_pickup_locker_token": locker(NOT_OURS),
    "get_locker_types": nothing_named(),
    "get_locker_types_without_slash": nothing_named(),
    "get_assigned_lockers": nothing_named(),
    "create_dropoff_locker_request": [
        Try({}, LOCATION, {"locationId": ARCHIVE, "lockerTypeId": 1}),
        Try({}, (409, "No locker available"), {"locationId": YARD, "lockerTypeId": 1}),
        Try({}, (409, "No locker available"), {"locationId": YARD, "lockerTypeId": 2}),
    ],
    "create_pickup_locker_request": [
        *(Try({}, LOCKER, {"lockerId": one}) for one in (QUIET_CORNER, INCUNABULA)),
        *(Try({}, NOT_OURS, {"lockerId": one}) for one in ITS_LOCKERS),
    ],
    "get_locker_open_request": link(),
    "cancel_locker_open_request": link(),
    "create_locker_open_token": [*link(by_link=True), *link()],
    "get_webhook_endpoints": nothing_named(),
    "create_webhook_endpoint": [Try({}, (201, None), {"url": f"{NOBODY}/more"})],
    "get_webhook_endpoint": endpoint(),
    "update_webhook_endpoint": [*endpoint(enabled=False), *endpoint(rotateSecret=True), *endpoint(url=NOBODY)],
    "delete_webhook_endpoint": endpoint(),
    "get_webhook_deliveries": endpoint(),
    "redeliver_webhook": [
        Try({"endpoint_id": "endpoint", "delivery_id": "delivery"}, ENDPOINT),
        Try({"endpoint_id": "our_endpoint", "delivery_id": "delivery"}, DELIVERY),
        Try({"endpoint_id": "endpoint", "delivery_id": "our_delivery"}, ENDPOINT),
    ],
    "test_webhook_endpoint": endpoint(),
}
PHONE_TRIES: Mapping[str, list[Try]] = {
    "login_access_token": [],  # no organization's
    "get_services": nothing_named(),
    "get_services_without_slash": nothing_named(),
    "create_session_token": tower_by_phone(SEEN),
    "get_tower_configuration": tower_by_phone(CLOSED),
    "get_tower_commands": tower_by_phone(SEEN),
    "upload_tower_events": tower_by_phone((400, "Invalid event packet")),
    "reset_tower_events": tower_by_phone(CLOSED),
}


def test_every_operation_of_the_contract_is_tried() -> None:
    assert set(TRIES) == set(operations())
    assert set(PHONE_TRIES) == set(operations(SDK))


@pytest.mark.parametrize("name", sorted(TRIES))
def test_what_is_another_s_is_neither_shown_nor_changed(beside: Neighbours, name: str) -> None:
    leave_alone(beside, operations()[name], TRIES[name], beside.acme)


@pytest.mark.parametrize("name", sorted(PHONE_TRIES))
def test_nor_is_it_to_phones(beside: Neighbours, name: str) -> None:
    """Their commands and events are sealed for the tower; which towers are open to whom stands in the catalog."""
    for_tower = bearer(beside.cloud.url, token(beside.cloud.url, beside.cloud.database.acme, "tower_access"))
    leave_alone(beside, operations(SDK)[name], PHONE_TRIES[name], for_tower)


def leave_alone(beside: Neighbours, operation: Operation, tries: list[Try], api: Api) -> None:
    before = all_rows(beside.cloud.database.url, but=NOT_THINGS)
    for one in tries:
        reply, sent = attempt(beside, operation, one, api)
        status, detail = (401, "Could not validate credentials") if is_for_links(operation, one) else one.told
        assert (reply.status, None if detail is None else reply.body) == (status, detail and {"detail": detail}), one
        assert detail is None or detail in operation.details[status], one
        reveals_nothing(beside, reply, sent)
    after = all_rows(beside.cloud.database.url, but=NOT_THINGS)
    assert before <= after, before - after
    assert {table for table, _ in after - before} <= MAY_BE_MADE.get(operation.operation_id, set())


MAY_BE_MADE = {"create_webhook_endpoint": {"webhook_endpoints"}}


def attempt(beside: Neighbours, operation: Operation, one: Try, api: Api) -> tuple[Reply, set[object]]:
    """The answer, and the ids that were sent."""
    ids = {name: beside.ids.get(str(value), value) for name, value in one.ids.items()}
    further = {name: beside.ids.get(str(value), value) for name, value in one.body.items()}
    if one.of_user is not None:
        made = beside.acme.post(f"{PREFIX}/login/authorize", {"userId": one.of_user})
        api = bearer(beside.cloud.url, made.body["access_token"])
    elif one.by_link:
        api = beside.with_link_token()
    reply = api.call(operation.method, operation.at(ids) + one.query, further or operation.body)
    return reply, {*ids.values(), *further.values()}


def is_for_links(operation: Operation, one: Try) -> bool:
    """The access token of a client is no link token."""
    return operation.security == "linkToken" and not one.by_link


def reveals_nothing(beside: Neighbours, reply: Reply, sent: set[object]) -> None:
    told = read_aloud(reply)
    towers = [one for one in (STAFF_ROOM, VAULT) if one not in sent]
    found = [text for text in (*beside.texts, *towers) if text in told and text not in sent]
    assert not found, (found, reply)
    numbers = {number for number in numbers_in(reply.body) if number // 10_000 == 88}
    assert not numbers - sent, reply


def test_lists_hold_what_is_the_caller_s_and_what_is_open_to_it(beside: Neighbours) -> None:
    api, ids = beside.acme, beside.ids

    def listed(path: str) -> list[object]:
        return [one["id"] for one in api.get(PREFIX + path).body]

    assert listed("/locations") == listed("/locations/") == [YARD]
    assert listed(f"/locations/{YARD}/towers") == [FOYER]
    assert listed("/users/me/assigned-lockers") == sorted([ids["our_locker"], ids["our_linked"]])
    assert ids["our_endpoint"] in listed("/webhook-endpoints")
    assert ids["endpoint"] not in listed("/webhook-endpoints")
    assert ids["delivery"] not in listed(f"/webhook-endpoints/{ids['our_endpoint']}/deliveries")


def test_lockers_of_a_private_tower_are_not_counted(beside: Neighbours) -> None:
    counted = beside.acme.get(f"{PREFIX}/locations/{YARD}/availability").body
    assert counted == beside.acme.get(f"{PREFIX}/towers/{FOYER}/locker-availability").body
    assert beside.acme.get(f"{PREFIX}/locations/closest?lat=-12.5&lon=96.8&radius=20").body is None


def test_a_held_locker_shows_the_same_to_a_stranger_whoever_holds_it(beside: Neighbours) -> None:
    shown = [beside.acme.get(f"{PREFIX}/towers/{FOYER}/lockers/{beside.ids[one]}").body for one in ITS_LOCKERS]
    assert {frozenset(one) for one in shown} == {frozenset(shown[0])}
    statuses = [one["status"]["name"] for one in shown]
    assert statuses == ["reserved", "rented", "rented", "occupied", "declined", "rented"]
