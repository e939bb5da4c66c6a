"""Reservations over HTTP (service-provider.yaml; locker-states.md A1, A5, B1)."""

import pytest

from harness.cloud_rig import ACME, CLOSED_TOWER, FIRST_LOCKER, RIVAL, TOWER, Rig, path

RESERVATIONS = f"{path()}/reservations"


async def test_a_reservation_is_answered_field_for_field(cloud: Rig) -> None:
    made = await cloud.post(RESERVATIONS, {"duration": 300})
    assert made.status == 200
    assert made.body == {
        "id": made.body["id"],
        "lockerId": FIRST_LOCKER,
        "towerId": TOWER,
        "duration": 300,
        "expires": "2026-02-25T06:18:20.000Z",
        "createdAt": "2026-02-25T06:13:20.000Z",
        "locker": {
            "id": FIRST_LOCKER,
            "name": "1",
            "isLowLocker": False,
            "towerId": TOWER,
            "status": {"name": "reserved", "id": 2},
            "type": {"name": "small", "description": None, "id": 1},
            "accessMode": "public",
        },
    }
    assert (await cloud.get(RESERVATIONS)).body == [made.body]
    assert (await cloud.get(RESERVATIONS, by="rival")).body == []
    assert await cloud.events() == [(ACME, "LOCKER_ASSIGNED", "LOCKER_RESERVED", "reserved")]
    assert cloud.woken


async def test_a_reserved_locker_is_not_available_to_anybody(cloud: Rig) -> None:
    await cloud.post(RESERVATIONS, {"duration": 300})
    for who in ("acme", "rival"):
        refused = await cloud.post(RESERVATIONS, {"duration": 300}, by=who)
        assert (refused.status, refused.body) == (409, {"detail": "Locker is not available"})
    assert [outcome for _, _, outcome in await cloud.audited()] == [
        "A1",
        "Locker is not available",
        "Locker is not available",
    ]


@pytest.mark.parametrize(
    ("duration", "message", "kind"),
    [
        (0, "Input should be greater than or equal to 1", "greater_than_equal"),
        (86_401, "Input should be less than or equal to 86400", "less_than_equal"),
        ("300", "Input should be a valid integer", "int_type"),
    ],
)
async def test_a_duration_is_one_second_to_a_day(cloud: Rig, duration: object, message: str, kind: str) -> None:
    refused = await cloud.post(RESERVATIONS, {"duration": duration})
    assert refused.status == 422
    assert refused.body == {"detail": [{"loc": ["body", "duration"], "msg": message, "type": kind}]}


async def test_a_reservation_ends_at_its_expiry_for_every_reader_though_no_worker_ran(cloud: Rig) -> None:
    await cloud.post(RESERVATIONS, {"duration": 300})
    await cloud.clock.advance(299)
    assert (await cloud.post(RESERVATIONS, {"duration": 1}, by="rival")).status == 409
    await cloud.clock.advance(1)
    assert (await cloud.get(RESERVATIONS)).body == []
    assert (await cloud.get("/users/me/assigned-lockers")).body == []


async def test_who_comes_after_an_expiry_gets_the_locker_and_the_former_holder_is_told_first(cloud: Rig) -> None:
    first = (await cloud.post(RESERVATIONS, {"duration": 300})).body
    await cloud.clock.advance(301)
    assert (await cloud.post(RESERVATIONS, {"duration": 60}, by="rival")).status == 200
    assert await cloud.events() == [
        (ACME, "LOCKER_ASSIGNED", "LOCKER_RESERVED", "reserved"),
        (ACME, "LOCKER_RELEASED", "RESERVATION_EXPIRED", "available"),
        (RIVAL, "LOCKER_ASSIGNED", "LOCKER_RESERVED", "reserved"),
    ]
    rows = await cloud.rows("SELECT id, end_reason FROM reservations ORDER BY id")
    assert [(row["id"] == first["id"], row["end_reason"]) for row in rows] == [(True, "expired"), (False, None)]
    under_way = await cloud.rows("SELECT organization_id FROM assignments WHERE ended_at IS NULL")
    assert [row["organization_id"] for row in under_way] == [RIVAL]


