"""The event log is restarted: queued, carried out, and what that means (blink-protocol.md 8.5; locker-states.md E6)."""

from msgspec.structs import replace

from openharbor.blink.packets import Packet
from openharbor.cloud.towers.uploads import INVALID, Received
from openharbor.kit.errors import Refusal
from openharbor.tower.event_log import restarted

from .site import Site


async def test_a_reset_is_queued_once_and_changes_nothing_by_itself(site: Site) -> None:
    await site.token()
    await site.up()
    start = await site.reset("Board replaced")
    assert await site.reset() == start
    assert start == site.desk.tower.log.last + 1 + 2**20
    assert [kind for _, kind in await site.queued()] == [Packet.SYNC_MARK_SEEN_EVENTS, Packet.RESET_EVENT_COUNTER]
    assert (await site.log()).tower.epoch == 1
    assert not any(token.log_lost for token in (await site.locker()).tokens)
    assert await site.audited("reset_tower_events") == ["queued", "queued"]


async def test_after_the_reset_events_go_on_in_the_new_epoch(site: Site) -> None:
    await site.up()
    start = await site.reset()
    received = await site.sync_anew()
    log = await site.log()
    assert (log.tower.epoch, log.tower.next_event) == (2, site.desk.tower.log.last + 1)
    assert site.desk.tower.log.first == start
    assert received.alarms == ()
    assert [kind for _, kind in await site.queued()] == [Packet.SYNC_MARK_SEEN_EVENTS]
    site.use(await site.token())
    await site.sync()
    assert await site.status() == "occupied"


async def test_a_token_that_was_unsettled_needs_an_inspection_besides(site: Site) -> None:
    token = await site.token(duration=60)
    await site.up()
    site.use(token)
    await site.reset()
    await site.sync_anew()
    assert await site.status() == "rented"
    assert [one.log_lost for one in (await site.locker()).tokens] == [True]
    await site.pass_time(120)
    await site.sync()
    assert await site.status() == "rented"
    assert "E6" in await site.audited("upload_tower_events")


async def test_what_came_before_the_reset_reached_the_tower_still_counts(site: Site) -> None:
    site.use(await site.token())
    await site.reset()
    await site.up()
    assert await site.status() == "occupied"


async def test_a_batch_of_the_former_epoch_is_refused_once_the_new_one_is_known(site: Site) -> None:
    site.use(await site.token())
    packets = site.pull_all()
    await site.reset()
    await site.sync_anew()
    assert await site.upload(packets) == INVALID


async def test_both_epochs_in_one_upload_take_effect_in_their_order(site: Site) -> None:
    site.use(await site.token())
    before = site.pull_all()
    await site.up()
    site.use(await site.token(place=1))
    before = [*before, *site.pull_all(site.desk.tower.log.last - 1)]
    await site.reset()
    await site.down()
    after = site.pull_all(site.desk.tower.log.first)
    received = await site.upload([*after, *before])
    assert isinstance(received, Received)
    assert [await site.status(place) for place in (0, 1)] == ["occupied", "occupied"]
    assert (await site.log()).tower.epoch == 2


async def test_events_of_the_new_epoch_wait_for_its_first_one(site: Site) -> None:
    await site.up()
    start = await site.reset()
    await site.down()
    site.use(await site.token())
    assert isinstance(start, int)
    later = [one for one in site.pull_all(start + 1) if one.count]
    await site.upload(later)
    assert await site.status() == "rented"
    log = await site.log()
    assert (log.tower.epoch, log.tower.next_event) == (2, start)
    await site.upload([site.pull(start)])
    assert await site.status() == "occupied"


async def test_a_reset_that_nobody_asked_for_is_an_alarm(site: Site) -> None:
    await site.token()
    await site.up()
    site.desk.tower = replace(site.desk.tower, log=restarted(site.desk.tower.log, 5000))
    received = await site.upload(site.after_note())
    assert isinstance(received, Received)
    assert [one.kind for one in received.alarms] == ["epoch_unasked"]
    assert [one.log_lost for one in (await site.locker()).tokens] == [True]
    assert (await site.log()).tower.next_event == 5001


async def test_numbers_that_are_used_up_refuse_a_reset(site: Site) -> None:
    await site.cloud.database.write(
        lambda tx: tx.execute("UPDATE towers SET next_event = :next", next=2**31 - 2**20 - 5)
    )
    refused = await site.reset()
    assert isinstance(refused, Refusal)
    assert refused.status == 409
