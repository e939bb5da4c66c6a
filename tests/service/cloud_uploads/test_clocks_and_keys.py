"""What the cloud answers to a tower's clock, keys and results (blink-protocol.md 10, 11.1, 13.4 to 13.6)."""

from functools import partial

from msgspec.structs import replace

from harness.cloud_rig import TOWER
from openharbor.blink.packets import Packet
from openharbor.cloud.scope import INSTALLATION
from openharbor.cloud.towers import commands, rollover
from openharbor.cloud.towers.operator_commands import rotate_key
from openharbor.cloud.towers.rotations import LONGEST_LIFE_MS
from openharbor.kit.database.face import Transaction
from openharbor.tower import device_clock, power_up

from .site import HARDWARE, Site

MARK = Packet.SYNC_MARK_SEEN_EVENTS


async def kinds(site: Site) -> list[Packet]:
    return [kind for _, kind in await site.queued()]


def restarts_without_clock(site: Site, challenge: bytes = b"challeng") -> None:
    site.desk.tower = power_up.started(
        site.desk.tower, HARDWARE, wall_s=None, at_ms=site.desk.at_ms, challenge=challenge
    )


async def test_a_clock_that_was_lost_is_set_with_its_challenge_at_the_next_visit(site: Site) -> None:
    await site.up()
    await site.pass_time(5000)
    restarts_without_clock(site)
    site.desk.at_ms += 1000
    await site.up()
    (_, correction) = await site.waiting()
    assert (correction.packet_type, correction.fields) == (Packet.SET_CLOCK, {229: b"challeng"})
    assert (await site.log()).tower.corrections == (correction.command_id,)
    await site.sync()
    clock = site.desk.tower.clock
    assert clock.sure
    assert abs(device_clock.now(clock, site.desk.at_ms) - site.cloud.clock.now() // 1000) <= 1
    assert (await site.log()).tower.corrections == ()
    assert await kinds(site) == [MARK]


async def test_no_token_dies_of_age_while_a_correction_is_on_its_way(site: Site) -> None:
    await site.token(duration=60)
    await site.up()
    await site.pass_time(3600)
    restarts_without_clock(site)
    site.desk.advance(3600)
    await site.up()
    assert await site.status() == "rented"
    await site.sync()
    assert await site.status() == "available"


async def test_a_lost_result_does_not_keep_the_correction_on_its_way_for_ever(site: Site) -> None:
    await site.up()
    restarts_without_clock(site)
    await site.up()
    await site.down()
    log = site.desk.tower.log
    site.desk.tower = replace(site.desk.tower, log=replace(log, events=()))  # dropped, as in a full store (8.6)
    await site.up()
    assert len((await site.log()).tower.corrections) == 1
    await site.sync()
    assert (await site.log()).tower.corrections == ()
    assert await kinds(site) == [MARK]


async def test_a_clock_that_is_ahead_is_slowed_down_once(site: Site) -> None:
    site.desk.at_ms += 600_000
    await site.up()
    (adjusting, *_) = [one for one in await site.waiting() if one.packet_type == Packet.ADJUST_CLOCK]
    assert adjusting.fields == {152: -600}
    await site.up()
    assert (await kinds(site)).count(Packet.ADJUST_CLOCK) == 1
    await site.sync()
    assert Packet.ADJUST_CLOCK not in await kinds(site)
    await site.pass_time(1199)
    await site.up()
    assert Packet.ADJUST_CLOCK not in await kinds(site)
    assert device_clock.now(site.desk.tower.clock, site.desk.at_ms) - site.cloud.clock.now() // 1000 <= 60


async def test_a_clock_that_is_a_minute_ahead_or_behind_is_left_alone(site: Site) -> None:
    site.desk.at_ms += 60_000
    await site.up()
    await site.cloud.clock.advance(900)
    await site.up()
    assert await kinds(site) == [MARK]


async def test_a_key_rolls_over_within_three_visits(site: Site) -> None:
    cloud = site.cloud
    await site.up()
    await rotate_key(cloud.database, cloud.vault, TOWER, now=cloud.clock.now())
    await site.sync()
    assert await states(site) == ["active", "active"]
    assert (await site.log()).tower.rotation == 2
    assert (await site.packets())[0].sealed.auth[0] == 2
    await site.sync()
    assert await states(site) == ["sunset", "active"]
    site.use(await site.token())
    await site.sync()
    assert await site.status() == "occupied"
    await site.pass_time(LONGEST_LIFE_MS // 1000)
    await site.up()
    site.desk.advance(1)
    await site.sync()
    await site.sync()
    assert await states(site) == ["revoked", "active"]
    assert await kinds(site) == [MARK]


async def states(site: Site) -> list[str]:
    rows = await site.cloud.rows("SELECT state FROM tower_keys WHERE tower_id = :id ORDER BY rotation", id=TOWER)
    return [row["state"] for row in rows]


async def test_a_key_that_the_tower_refuses_makes_room_for_the_next_rollover(site: Site) -> None:
    cloud = site.cloud
    await site.up()
    await rotate_key(cloud.database, cloud.vault, TOWER, now=cloud.clock.now())
    site.desk.tower = replace(
        site.desk.tower,
        keys=replace(
            site.desk.tower.keys,
            rotations={**site.desk.tower.keys.rotations, 2: replace(site.desk.tower.keys.rotations[1], number=2)},
        ),
    )
    await site.sync()
    assert await states(site) == ["active", "revoked"]
    assert await site.audited("tower.key_refused") == ["106"]
    assert (await rotate_key(cloud.database, cloud.vault, TOWER, now=cloud.clock.now()))["rotation"] == 3


async def test_results_are_kept_by_command(site: Site) -> None:
    cloud = site.cloud
    await site.up()

    def queue(tx: Transaction) -> None:
        wired = [commands.configure_locker(1, 0, 1, "normal"), commands.revoke_key(1), commands.sunset_key(9)]
        commands.queue_next(INSTALLATION, tx, TOWER, wired, cloud.clock.now())

    await cloud.database.write(queue)
    await site.sync()
    rows = await cloud.rows("SELECT packet_type, result, done_at FROM tower_commands ORDER BY command_id")
    assert [(row["packet_type"], row["result"]) for row in rows] == [
        (MARK, 0),
        (102, 0),
        (8, 106),
        (7, 203),
        (MARK, None),
    ]
    assert [row["done_at"] is None for row in rows] == [False, False, False, False, True]


async def test_steps_of_a_rollover_that_wait_already_are_not_queued_again(site: Site) -> None:
    cloud = site.cloud
    await site.up()
    await rotate_key(cloud.database, cloud.vault, TOWER, now=cloud.clock.now())
    await site.sync()
    await site.up()
    assert sorted(await kinds(site)) == [Packet.SUNSET_KEY, MARK]
    due = partial(rollover.queue_due_steps, INSTALLATION, tower_id=TOWER, now=cloud.clock.now())
    assert await cloud.database.write(due) == 0
