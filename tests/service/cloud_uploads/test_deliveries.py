"""A delivery as the cloud learns of it from a real tower (locker-states.md 4 C, D; 6.1, 6.3 to 6.5)."""

from harness.cloud_rig import FIRST_LOCKER, TOWER, path
from openharbor.blink.packets import Packet

from .site import PHONE, Site

CREATED = "LOCKER_TOKEN_CREATED"
USED = "LOCKER_TOKEN_USED"


async def test_a_dropoff_makes_the_locker_occupied_and_a_pickup_ends_the_assignment(site: Site) -> None:
    site.use(await site.token())
    assert await site.status() == "rented"
    assert (await site.up()).told
    assert await site.status() == "occupied"
    site.use(await site.token("pickup"))
    await site.up()
    assert await site.status() == "available"
    assert await site.told() == [
        (CREATED, "rented"),
        (USED, "occupied"),
        (CREATED, "occupied"),
        (USED, "available"),
        ("PICKED_UP", "available"),
    ]


async def test_every_upload_that_moves_the_frontier_ends_with_tower_synced(site: Site) -> None:
    site.use(await site.token())
    await site.up()
    rows = await site.cloud.rows(
        "SELECT d.event, d.source, d.body FROM webhook_deliveries d WHERE d.endpoint_id = 12 ORDER BY d.id"
    )
    assert [row["event"] for row in rows].count("TOWER_SYNCED") == 1
    assert '"event_start":1,' in next(row["body"] for row in rows if row["event"] == "TOWER_SYNCED").replace(" ", "")


async def test_an_upload_of_what_is_known_changes_nothing_and_tells_nobody(site: Site) -> None:
    site.use(await site.token())
    packets = site.pull_all()
    await site.upload(packets)
    before = await site.cloud.events()
    again = await site.upload(packets)
    assert (again.stored, again.applied, again.told, again.alarms) == (0, 0, False, ())  # type: ignore[union-attr]
    assert await site.cloud.events() == before


async def test_a_use_that_was_offline_is_known_hours_later(site: Site) -> None:
    token = await site.token(duration=3600)
    site.use(token)
    await site.pass_time(4 * 3600)
    assert (await site.cloud.post(f"{path()}/pickup-locker-tokens", {})).body == {"detail": "Locker is not occupied"}
    await site.up()
    assert await site.status() == "occupied"


async def test_a_token_that_nobody_used_is_over_once_the_tower_says_it_is_late(site: Site) -> None:
    await site.token(duration=60)
    await site.up()
    await site.pass_time(61)
    assert await site.status() == "rented"
    await site.sync()
    assert await site.status() == "available"
    assert (await site.told())[-1] == ("TOKEN_EXPIRED", "available")


async def test_an_empty_batch_at_the_frontier_is_an_event_of_its_sealed_time(site: Site) -> None:
    await site.token(duration=60)
    await site.up()
    await site.pass_time(61)
    received = await site.up()
    assert (received.stored, received.applied, received.told) == (0, 0, True)
    assert await site.status() == "available"


async def test_an_empty_batch_beyond_a_gap_settles_nothing(site: Site) -> None:
    await site.token(duration=60)
    await site.up()
    await site.pass_time(61)
    site.desk.say(PHONE, Packet.ADD_CLIENT_EVENT, {62: b"note"})
    await site.upload([site.pull(site.desk.tower.log.last + 1)])
    assert await site.status() == "rented"


async def test_a_locker_released_too_late_comes_back_with_the_parcel(site: Site) -> None:
    token = await site.token()
    await site.up()
    assert (await site.cloud.post(f"{path()}/release-locker")).status == 200
    assert await site.status() == "declined"
    site.use(token)
    await site.sync()
    assert await site.status() == "occupied"
    results = await site.cloud.rows("SELECT result FROM tower_commands WHERE packet_type = 81")
    assert [row["result"] for row in results] == [502]


async def test_a_release_that_the_tower_carried_out_makes_the_locker_available(site: Site) -> None:
    await site.token()
    await site.cloud.post(f"{path()}/release-locker")
    await site.sync()
    assert await site.status() == "available"
    assert (await site.told())[-1] == ("LOCKER_RELEASED", "available")
    rows = await site.cloud.rows("SELECT settled FROM open_tokens")
    assert [row["settled"] for row in rows] == ["revoked"]


async def test_what_completes_nothing_is_audited_alone(site: Site) -> None:
    site.use(await site.token())
    await site.up()
    rows = await site.cloud.rows("SELECT locker_id, organization_id, outcome FROM audit WHERE action = :a", a=UPLOAD)
    assert [(row["locker_id"], row["outcome"]) for row in rows] == [
        (FIRST_LOCKER, "C1"),
        (FIRST_LOCKER, "C11"),
        (None, "received"),
    ]
    assert rows[0]["organization_id"] == 12


UPLOAD = "upload_tower_events"


async def test_a_forced_door_is_told_to_its_holder(site: Site) -> None:
    site.use(await site.token())
    site.desk.advance(60)
    site.desk.opens(1)
    await site.up()
    assert (await site.told())[-1] == ("DOOR_FORCED", "occupied")


async def test_the_tower_row_shows_the_firmware_the_visit_and_the_time_of_the_last_event(site: Site) -> None:
    site.use(await site.token())
    await site.up()
    (row,) = await site.cloud.rows(
        "SELECT firmware_version, last_visit_at, synced_s, next_event FROM towers WHERE id = :id", id=TOWER
    )
    assert row["firmware_version"] == "1.4.2"
    assert row["last_visit_at"] == site.cloud.clock.now()
    assert row["next_event"] == site.desk.tower.log.last + 1
    assert row["synced_s"] == site.desk.newest().at


async def test_after_each_upload_one_confirmation_waits_for_the_newest_frontier(site: Site) -> None:
    for place in range(3):
        site.use(await site.token(place=place))
        await site.up()
        (command,) = await site.waiting()
        assert (command.packet_type, command.fields) == (
            Packet.SYNC_MARK_SEEN_EVENTS,
            {31: site.desk.tower.log.last + 1},
        )
    await site.down()
    assert site.desk.tower.log.first == site.desk.tower.log.last
    await site.up()
    assert len(await site.waiting()) == 1
