"""Making, showing and cancelling Locker Open links over HTTP (service-provider.yaml; locker-states.md A3, A9, A11)."""

import asyncio
import os
from functools import partial
from typing import Any

import pytest

from harness.cloud_rig import (
    ACME,
    CLOSED_LOCATION,
    EMPTY_LOCATION,
    FIRST_LOCKER,
    LARGE,
    LINK_SECRET,
    LOCATION,
    MEDIUM,
    SMALL,
    TOWER,
    Reply,
    Rig,
    add_locker,
    path,
)
from openharbor.cloud.links import link_tokens

ROOT = "/locker-open-requests"
DROPOFF, PICKUP = f"{ROOT}/dropoff-locker-request", f"{ROOT}/pickup-locker-request"
WANTED = {"locationId": LOCATION, "lockerTypeId": SMALL}


async def dropoff(cloud: Rig, *, by: str = "acme", **fields: Any) -> Reply:
    return await cloud.post(DROPOFF, {**WANTED, **fields}, by=by)


def ends_in_zeros(count: int) -> bytes:
    """What is left for the keypad code is always the same."""
    return os.urandom(min(count, 16)) + bytes(max(count - 16, 0))


async def occupied(cloud: Rig, locker_id: int = FIRST_LOCKER) -> None:
    await cloud.post(f"{path(locker_id)}/dropoff-locker-tokens", {})
    await cloud.drop_off(locker_id)


async def test_a_dropoff_link_holds_a_free_locker_for_300_s(cloud: Rig) -> None:
    made = await dropoff(cloud, returnUrl="https://shop.example.com/x", clientInfo="order-1", payload={"n": 1})
    assert made.status == 200
    link_id = made.body["id"]
    assert made.body == {
        "id": link_id,
        "lockerId": FIRST_LOCKER,
        "towerId": TOWER,
        "linkToken": f"https://lockers.example.com/open/{link_tokens.make(LINK_SECRET, link_id)}",
        "expires": "2026-02-25T06:18:20.000Z",
        "status": "pending",
    }
    assigned = (await cloud.get("/users/me/assigned-lockers")).body[0]
    assert assigned["status"] == {"name": "rented", "id": 3}
    assert assigned["assignment"]["reservationExpires"] == made.body["expires"]
    assert assigned["assignment"]["clientInfo"] == "order-1"
    assert await cloud.events() == [(ACME, "LOCKER_ASSIGNED", "LOCKER_OPEN_LINK_CREATED", "rented")]
    assert await cloud.audited() == [("client:acme", "create_dropoff_locker_request", "A3")]


async def test_its_details_are_shown_to_its_provider_alone(cloud: Rig) -> None:
    made = (await dropoff(cloud, payload={"order": 1.5}, clientInfo="\0", keypadIntent="pickup")).body
    shown = await cloud.get(f"{ROOT}/{made['id']}")
    assert shown.body == {
        **made,
        "kind": "dropoff",
        "createdAt": "2026-02-25T06:13:20.000Z",
        "returnUrl": "",
        "clientInfo": "\0",
        "payload": {"order": 1.5},
        "keypadIntent": "pickup",
        "persistKeypadCode": False,
        "keypadCode": None,  # not in force yet
    }
    for answered in (
        await cloud.get(f"{ROOT}/{made['id']}", by="rival"),
        await cloud.delete(f"{ROOT}/{made['id']}", by="rival"),
        await cloud.get(f"{ROOT}/999999"),
        await cloud.delete(f"{ROOT}/999999"),
    ):
        assert (answered.status, answered.body) == (404, {"detail": "Locker open request not found"})
    assert (await cloud.get(f"{ROOT}/{made['id']}")).body["status"] == "pending"


async def test_a_code_that_came_into_force_is_shown(cloud: Rig) -> None:
    made = (await dropoff(cloud, keypadIntent="pickup")).body
    await cloud.database.write(lambda tx: tx.execute("UPDATE links SET code_in_force = 1"))
    code = (await cloud.get(f"{ROOT}/{made['id']}")).body["keypadCode"]
    assert len(code) == 6
    assert code.isdigit()


async def test_exactly_the_type_is_taken_and_all_taken_is_409(cloud: Rig) -> None:
    await cloud.database.write(partial(add_locker, locker_id=950, tower_id=TOWER, number=50, type_id=LARGE))
    taken = [(await dropoff(cloud)).body["lockerId"] for _ in range(4)]
    assert taken == [FIRST_LOCKER, FIRST_LOCKER + 1, FIRST_LOCKER + 2, FIRST_LOCKER + 3]
    refused = await dropoff(cloud)
    assert (refused.status, refused.body) == (409, {"detail": "No locker available"})
    assert (await dropoff(cloud, lockerTypeId=LARGE)).body["lockerId"] == 950
    assert (await dropoff(cloud, lockerTypeId=MEDIUM)).status == 409


