"""Events that are kept back are an alarm, once for each gap (blink-protocol.md 13.4)."""

import asyncio
from functools import partial

import pytest
from prometheus_client import CollectorRegistry

from harness.cloud_rig import TOWER, Rig
from openharbor.blink.packets import Packet
from openharbor.cloud.scope import INSTALLATION
from openharbor.cloud.towers import alarms
from openharbor.cloud.towers.alarms import Alarm, TowerAlarms
from openharbor.kit.metrics import new_registry

from .site import PHONE, Site

GAP_S = 3600


def notes(site: Site, count: int) -> None:
    """Events in one packet each: the pull after each note ends what could be merged or joined."""
    for _ in range(count):
        site.visit()
        site.desk.say(PHONE, Packet.ADD_CLIENT_EVENT, {62: b"note"})


async def gap_at(site: Site, first: int) -> None:
    """Everything from `first` on is uploaded, and nothing before."""
    await site.upload(site.pull_all(first))


async def due(site: Site) -> list[Alarm]:
    unit = partial(alarms.raise_gaps, INSTALLATION, now=site.cloud.clock.now(), gap_s=GAP_S, limit=50)
    return await site.cloud.database.write(unit)


async def test_a_gap_is_an_alarm_when_nobody_closes_it_in_time(site: Site) -> None:
    notes(site, 4)
    await gap_at(site, 3)
    await site.cloud.clock.advance(GAP_S - 1)
    assert await due(site) == []
    await site.cloud.clock.advance(1)
    (alarm,) = await due(site)
    assert (alarm.kind, alarm.tower_id, alarm.epoch, alarm.event_id) == ("event_gap", TOWER, 1, 1)
    assert ("worker", "tower.alarm", "event_gap") in await site.cloud.audited()


async def test_each_gap_has_one_alarm(site: Site) -> None:
    notes(site, 6)
    await gap_at(site, 5)
    await site.cloud.clock.advance(GAP_S)
    assert len(await due(site)) == 1
    await gap_at(site, 6)  # the same gap, seen again
    await site.cloud.clock.advance(GAP_S)
    assert await due(site) == []


async def test_a_gap_that_was_closed_is_none(site: Site) -> None:
    notes(site, 4)
    await gap_at(site, 3)
    await site.up(1)
    await site.cloud.clock.advance(10 * GAP_S)
    assert await due(site) == []


async def test_the_next_gap_has_a_time_of_its_own(site: Site) -> None:
    await site.up()
    notes(site, 4)
    await gap_at(site, 4)
    await site.cloud.clock.advance(GAP_S)
    assert len(await due(site)) == 1
    await site.up()
    notes(site, 4)
    await gap_at(site, site.desk.tower.log.last)
    assert await due(site) == []
    await site.cloud.clock.advance(GAP_S)
    assert len(await due(site)) == 1


@pytest.fixture
def registry() -> CollectorRegistry:
    return new_registry()


async def test_the_worker_tells_log_and_metric_and_sleeps_between(
    cloud: Rig, site: Site, registry: CollectorRegistry
) -> None:
    notes(site, 4)
    await gap_at(site, 3)
    worker = asyncio.create_task(alarms.keep_watching_gaps(cloud.parts, TowerAlarms(registry), GAP_S))

    async def told() -> bool:
        await cloud.clock.advance(GAP_S)
        return registry.get_sample_value("openharbor_tower_alarms_total", {"kind": "event_gap"}) == 1

    await cloud.until(told)
    worker.cancel()
    await asyncio.gather(worker, return_exceptions=True)
    assert await due(site) == []


def test_every_kind_of_alarm_is_counted_from_the_start(registry: CollectorRegistry) -> None:
    TowerAlarms(registry)
    for kind in alarms.TEXTS:
        assert registry.get_sample_value("openharbor_tower_alarms_total", {"kind": kind}) == 0
