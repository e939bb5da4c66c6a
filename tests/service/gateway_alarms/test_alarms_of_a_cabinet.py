"""Alarms of a running gateway on an emulated cabinet: raised, cleared, and still there after a restart."""

import asyncio
from contextlib import aclosing
from pathlib import Path
from typing import Any

import msgspec
import pytest

from openharbor.gateway.alarms import Alarm
from openharbor.gateway.journal_check import examine
from openharbor.gateway.location import DATABASE
from openharbor.kit.database.readers import reading
from openharbor.kit.errors import Refusal
from service.gateway_alarms.scene import ADMIN, Scene, scene


def beat(scene: Scene, **changed: Any) -> dict[str, Any]:
    return {"deviceId": "kiosk-1", "deviceType": "kiosk", "status": "ok", **changed}


async def test_a_forced_door_is_an_alarm_until_it_is_shut_and_listed_until_somebody_has_seen_it(tmp_path: Path) -> None:
    async with scene(tmp_path) as site, site.served() as gateway:
        site.lock(2).force()
        await site.become("UNCOMMANDED_OPEN")
        (alarm,) = await site.alarms()
        assert (alarm.cause.locker_id, alarm.cause.controller_id) == (2, 1)
        site.lock(2).push_shut()
        await site.become()
        assert await site.shown() == [("UNCOMMANDED_OPEN", False)]
        seen = await gateway.alarms.acknowledge(alarm.alarm_id, "Looked after", ADMIN, site.clock.now())
        assert isinstance(seen, Alarm)
        assert (seen.acknowledged_by, seen.note) == ("admin", "Looked after")
        assert await site.shown() == []
        missing = await gateway.alarms.acknowledge(99, None, ADMIN, site.clock.now())
        assert isinstance(missing, Refusal)
    with reading(site.data / DATABASE) as tx:
        assert examine(tx).fault is None


async def test_a_door_opened_by_the_gateway_is_no_alarm(tmp_path: Path) -> None:
    async with scene(tmp_path) as site, site.served():
        assert (await site.open(1)).confirmed
        site.lock(1).push_shut()
        await site.passes(30)
        assert await site.shown(open_only=False) == []


async def test_a_door_left_open_is_an_alarm_after_five_minutes(tmp_path: Path) -> None:
    async with scene(tmp_path) as site, site.served():
        await site.open(1)
        await site.passes(280)
        assert await site.shown() == []
        await site.passes(25)
        assert await site.shown() == [("DOOR_LEFT_OPEN", True)]
        assert (await site.alarms())[0].message == "Door of locker 1 open for 300 s"
        site.lock(1).push_shut()
        await site.become()


async def test_a_jammed_lock_is_an_alarm_until_its_next_open_succeeds(tmp_path: Path) -> None:
    async with scene(tmp_path) as site, site.served():
        jam = site.cabinet.faults.add("latch_jammed", lock=3)
        assert (await site.open(3)).reason == "jammed"
        await site.become("LOCK_JAMMED")
        await site.passes(120)
        assert await site.shown() == [("LOCK_JAMMED", True)]
        site.cabinet.faults.remove(jam)
        assert (await site.open(3)).success
        await site.become()


async def test_a_sensor_that_never_moves_is_a_fault_until_it_follows_the_door(tmp_path: Path) -> None:
    async with scene(tmp_path) as site, site.served():
        stuck = site.cabinet.faults.add("sensor_stuck", lock=1)
        for _ in range(3):
            await site.open(1)
            site.lock(1).push_shut()
            await site.passes(5)
        await site.become("LOCK_JAMMED", "SENSOR_FAULT")
        site.cabinet.faults.remove(stuck)
        await site.passes(5)
        assert (await site.open(1)).confirmed
        await site.become()


async def test_a_line_that_flaps_is_no_alarm_and_one_that_is_dead_is_one(tmp_path: Path) -> None:
    async with scene(tmp_path) as site, site.served():
        for _ in range(3):
            dead = site.cabinet.faults.add("no_reply")
            await site.passes(40)
            site.cabinet.faults.remove(dead)
            await site.until(lambda: site.get("/health", "status", "ok"))
        assert await site.shown(open_only=False) == []
        dead = site.cabinet.faults.add("no_reply")
        await site.passes(70)
        assert await site.shown() == [("CONTROLLER_OFFLINE", True)]
        assert "Controller 1 (Bank 1) has been offline for 60 s" in (await site.alarms())[0].message
        site.cabinet.faults.remove(dead)
        await site.until(lambda: site.get("/health", "status", "ok"))
        await site.passes(50)
        assert await site.shown() == [("CONTROLLER_OFFLINE", True)], "on line, but not for long enough"
        await site.passes(15)
        assert await site.shown() == [("CONTROLLER_OFFLINE", False)]


async def test_a_restart_neither_repeats_an_alarm_nor_forgets_it(tmp_path: Path) -> None:
    async with scene(tmp_path) as site:
        async with site.served():
            site.lock(2).force()
            site.cabinet.faults.add("latch_jammed", lock=3)
            await site.open(3)
            await site.become("UNCOMMANDED_OPEN", "LOCK_JAMMED")
            before = await site.alarms()
        async with site.served():
            await site.passes(90)
            assert await site.alarms(open_only=False) == before
            site.lock(2).push_shut()
            await site.become("LOCK_JAMMED")