async def test_low_lockers_are_left_for_who_needs_them(cloud: Rig) -> None:
    await cloud.database.write(partial(add_locker, locker_id=100, tower_id=TOWER, number=50, type_id=SMALL, low=True))
    assert (await dropoff(cloud)).body["lockerId"] == FIRST_LOCKER
    assert (await dropoff(cloud, requireLowLocker=True)).body["lockerId"] == 100
    assert (await dropoff(cloud, requireLowLocker=True)).status == 409
    assert [(await dropoff(cloud)).status for _ in range(4)] == [200, 200, 200, 409]


async def test_a_locker_whose_reservation_or_hold_is_over_is_free(cloud: Rig) -> None:
    for place in range(4):
        await cloud.post(f"{path(FIRST_LOCKER + place)}/reservations", {"duration": 60}, by="rival")
    assert (await dropoff(cloud)).status == 409
    await cloud.clock.advance(60)
    assert [(await dropoff(cloud)).status for _ in range(5)] == [200] * 4 + [409]
    await cloud.clock.advance(300)
    assert (await dropoff(cloud)).status == 200


@pytest.mark.parametrize(
    ("fields", "detail"),
    [
        ({"locationId": 999}, "Location not found"),
        ({"locationId": CLOSED_LOCATION}, "Location not found"),
        ({"lockerTypeId": 9}, "Locker type not found"),
        ({"lockerTypeId": 2**63 - 1}, "Locker type not found"),
    ],
)
async def test_an_unknown_or_closed_location_and_an_unknown_type_are_404(
    cloud: Rig, fields: dict[str, Any], detail: str
) -> None:
    refused = await dropoff(cloud, **fields)
    assert (refused.status, refused.body) == (404, {"detail": detail})
    assert (await cloud.audited())[-1][2] == detail


async def test_a_location_without_towers_has_no_locker(cloud: Rig) -> None:
    assert (await dropoff(cloud, locationId=EMPTY_LOCATION)).body == {"detail": "No locker available"}
    assert (await dropoff(cloud, locationId=CLOSED_LOCATION, by="rival")).body["lockerId"] == 800


@pytest.mark.parametrize(
    ("fields", "loc"),
    [
        ({"lockerTypeId": 0}, ["body", "lockerTypeId"]),
        ({"returnUrl": "ftp://x"}, ["body", "returnUrl"]),
        ({"clientInfo": "x" * 501}, ["body", "clientInfo"]),
        ({"payload": []}, ["body", "payload"]),
        ({"payload": {"p": "x" * 4096}}, ["body", "payload"]),
        ({"keypadIntent": "dropoff"}, ["body", "keypadIntent"]),
        ({"requireLowLocker": 1}, ["body", "requireLowLocker"]),
    ],
)
async def test_what_does_not_fit_is_told_by_field(cloud: Rig, fields: dict[str, Any], loc: list[str]) -> None:
    refused = await dropoff(cloud, **fields)
    assert (refused.status, refused.body["detail"][0]["loc"]) == (422, loc)


async def test_many_links_at_once_get_a_locker_each(cloud: Rig) -> None:
    answered = await asyncio.gather(*(dropoff(cloud, by=by) for by in ("acme", "rival") * 6))
    taken = [one.body["lockerId"] for one in answered if one.status == 200]
    assert sorted(taken) == [FIRST_LOCKER, FIRST_LOCKER + 1, FIRST_LOCKER + 2, FIRST_LOCKER + 3]
    assert {str(one.body) for one in answered if one.status != 200} == {"{'detail': 'No locker available'}"}


async def test_no_two_lockers_of_a_tower_ever_get_the_same_keypad_code(cloud: Rig) -> None:
    same = cloud.clone(random=ends_in_zeros)
    answered = await asyncio.gather(*(dropoff(same, keypadIntent="pickup") for _ in range(4)))
    assert [one.status for one in answered] == [200] * 4
    rows = await cloud.rows("SELECT keypad_code FROM links")
    assert sorted(row["keypad_code"] for row in rows) == ["000000", "000001", "000002", "000003"]


async def test_a_code_of_a_token_that_may_still_be_used_is_taken(cloud: Rig) -> None:
    same = cloud.clone(random=ends_in_zeros)
    first = (await dropoff(same, keypadIntent="pickup")).body
    await same.post(f"{ROOT}/{first['id']}/tokens", by=first["linkToken"].rpartition("/")[2])
    await cloud.clock.advance(301)  # the hold is over, but who knows whether the token was used
    await dropoff(same, keypadIntent="pickup")
    rows = await cloud.rows("SELECT keypad_code FROM links ORDER BY id")
    assert [row["keypad_code"] for row in rows] == ["000000", "000001"]


# Pick-up links ----------------------------------------------------------------