async def test_cancelling_makes_the_locker_available(cloud: Rig) -> None:
    made = (await cloud.post(RESERVATIONS, {"duration": 300})).body
    cancelled = await cloud.delete(f"{RESERVATIONS}/{made['id']}")
    assert (cancelled.status, cancelled.body) == (204, None)
    again = await cloud.delete(f"{RESERVATIONS}/{made['id']}")
    assert (again.status, again.body) == (404, {"detail": "Reservation not found"})
    assert (await cloud.events())[-1] == (ACME, "LOCKER_RELEASED", "RESERVATION_CANCELLED", "available")
    assert (await cloud.post(RESERVATIONS, {"duration": 300}, by="rival")).status == 200


async def test_somebody_elses_reservation_and_an_expired_one_are_not_found(cloud: Rig) -> None:
    made = (await cloud.post(RESERVATIONS, {"duration": 300})).body
    for who in ("rival", "acme"):
        refused = await cloud.delete(f"{RESERVATIONS}/{made['id']}", by=who)
        if who == "acme":
            assert refused.status == 204
        else:
            assert (refused.status, refused.body) == (404, {"detail": "Reservation not found"})
    second = (await cloud.post(RESERVATIONS, {"duration": 1})).body
    await cloud.clock.advance(2)
    assert (await cloud.delete(f"{RESERVATIONS}/{second['id']}")).status == 404


async def test_a_reservation_that_a_token_used_up_cannot_be_cancelled(cloud: Rig) -> None:
    made = (await cloud.post(RESERVATIONS, {"duration": 300})).body
    assert (await cloud.post(f"{path()}/dropoff-locker-tokens", {})).status == 200
    refused = await cloud.delete(f"{RESERVATIONS}/{made['id']}")
    assert (refused.status, refused.body) == (409, {"detail": "Reservation is already used"})
    rows = await cloud.rows("SELECT end_reason FROM reservations")
    assert [row["end_reason"] for row in rows] == ["used"]


@pytest.mark.parametrize(
    ("where", "detail"),
    [
        (path(tower_id="0100000000000099"), "Tower not found"),
        (path(800, CLOSED_TOWER), "Tower not found"),
        (path(999_999), "Locker not found"),
        (path(800), "Locker not found"),
        (path(2**63 - 1), "Locker not found"),
    ],
)
async def test_what_is_not_there_and_what_is_closed_are_not_found(cloud: Rig, where: str, detail: str) -> None:
    for answered in (
        await cloud.post(f"{where}/reservations", {"duration": 300}),
        await cloud.get(f"{where}/reservations"),
        await cloud.delete(f"{where}/reservations/1"),
        await cloud.post(f"{where}/release-locker"),
        await cloud.post(f"{where}/dropoff-locker-tokens", {}),
        await cloud.post(f"{where}/pickup-locker-tokens", {}),
    ):
        assert (answered.status, answered.body) == (404, {"detail": detail})


async def test_a_closed_tower_is_open_to_its_organizations(cloud: Rig) -> None:
    made = await cloud.post(f"{path(800, CLOSED_TOWER)}/reservations", {"duration": 300}, by="rival")
    assert (made.status, made.body["locker"]["accessMode"]) == (200, "private")


async def test_tower_ids_in_paths_are_matched_without_regard_to_case(cloud: Rig) -> None:
    made = await cloud.post(f"{path(tower_id=TOWER.upper())}/reservations/", {"duration": 300})
    assert (made.status, made.body["towerId"]) == (200, TOWER)


async def test_ids_in_paths_that_cannot_be_are_told_by_name(cloud: Rig) -> None:
    refused = await cloud.post(f"{path(tower_id='14')}/reservations", {"duration": 300})
    assert refused.status == 422
    assert refused.body["detail"][0]["loc"] == ["path", "tower_id"]
    refused = await cloud.post(f"/towers/{TOWER}/lockers/0/reservations", {"duration": 300})
    assert refused.body["detail"][0]["loc"] == ["path", "locker_id"]