async def test_a_door_forced_while_the_gateway_stood_still_is_found_out(tmp_path: Path) -> None:
    async with scene(tmp_path) as site:
        async with site.served():
            await site.passes(5)
        site.lock(1).force()
        async with site.served():
            await site.become("UNCOMMANDED_OPEN")
            assert [one.cause.locker_id for one in await site.alarms()] == [1]


async def test_a_door_that_the_gateway_opened_before_it_stopped_is_explained(tmp_path: Path) -> None:
    async with scene(tmp_path) as site:
        async with site.served():
            await site.passes(5)
            await site.open(1)
            await site.passes(2)
        async with site.served():
            await site.passes(10)
            assert await site.shown(open_only=False) == []


async def test_a_silent_device_is_an_alarm_until_it_is_heard_again(tmp_path: Path) -> None:
    async with scene(tmp_path) as site, site.served():
        assert (await site.call("POST", "/system/heartbeat", beat(site))).status_code == 200
        await site.passes(175)
        assert await site.shown() == []
        await site.passes(10)
        assert await site.shown() == [("DEVICE_OFFLINE", True)]
        assert (await site.alarms())[0].message == "Device kiosk-1 missed 3 heartbeats"
        await site.call("POST", "/system/heartbeat", beat(site))
        await site.become()


async def test_a_device_with_a_wrong_clock_is_an_alarm_until_it_tells_the_right_time(tmp_path: Path) -> None:
    async with scene(tmp_path) as site, site.served():
        await site.call("POST", "/system/heartbeat", beat(site, timestamp="2001-01-01T00:00:00Z"))
        await site.become("CLOCK_DRIFT")
        await site.call("POST", "/system/heartbeat", beat(site))
        await site.passes(3)
        assert await site.shown() == [("CLOCK_DRIFT", True)], "that one did not say"
        now = (await site.call("GET", "/system")).json()["startedAt"]
        await site.call("POST", "/system/heartbeat", beat(site, timestamp=now))
        await site.become()


async def test_a_gateway_whose_clock_was_set_says_so_once(tmp_path: Path) -> None:
    async with scene(tmp_path) as site, site.served():
        await site.passes(5)
        site.clock.set_by_ms = -3_600_000
        await site.passes(5)
        assert await site.shown() == [("CLOCK_DRIFT", False)]
        assert (await site.alarms())[0].message == "The clock of the gateway jumped 3600 s back"


async def test_a_lock_that_is_known_to_be_broken_raises_no_alarm(tmp_path: Path) -> None:
    async with scene(tmp_path) as site, site.served():
        site.lock(1).force()
        await site.become("UNCOMMANDED_OPEN")
        assert (await site.call("PATCH", "/lockers/1", {"brokenLock": True})).status_code == 200
        await site.become()
        site.lock(1).push_shut()
        await site.passes(5)
        site.lock(1).force()
        await site.passes(400)
        assert await site.shown() == [("UNCOMMANDED_OPEN", False)]


async def test_those_who_listen_hear_of_each_change_and_the_metrics_count_it(tmp_path: Path) -> None:
    async with scene(tmp_path) as site, site.served() as gateway:

        async def heard(count: int) -> list[Any]:
            async with aclosing(gateway.events.listen()) as events:  # type: ignore[type-var]  # a generator
                return [msgspec.json.decode((await anext(events)).data) for _ in range(count)]

        listening = asyncio.create_task(heard(2))
        await asyncio.sleep(0)
        site.lock(2).force()
        await site.become("UNCOMMANDED_OPEN")
        text = (await site.call("GET", "/metrics")).text
        assert 'openharbor_alarms{code="UNCOMMANDED_OPEN",state="lasting"} 1.0' in text
        assert 'openharbor_alarms_raised_total{code="UNCOMMANDED_OPEN"} 1.0' in text
        site.lock(2).push_shut()
        await site.become()
        assert [(one["change"], one["alarm"]["lockerId"]) for one in await listening] == [("raised", 2), ("cleared", 2)]
        text = (await site.call("GET", "/metrics")).text
        assert 'openharbor_alarms{code="UNCOMMANDED_OPEN",state="unacknowledged"} 1.0' in text


@pytest.mark.parametrize("code", ["UNCOMMANDED_OPEN"])
async def test_what_cannot_be_written_is_told_as_soon_as_it_can(tmp_path: Path, code: str) -> None:
    async with scene(tmp_path) as site, site.served():
        await site.passes(2)
        refuse = "CREATE TRIGGER full BEFORE INSERT ON alarms BEGIN SELECT RAISE(ABORT, 'no'); END"
        await site.sql(refuse)
        site.lock(2).force()
        await site.passes(3)
        site.lock(2).push_shut()
        await site.passes(3)
        assert await site.shown() == []
        await site.sql("DROP TRIGGER full")
        await site.passes(5)
        assert await site.shown() == [(code, False)]