async def test_a_pickup_link_lives_30_days_and_changes_no_status(cloud: Rig) -> None:
    await occupied(cloud)
    made = await cloud.post(PICKUP, {"lockerId": FIRST_LOCKER, "clientInfo": "customer"})
    assert made.status == 200
    assert (made.body["lockerId"], made.body["towerId"], made.body["status"]) == (FIRST_LOCKER, TOWER, "pending")
    assert made.body["expires"] == "2026-03-27T06:13:20.000Z"
    assigned = (await cloud.get("/users/me/assigned-lockers")).body[0]
    assert (assigned["status"]["name"], assigned["assignment"]["clientInfo"]) == ("occupied", "customer")
    assert (await cloud.events())[-1][2] == "LOCKER_TOKEN_CREATED"
    assert (await cloud.audited())[-1] == ("client:acme", "create_pickup_locker_request", "A11")


async def test_a_pickup_link_with_a_code_has_its_tower_set_it(cloud: Rig) -> None:
    await occupied(cloud)
    made = await cloud.post(PICKUP, {"lockerId": FIRST_LOCKER, "keypadIntent": "pickup"})
    assert made.status == 200
    (command,) = await cloud.rows("SELECT packet_type, fields FROM tower_commands WHERE tower_id = :id", id=TOWER)
    (link,) = await cloud.rows("SELECT keypad_code, code_in_force FROM links")
    assert command["packet_type"] == 82
    assert link["keypad_code"] in command["fields"]
    assert link["code_in_force"] == 0
    assert (await cloud.get(f"{ROOT}/{made.body['id']}")).body["keypadCode"] is None
    locker = await cloud.locker(FIRST_LOCKER)
    assert [one.form for one in locker.queued] == ["code"]


async def test_a_pickup_link_needs_an_occupied_locker_of_the_caller(cloud: Rig) -> None:
    for locker_id, status, detail in (
        (999_999, 404, "Locker not found"),
        (800, 404, "Locker not found"),
        (FIRST_LOCKER, 409, "Locker is not assigned"),
    ):
        refused = await cloud.post(PICKUP, {"lockerId": locker_id})
        assert (refused.status, refused.body) == (status, {"detail": detail})
    await cloud.post(f"{path()}/reservations", {"duration": 60})
    assert (await cloud.post(PICKUP, {"lockerId": FIRST_LOCKER})).body == {"detail": "Locker is not occupied"}
    await cloud.clock.advance(60)
    assert (await cloud.post(PICKUP, {"lockerId": FIRST_LOCKER})).body == {"detail": "Locker is not assigned"}
    await occupied(cloud)
    refused = await cloud.post(PICKUP, {"lockerId": FIRST_LOCKER}, by="rival")
    assert (refused.status, refused.body) == (409, {"detail": "Locker is not assigned"})


# Cancelling -------------------------------------------------------------------


async def test_cancelling_a_dropoff_link_ends_the_assignment_as_a_release_does(cloud: Rig) -> None:
    made = (await dropoff(cloud)).body
    for _ in range(2):  # twice is not an error
        cancelled = await cloud.delete(f"{ROOT}/{made['id']}")
        assert (cancelled.status, cancelled.body) == (204, None)
    assert (await cloud.get(f"{ROOT}/{made['id']}")).body["status"] == "cancelled"
    assert (await cloud.get("/users/me/assigned-lockers")).body == []
    assert (await cloud.events())[-1] == (ACME, "LOCKER_RELEASED", "RESERVATION_CANCELLED", "available")
    assert [outcome for _, _, outcome in await cloud.audited()] == ["A3", "A9", "Locker open request is cancelled"]


async def test_a_link_that_is_over_cannot_be_cancelled(cloud: Rig) -> None:
    made = (await dropoff(cloud)).body
    await cloud.clock.advance(300)
    refused = await cloud.delete(f"{ROOT}/{made['id']}")
    assert (refused.status, refused.body) == (409, {"detail": "Locker open request is expired"})
    assert (await cloud.get(f"{ROOT}/{made['id']}")).body["status"] == "expired"
    await cloud.database.write(lambda tx: tx.execute("UPDATE links SET status = 'completed'"))
    refused = await cloud.delete(f"{ROOT}/{made['id']}")
    assert (refused.status, refused.body) == (409, {"detail": "Locker open request is completed"})


async def test_releasing_a_locker_cancels_its_links(cloud: Rig) -> None:
    held = (await dropoff(cloud)).body
    await cloud.post(f"{path()}/release-locker", {})
    await occupied(cloud, FIRST_LOCKER + 1)
    pickup = (await cloud.post(PICKUP, {"lockerId": FIRST_LOCKER + 1})).body
    await cloud.post(f"{path(FIRST_LOCKER + 1)}/release-locker", {})
    for link in (held, pickup):
        assert (await cloud.get(f"{ROOT}/{link['id']}")).body["status"] == "cancelled"


async def test_cancelling_a_pickup_link_leaves_the_locker_occupied(cloud: Rig) -> None:
    await occupied(cloud)
    made = (await cloud.post(PICKUP, {"lockerId": FIRST_LOCKER})).body
    assert (await cloud.delete(f"{ROOT}/{made['id']}")).status == 204
    assert (await cloud.get(f"{ROOT}/{made['id']}")).body["status"] == "cancelled"
    assert (await cloud.locker(FIRST_LOCKER)).status.word == "occupied"
