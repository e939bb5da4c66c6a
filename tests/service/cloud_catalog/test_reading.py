"""Locations, towers, lockers and locker types over HTTP (service-provider.yaml)."""

from collections import Counter
from itertools import product
from random import Random

import pytest

from openharbor.cloud.examples import CATALOG
from openharbor.cloud.lockers.locker import Status

from .room import ACME, HEAD, LIBRARY, PRIVATE, Room, location, lockers, tower, tower_id

TYPES = lockers("1-3") + lockers("4", "large", 3, "low = true")
ONE = HEAD + location("one", "id = 54") + tower(1) + TYPES
NOT_OPEN = {"detail": "Tower not found"}


async def test_a_location_has_the_fields_of_the_contract(room: Room) -> None:
    hours = '[locations.access_hours]\nmonday = [["08:00:00", "12:00:00"]]'
    await room.load(HEAD + location("one", "id = 54", "lat = 35.5", "lon = -80", 'timezone = "CST6CDT"', hours))
    days = ("tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
    assert await room.body("/locations/54/") == {
        "id": 54,
        "name": "One",
        "lat": 35.5,
        "lon": -80.0,
        "description": None,
        "address1": "1 Example Street",
        "address2": None,
        "city": "Harbortown",
        "state": "NC",
        "zip": "28000",
        "country": "US",
        "notes": None,
        "accessHours": {"monday": [{"start": "08:00:00", "end": "12:00:00"}], **{day: [] for day in days}},
        "timezone": "CST6CDT",
    }


async def test_a_location_without_hours_says_null(room: Room) -> None:
    await room.load(ONE)
    assert (await room.body("/locations/54"))["accessHours"] is None


async def test_locations_come_in_pages_by_id(room: Room) -> None:
    await room.load(HEAD + "".join(location(f"l{number}", f"id = {number}") for number in (5, 3, 9, 1)))
    assert [one["id"] for one in await room.body("/locations/")] == [1, 3, 5, 9]
    assert [one["id"] for one in await room.body("/locations?skip=1&limit=2")] == [3, 5]
    assert await room.body("/locations?skip=2147483647") == []


async def test_a_tower_has_the_fields_of_the_contract(room: Room) -> None:
    await room.load(ONE)
    await room.execute("UPDATE towers SET last_visit_at = 1000, synced_s = 3, firmware_version = '1.4.2'")
    assert await room.body(f"/towers/{tower_id(1)}") == {
        "id": tower_id(1),
        "name": "Tower 1",
        "description": None,
        "locationId": 54,
        "systemId": 1,
        "towerModelId": 1,
        "accessModeId": 1,
        "isForTest": False,
        "lockerCount": 4,
        "firmwareVersion": "1.4.2",
        "lastVisitAt": "1970-01-01T00:00:01.000Z",
        "syncedUntil": "1970-01-01T00:00:03.000Z",
    }


async def test_a_tower_id_is_matched_in_either_case(room: Room) -> None:
    await room.load(HEAD + location("one") + tower(0xAB) + lockers("1"))
    assert [one["towerId"] for one in await room.body("/towers/01000000000000AB/lockers")] == [tower_id(0xAB)]


async def test_a_locker_has_the_fields_of_the_contract(room: Room) -> None:
    await room.load(ONE)
    locker_id = (await room.locker(4))["id"]
    shown = {
        "id": locker_id,
        "name": "4",
        "isLowLocker": True,
        "towerId": tower_id(1),
        "status": {"name": "out_of_service", "id": 6},
        "type": {"name": "large", "description": None, "id": 3},
        "accessMode": "public",
    }
    assert await room.body(f"/towers/{tower_id(1)}/lockers/{locker_id}") == shown
    listed = await room.body(f"/towers/{tower_id(1)}/lockers")
    assert [one["id"] for one in listed] == sorted(one["id"] for one in listed)
    assert listed[3] == shown


@pytest.mark.parametrize("status", Status)
async def test_each_status_has_its_name_and_number(room: Room, status: Status) -> None:
    await room.load(ONE)
    await room.put(1, status)
    assert (await room.body(f"/towers/{tower_id(1)}/lockers"))[0]["status"] == {"name": status.word, "id": status}


async def test_locker_types_come_smallest_first(room: Room) -> None:
    await room.load(ONE)
    assert await room.body("/locker-types/") == [
        {
            "id": 1,
            "name": "small",
            "displayName": "Small",
            "description": "Letters",
            "widthMm": 400,
            "heightMm": 120,
            "depthMm": 500,
        },
        {
            "id": 3,
            "name": "large",
            "displayName": "Large",
            "description": None,
            "widthMm": 400,
            "heightMm": 450,
            "depthMm": 500,
        },
    ]


async def test_availability_counts_every_locker_and_the_available_ones_by_type(room: Room) -> None:
    await room.load(ONE)
    await room.provision()
    await room.put(2, Status.OUT_OF_SERVICE)
    await room.put(4, Status.OCCUPIED)
    expected = {
        "byType": [
            {
                "lockerType": {"id": 1, "name": "small", "displayName": "Small"},
                "lockerAvailability": {"availableLockers": 2, "totalLockers": 3},
            },
            {
                "lockerType": {"id": 3, "name": "large", "displayName": "Large"},
                "lockerAvailability": {"availableLockers": 0, "totalLockers": 1},
            },
        ],
        "lockerAvailability": {"availableLockers": 2, "totalLockers": 4},
    }
    assert await room.body(f"/towers/{tower_id(1)}/locker-availability") == expected
    assert await room.body("/locations/54/availability") == expected


@pytest.mark.parametrize("seed", range(3))
async def test_availability_is_what_the_lists_of_the_open_towers_come_to(room: Room, seed: int) -> None:
    random = Random(seed)
    await room.load(HEAD + location("one", "id = 54") + tower(1) + TYPES + tower(2, PRIVATE) + TYPES)
    for number, place in product(range(1, 5), (1, 2)):
        await room.put(number, random.choice(list(Status)), place)
    for tenant, towers in {ACME: [1], LIBRARY: [1, 2]}.items():
        lists = [await room.body(f"/towers/{tower_id(place)}/lockers", tenant) for place in towers]
        total = Counter(one["type"]["id"] for listed in lists for one in listed)
        free = Counter(one["type"]["id"] for listed in lists for one in listed if one["status"]["id"] == 1)
        counted = await room.body("/locations/54/availability", tenant)
        assert {
            one["lockerType"]["id"]: (
                one["lockerAvailability"]["availableLockers"],
                one["lockerAvailability"]["totalLockers"],
            )
            for one in counted["byType"]
        } == {kind: (free[kind], total[kind]) for kind in total}
        assert counted["lockerAvailability"] == {"availableLockers": free.total(), "totalLockers": total.total()}


async def test_a_place_without_lockers_has_none_available(room: Room) -> None:
    await room.load(HEAD + location("one", "id = 1") + location("two", "id = 2") + tower(1))
    nothing = {"byType": [], "lockerAvailability": {"availableLockers": 0, "totalLockers": 0}}
    assert await room.body("/locations/1/availability") == nothing
    assert await room.body("/locations/2/availability") == nothing
    assert await room.body(f"/towers/{tower_id(1)}/locker-availability") == nothing
    assert await room.body(f"/towers/{tower_id(1)}/lockers") == []
    assert await room.body("/locations/1/towers") == []


async def test_what_is_not_there_is_404(room: Room) -> None:
    await room.load(ONE)
    unknown = tower_id(99)
    for path, detail in {
        "/locations/1": "Location not found",
        "/locations/1/availability": "Location not found",
        "/locations/1/towers": "Location not found",
        f"/towers/{unknown}": "Tower not found",
        f"/towers/{unknown}/lockers": "Tower not found",
        f"/towers/{unknown}/locker-availability": "Tower not found",
        f"/towers/{unknown}/lockers/1": "Tower not found",
        f"/towers/{tower_id(1)}/lockers/9223372036854775807": "Locker not found",
    }.items():
        answered = await room.get(path)
        assert (answered.status_code, answered.json()) == (404, {"detail": detail}), path


async def test_a_parameter_that_does_not_fit_is_422(room: Room) -> None:
    for path, loc in {
        "/locations/0": ["path", "location_id"],
        "/towers/14": ["path", "tower_id"],
        f"/towers/{tower_id(1)}/lockers/x": ["path", "locker_id"],
        "/locations?limit=1001": ["query", "limit"],
        "/locations?skip=-1": ["query", "skip"],
        "/locations/closest?lat=1": ["query", "lon"],
        "/locations/closest?lat=91&lon=1": ["query", "lat"],
        "/locations/closest?lat=1&lon=1&radius=0": ["query", "radius"],
    }.items():
        answered = await room.get(path)
        assert answered.status_code == 422, path
        assert [fault["loc"] for fault in answered.json()["detail"]] == [loc]


async def test_a_caller_without_an_organization_sees_nothing(room: Room) -> None:
    await room.load(ONE)
    assert (await room.get("/locations", tenant=0)).status_code == 403


# Time -------------------------------------------------------------------


async def test_a_reservation_is_over_for_every_reader_at_its_expiry(room: Room) -> None:
    await room.load(ONE)
    await room.provision()
    now = room.clock.now()
    await room.reserve(1, expires_at=now + 1)
    assert await statuses(room) == ["reserved", "available", "available", "available"]
    assert await free(room) == [3, 3]
    await room.reserve(1, expires_at=now)
    assert await statuses(room) == ["available"] * 4
    assert await free(room) == [4, 4]


@pytest.mark.parametrize(("drawn", "status", "count"), [(False, "available", 4), (True, "rented", 3)])
async def test_a_hold_that_ended_frees_a_clear_locker_only(room: Room, drawn: bool, status: str, count: int) -> None:
    await room.load(ONE)
    await room.provision()
    await room.hold(1, room.clock.now(), drawn=drawn)
    assert (await statuses(room))[0] == status
    assert await free(room) == [count, count]


async def test_a_hold_that_runs_keeps_its_locker(room: Room) -> None:
    await room.load(ONE)
    await room.provision()
    await room.hold(1, room.clock.now() + 1, drawn=False)
    assert (await statuses(room))[0] == "rented"
    assert await free(room) == [3, 3]


async def statuses(room: Room) -> list[str]:
    """Of tower 1, in the list and one by one."""
    listed = await room.body(f"/towers/{tower_id(1)}/lockers")
    single = [await room.body(f"/towers/{tower_id(1)}/lockers/{one['id']}") for one in listed]
    assert listed == single
    return [one["status"]["name"] for one in listed]


async def free(room: Room) -> list[int]:
    """Of location 54 and of tower 1."""
    paths = "/locations/54/availability", f"/towers/{tower_id(1)}/locker-availability"
    return [(await room.body(path))["lockerAvailability"]["availableLockers"] for path in paths]


# Nearness ---------------------------------------------------------------


async def test_the_closest_location_is_found_across_the_date_line_and_near_a_pole(room: Room) -> None:
    places = {1: (0, 179.9), 2: (0, -179.5), 3: (89.9, 0), 4: (35.3, -80.7)}
    await room.load(
        HEAD
        + "".join(
            location(f"l{id_}", f"id = {id_}", f"lat = {lat}", f"lon = {lon}") for id_, (lat, lon) in places.items()
        )
        + location("nowhere", "id = 9")
    )
    for where, found in {
        "lat=0&lon=-179.9": 1,
        "lat=0&lon=-179.6": 2,
        "lat=89.9&lon=180": 3,
        "lat=35&lon=-80": 4,
        "lat=-60&lon=10&radius=180": 1,
    }.items():
        assert (await room.body(f"/locations/closest?{where}"))["id"] == found, where


async def test_no_location_near_enough_is_null(room: Room) -> None:
    await room.load(HEAD + location("one", "id = 1", "lat = 0", "lon = 1"))
    assert await room.body("/locations/closest?lat=0&lon=0") is None
    assert (await room.body("/locations/closest?lat=0&lon=0&radius=1.01"))["id"] == 1


# Access -----------------------------------------------------------------


async def test_a_private_tower_is_there_for_its_organizations_only(room: Room) -> None:
    await room.load(CATALOG.read_text(encoding="utf-8"))
    private = "0100000000000175"
    locker_id = (await room.body(f"/towers/{private}/lockers", LIBRARY))[0]["id"]
    for path in ("", "/lockers", "/locker-availability", f"/lockers/{locker_id}"):
        assert (await room.get(f"/towers/{private}{path}", LIBRARY)).status_code == 200
        answered = await room.get(f"/towers/{private}{path}", ACME)
        assert (answered.status_code, answered.json()) == (404, NOT_OPEN)
    assert (await room.body(f"/towers/{private}", LIBRARY))["accessModeId"] == 2
    assert (await room.body(f"/towers/{private}/lockers", LIBRARY))[0]["accessMode"] == "private"


async def test_a_location_shows_and_counts_the_towers_that_are_open_to_the_caller(room: Room) -> None:
    await room.load(CATALOG.read_text(encoding="utf-8"))
    assert [one["id"] for one in await room.body("/locations/54/towers", ACME)] == ["0100000000000014"]
    assert len(await room.body("/locations/54/towers", LIBRARY)) == 2
    assert (await room.body("/locations/54/availability", ACME))["lockerAvailability"]["totalLockers"] == 16
    assert (await room.body("/locations/54/availability", LIBRARY))["lockerAvailability"]["totalLockers"] == 20


async def test_a_locker_is_found_in_its_own_tower_only(room: Room) -> None:
    await room.load(ONE + tower(2) + lockers("1"))
    other = (await room.locker(1, 2))["id"]
    answered = await room.get(f"/towers/{tower_id(1)}/lockers/{other}")
    assert (answered.status_code, answered.json()) == (404, {"detail": "Locker not found"})


async def test_a_location_with_private_towers_of_others_alone_is_not_open(room: Room) -> None:
    near = ("lat = 1", "lon = 1")
    await room.load(HEAD + location("one", "id = 1", *near) + tower(1, PRIVATE) + location("two", "id = 2"))
    for path in ("/locations/1", "/locations/1/availability", "/locations/1/towers"):
        assert (await room.get(path, LIBRARY)).status_code == 200
        answered = await room.get(path, ACME)
        assert (answered.status_code, answered.json()) == (404, {"detail": "Location not found"})
    assert [one["id"] for one in await room.body("/locations", ACME)] == [2]
    assert [one["id"] for one in await room.body("/locations", LIBRARY)] == [1, 2]
    assert await room.body("/locations/closest?lat=1&lon=1", ACME) is None
    assert (await room.body("/locations/closest?lat=1&lon=1", LIBRARY))["id"] == 1
