"""`openharbor phone …`, a process a command, at a real tower with a real cloud (cli.md)."""

import asyncio
import json
import stat
from typing import Any

import pytest

from harness.processes import openharbor
from service.phone.conftest import Place


async def shut(place: Place, locker: int) -> None:
    """Somebody pushes the door shut, once it is open."""
    await place.tower.until(lambda: place.tower.running.state.doors.get(locker) is True)
    place.tower.lock(locker).push_shut()


async def test_a_delivery_by_commands_ends_with_the_cloud_knowing_of_it(place: Place) -> None:
    opening = asyncio.create_task(place.json("open", *place.token()))
    await shut(place, 1)
    visit = await opening
    assert (visit["locker"], visit["seen"], visit["closed"], visit["ended"]) == (1, True, True, True)
    assert (visit["sync"]["failure"], visit["failure"]) == (None, None)
    assert place.locker()["status"]["name"] == "occupied"
    opening = asyncio.create_task(place.json("open", *place.token(kind="pickup")))
    await shut(place, 1)
    assert (await opening)["closed"] is True
    assert place.locker()["status"]["name"] == "available"
    assert place.tower.pulses() == [1, 1]


async def test_a_session_goes_on_from_call_to_call_until_it_is_ended(place: Place) -> None:
    kept = await place.json("open", *place.token(), "--keep")
    assert (kept["seen"], kept["ended"]) == (True, False)
    assert stat.S_IMODE(place.state.stat().st_mode) == 0o600
    assert json.loads(place.state.read_text())["live"]
    assert await place.json("door") == {"open": True}
    assert (await place.json("doors"))["open"] == [1]
    place.tower.lock(1).push_shut()
    await place.tower.until(lambda: place.tower.running.state.doors.get(1) is False)
    assert (await place.json("reopen"))["locker"] == 1
    assert await place.json("revert") == {"reverted": True}
    assert (await place.json("terminate"))["ended"] is True
    assert json.loads(place.state.read_text())["live"] == {}
    after = await place.phone("door")
    assert (after.returncode, after.stdout) == (1, "")
    assert "openharbor phone session" in after.stderr


async def test_counting_syncing_and_asking_have_sessions_of_their_own(place: Place) -> None:
    counts = await place.json("available")
    assert sum(counts.values()) == len(place.tower.running.state.lockers)
    synced = await place.json("sync")
    assert (synced["failure"], synced["waiting"]) == (None, 0)
    assert synced["pulled"] >= 1
    assert json.loads(place.state.read_text())["live"] == {}


async def test_what_the_tower_refuses_ends_with_3_and_the_name_of_the_code(place: Place) -> None:
    flags = list(place.token())
    flags[1] = flags[1][:-2] + ("00" if flags[1][-2:] != "00" else "01")
    done = await place.phone("open", *flags)
    assert (done.returncode, done.stdout) == (3, "")
    assert "AUTH_SIGNATURE (207)" in done.stderr
    assert done.stderr.count("\n") == 1
    assert place.tower.pulses() == []


async def test_what_the_cloud_refuses_ends_with_3(place: Place) -> None:
    done = await place.phone("session", access="not-a-token")
    assert done.returncode == 3
    assert "401" in done.stderr
    assert "not-a-token" not in done.stderr


async def test_a_tower_or_a_cloud_that_is_away_ends_with_4(place: Place) -> None:
    for others in ({"tower": "tcp://127.0.0.1:9"}, {"api": "http://127.0.0.1:9"}):
        done = await place.phone("session", **others)
        assert (done.returncode, done.stdout) == (4, ""), done
        assert done.stderr.count("\n") == 1


async def test_wrong_usage_ends_with_2_and_shows_no_token(place: Place) -> None:
    wrong: list[tuple[tuple[str, ...], dict[str, str]]] = [
        (("open", "--payload", "xyz", "--payload-auth", "00"), {}),
        (("open", "--payload", "00" * 18, "--payload-auth", "00"), {}),
        (("door",), {"tower": "14"}),
        (("session",), {"api": "ftp://somewhere"}),
    ]
    for words, others in wrong:
        done = await place.phone(*words, **others)
        assert (done.returncode, done.stdout) == (2, ""), done
        assert "xyz" not in done.stderr
    assert place.tower.pulses() == []


@pytest.mark.slow
async def test_a_cached_payload_opens_a_door_while_the_cloud_is_away_and_the_events_follow_later(place: Place) -> None:
    flags = place.token()
    await place.json("session")
    await place.json("terminate")
    opening = asyncio.create_task(place.json("open", *flags, api="http://127.0.0.1:9"))
    await shut(place, 1)
    visit: dict[str, Any] = await opening
    assert (visit["seen"], visit["closed"], visit["ended"]) == (True, True, True)
    assert "cannot be reached" in visit["sync"]["failure"]
    assert visit["sync"]["waiting"] >= 1
    assert place.locker()["status"]["name"] == "rented"
    assert (await place.json("sync"))["waiting"] == 0
    assert place.locker()["status"]["name"] == "occupied"


async def test_a_jammed_door_is_not_called_open(place: Place) -> None:
    place.tower.emulator.faults.add("latch_jammed", board=next(iter(place.tower.emulator.locks)), lock=1)
    done = await place.phone("open", *place.token(), "--no-wait")
    assert done.returncode == 1
    assert "did not open" in done.stdout
    assert place.locker()["status"]["name"] == "rented"


async def test_the_packets_can_be_watched_and_show_no_secret(place: Place) -> None:
    flags = place.token()
    done = await place.phone("open", *flags, "--no-wait", "--log-level", "debug")
    assert done.returncode == 0
    for packet in ("REQUEST_SESSION", "OPEN_LOCKER_WITH_TOKEN", "LOCKER_OPENED", "SYNC_PULL", "TERMINATE_SESSION"):
        assert packet in done.stderr
    assert flags[1].lower() not in done.stderr.lower()
    kept = json.loads(place.state.read_text())["cached"]
    assert all(secret not in done.stderr for one in kept.values() for secret in (one["seed"], one["payload"]))


async def test_a_tower_is_asked_who_it_is_over_tcp(place: Place) -> None:
    said = await asyncio.to_thread(openharbor, "phone", "scan", "--tower", place.tower.address, "--json")
    (found,) = json.loads(said.stdout)
    assert (found["towerId"], found["address"]) == ("0100000000000014", place.tower.address)
