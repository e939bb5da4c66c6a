"""Uploads that lie, break off, or meet another one (blink-protocol.md 13.4; locker-states.md, invariants 10, 20)."""

import asyncio
from functools import partial

import pytest
from msgspec.structs import replace

from harness.cloud_rig import ROOT_KEY, TOWER, Rig
from openharbor.blink.batches import Batch, encode_batch
from openharbor.blink.cbor import Fields
from openharbor.blink.keys import derive
from openharbor.blink.sealing import seal
from openharbor.cloud.scope import INSTALLATION
from openharbor.cloud.towers import uploads
from openharbor.cloud.towers.uploads import INVALID, EventPacket, Received
from openharbor.kit.database.face import Database, Transaction
from openharbor.kit.database.opening import open_database

from .site import Site

NOTE: Fields = {1: 29, 5: 1_772_000_000, 30: 1, 62: b"note"}


def made(*events: Fields, first: int = 1, count: int | None = None, root: bytes = ROOT_KEY) -> EventPacket:
    """A batch that the tower, or somebody with another key, could have sealed."""
    batch = Batch(
        sealed_at=1_772_000_000,
        tower_id=bytes.fromhex(TOWER),
        first=first,
        count=len(events) if count is None else count,
        events=events,
        clock_state=0,
        epoch=1,
        boot_count=1,
    )
    sealed = seal(derive(root, 1), encode_batch(batch), bytes(16))
    return EventPacket(batch.first, batch.count, sealed.payload, sealed.auth)


async def test_a_forged_batch_is_refused_and_audited(site: Site) -> None:
    assert await site.upload([made(NOTE, root=bytes(32))]) == INVALID
    assert await site.cloud.rows("SELECT event_id FROM tower_events") == []
    rows = await site.cloud.rows("SELECT details FROM audit WHERE outcome = :o", o="Invalid event packet")
    assert [row["details"] for row in rows] == ['{"fault":"signature","packets":1}']


async def test_of_two_events_with_one_number_the_first_stays_and_people_are_told(site: Site) -> None:
    await site.upload([made(NOTE)])
    received = await site.upload([made({**NOTE, 62: b"another"}, {**NOTE, 30: 2}, count=2)])
    assert isinstance(received, Received)
    assert [(one.kind, one.event_id) for one in received.alarms] == [("event_conflict", 1)]
    assert (received.stored, received.applied) == (1, 1)
    rows = await site.cloud.rows("SELECT fields FROM tower_events WHERE event_id = 1")
    assert b"note".hex() in rows[0]["fields"]
    assert await site.audited("tower.alarm") == ["event_conflict"]


async def test_a_contradiction_within_one_upload_is_an_alarm_too(site: Site) -> None:
    received = await site.upload([made(NOTE), made({**NOTE, 62: b"another"})])
    assert isinstance(received, Received)
    assert [one.kind for one in received.alarms] == ["event_conflict"]
    assert received.stored == 1


async def test_true_and_one_are_not_the_same_content(site: Site) -> None:
    await site.upload([made({**NOTE, 73: True})])
    received = await site.upload([made({**NOTE, 73: 1})])
    assert isinstance(received, Received)
    assert [one.kind for one in received.alarms] == ["event_conflict"]


async def test_an_event_that_cannot_be_read_does_not_stop_the_log(site: Site) -> None:
    received = await site.upload([made({1: 26, 5: 1_772_000_000, 30: 1}, {**NOTE, 30: 2})])
    assert isinstance(received, Received)
    assert [(one.kind, one.event_id) for one in received.alarms] == [("event_unreadable", 1)]
    assert received.applied == 2


async def test_an_upload_that_breaks_off_leaves_nothing_and_its_repeat_does_everything(site: Site) -> None:
    site.use(await site.token())
    packets = site.pull_all()
    cloud = site.cloud

    def broken_off(tx: Transaction) -> None:
        take_in(cloud, tx, packets)
        raise ConnectionError

    with pytest.raises(ConnectionError):
        await cloud.database.write(broken_off)
    assert await cloud.rows("SELECT event_id FROM tower_events") == []
    assert await site.status() == "rented"
    await site.upload(packets)
    assert await site.status() == "occupied"


def take_in(cloud: Rig, tx: Transaction, packets: list[EventPacket]) -> object:
    attempt = cloud.attempt("upload_tower_events")
    return uploads.take_in(INSTALLATION, tx, packets, vault=cloud.vault, tower_id=TOWER, attempt=attempt)


@pytest.mark.parametrize("url", ["postgresql"], indirect=True)
async def test_two_processes_on_one_database_apply_each_event_once(site: Site, url: str) -> None:
    """Each with its own connections; what a phone repeats goes to the other process."""
    tokens = [await site.token(place=place) for place in range(4)]
    for token in tokens:
        site.use(token)
    packets = [replace_start(site, start) for start in range(1, site.desk.tower.log.last + 1)]
    other = open_database(url, threads=4)

    async def upload(database: Database, part: list[EventPacket]) -> object:
        return await database.write(partial(_taken, site.cloud, part))

    pairs = [packets[place : place + 2] for place in range(0, len(packets), 2)]
    answers = await asyncio.gather(
        *(upload(database, part) for part in reversed(pairs) for database in (site.cloud.database, other))
    )
    await other.close()
    received = [one for one in answers if isinstance(one, Received)]
    assert len(received) == len(answers)
    assert sum(one.stored for one in received) == site.desk.tower.log.last
    assert sum(one.applied for one in received) == site.desk.tower.log.last
    assert {await site.status(place) for place in range(4)} == {"occupied"}
    told = [source for source, _ in await site.told()]
    assert told.count("LOCKER_TOKEN_USED") == 4


def _taken(cloud: Rig, packets: list[EventPacket], tx: Transaction) -> object:
    return take_in(cloud, tx, packets)


def replace_start(site: Site, start: int) -> EventPacket:
    """The batch that covers just this id."""
    whole = site.desk.tower
    one = tuple(event for event in whole.log.events if event.event_id == start)
    site.desk.tower = replace(whole, log=replace(whole.log, first=start, last=start, events=one))
    packet = site.pull(start)
    site.desk.tower = whole
    return packet
