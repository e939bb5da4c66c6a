"""Releasing lockers, and listing those that are assigned (service-provider.yaml; locker-states.md A6, A8, A12, A14)."""

from msgspec.structs import replace

from harness.cloud_rig import ACME, CLOSED_TOWER, FIRST_LOCKER, TOWER, Rig, path

RELEASE = f"{path()}/release-locker"
ASSIGNED = "/users/me/assigned-lockers"


async def test_a_reserved_locker_becomes_available(cloud: Rig) -> None:
    await cloud.post(f"{path()}/reservations", {"duration": 300})
    released = await cloud.post(RELEASE)  # the body may be left out
    assert (released.status, released.body["status"]) == (200, {"name": "available", "id": 1})
    assert (await cloud.get(ASSIGNED)).body == []
    assert (await cloud.events())[-1] == (ACME, "LOCKER_RELEASED", "LOCKER_RELEASED", "available")


async def test_a_rented_locker_with_a_live_token_becomes_declined_and_the_token_is_taken_back(cloud: Rig) -> None:
    await cloud.post(f"{path()}/dropoff-locker-tokens", {})
    released = await cloud.post(RELEASE, {})
    assert (released.status, released.body["status"]) == (200, {"name": "declined", "id": 5})
    commands = await cloud.rows("SELECT command_id, locker_number FROM tower_commands WHERE tower_id = :id", id=TOWER)
    assert [(row["command_id"], row["locker_number"]) for row in commands] == [(1, 1)]
    assert [one["status"]["name"] for one in (await cloud.get(ASSIGNED)).body] == ["declined"]


async def test_an_occupied_locker_becomes_declined_and_both_commands_wait_for_its_tower(cloud: Rig) -> None:
    await cloud.post(f"{path()}/dropoff-locker-tokens", {})
    await cloud.drop_off(FIRST_LOCKER)
    assert (await cloud.post(RELEASE, {})).body["status"]["name"] == "declined"
    commands = await cloud.rows("SELECT command_id FROM tower_commands WHERE tower_id = :id", id=TOWER)
    assert len(commands) == 2
    towers = await cloud.rows("SELECT next_command FROM towers WHERE id = :id", id=TOWER)
    assert towers[0]["next_command"] == 3


async def test_releasing_a_declined_locker_again_changes_nothing(cloud: Rig) -> None:
    await cloud.post(f"{path()}/dropoff-locker-tokens", {})
    first = await cloud.post(RELEASE, {})
    events = await cloud.events()
    again = await cloud.post(RELEASE, {})
    assert (again.status, again.body) == (200, first.body)
    assert await cloud.events() == events
    assert [outcome for _, _, outcome in await cloud.audited()] == ["A2", "A8", "A14"]


async def test_who_does_not_hold_a_locker_cannot_release_it(cloud: Rig) -> None:
    refused = await cloud.post(RELEASE, {})
    assert (refused.status, refused.body) == (409, {"detail": "Locker is not assigned"})
    await cloud.post(f"{path()}/reservations", {"duration": 300}, by="rival")
    refused = await cloud.post(RELEASE, {})
    assert (refused.status, refused.body) == (409, {"detail": "Locker is not assigned"})
    assert (await cloud.locker(FIRST_LOCKER)).reservation is not None


async def test_who_holds_a_locker_may_give_it_back_after_its_tower_was_closed_to_it(cloud: Rig) -> None:
    await cloud.post(f"{path()}/dropoff-locker-tokens", {})
    await cloud.database.write(lambda tx: tx.execute("UPDATE towers SET access = 'private' WHERE id = :id", id=TOWER))
    other = await cloud.post(f"{path(FIRST_LOCKER + 1)}/dropoff-locker-tokens", {})
    assert other.status == 404
    assert (await cloud.post(RELEASE, {})).body["status"]["name"] == "declined"


async def test_assigned_lockers_are_listed_by_id_with_their_assignment(cloud: Rig) -> None:
    await cloud.post(f"{path(FIRST_LOCKER + 1)}/reservations", {"duration": 300})
    await cloud.clock.advance(10)
    await cloud.post(f"{path()}/dropoff-locker-tokens", {"client_info": "order-1042", "duration": 3600})
    await cloud.post(f"{path()}/dropoff-locker-tokens", {"client_info": "order-1042", "duration": 60})
    await cloud.post(f"{path(800, CLOSED_TOWER)}/reservations", {"duration": 300}, by="rival")
    assigned = (await cloud.get(ASSIGNED)).body
    assert [one["id"] for one in assigned] == [FIRST_LOCKER, FIRST_LOCKER + 1]
    assert [one["assignment"] for one in assigned] == [
        {
            "since": "2026-02-25T06:13:30.000Z",
            "reservationExpires": None,
            "tokenExpires": "2026-02-25T07:13:30.000Z",
            "clientInfo": "order-1042",
        },
        {
            "since": "2026-02-25T06:13:20.000Z",
            "reservationExpires": "2026-02-25T06:18:20.000Z",
            "tokenExpires": None,
            "clientInfo": "",
        },
    ]
    assert set(assigned[0]) == {
        "id",
        "name",
        "isLowLocker",
        "towerId",
        "status",
        "type",
        "accessMode",
        "assignment",
    }


async def test_no_token_stays_unsettled_when_a_locker_comes_free_that_no_longer_remembers_it(cloud: Rig) -> None:
    await cloud.post(f"{path()}/dropoff-locker-tokens", {})
    await cloud.put(await cloud.locker(FIRST_LOCKER), lambda locker: replace(locker, tokens=()))
    assert (await cloud.post(RELEASE)).body["status"]["name"] == "available"
    assert [row["settled"] for row in await cloud.rows("SELECT settled FROM open_tokens")] == ["expired"]
