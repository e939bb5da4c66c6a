"""`openharbor phone …` as a technician uses it, and what is left when it is stopped in the middle (cli.md)."""

import asyncio
import os
import signal
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

from harness.clouds import token
from harness.processes import OPENHARBOR
from service.phone.conftest import Place


def seen_shut(place: Place, locker: int) -> bool:
    return place.tower.running.state.doors.get(locker) is False


async def shut(place: Place, locker: int) -> None:
    """Somebody pushes the door shut; until the tower has seen it."""
    place.tower.lock(locker).push_shut()
    await place.tower.until(lambda: seen_shut(place, locker))


@asynccontextmanager
async def opening(place: Place, *flags: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """`phone open` that waits for its door; killed at the end if it still runs."""
    at = ("--tower", place.tower.address, "--api", place.cloud.url, "--state", str(place.state))
    access = token(place.cloud.url, place.cloud.database.acme, "tower_access")
    process = await asyncio.create_subprocess_exec(
        *(*OPENHARBOR, "phone", "open", *flags, *at),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "OPENHARBOR_PHONE_TOKEN": access},
        # a shell that started the tests in the background has them ignore Ctrl-C, and their children too
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def first_line(process: asyncio.subprocess.Process) -> str:
    assert process.stdout is not None
    async with asyncio.timeout(30):
        return (await process.stdout.readline()).decode()


async def test_the_locker_is_told_before_its_door_is_shut_and_the_rest_after(place: Place) -> None:
    async with opening(place, *place.token()) as process:
        assert await first_line(process) == "locker 1 is open\n"
        place.tower.lock(1).push_shut()
        out, err = await process.communicate()
        assert (process.returncode, err) == (0, b"")
        assert out.decode().splitlines()[0] == "the door is shut"


async def test_a_token_that_opens_again_after_a_killed_phone_is_no_pick_up(place: Place) -> None:
    """The session goes on, so the tower knows that it is the same visit (7.4, 7.5)."""
    flags = place.token()
    async with opening(place, *flags) as process:
        await first_line(process)
        process.kill()
    await shut(place, 1)
    again = await place.json("open", *flags, "--no-wait")
    assert (again["locker"], again["seen"]) == (1, True)
    assert place.tower.pulses() == [1, 1]
    await shut(place, 1)
    await place.json("sync")
    assert place.locker()["status"]["name"] == "occupied"


async def test_who_stops_waiting_keeps_the_session(place: Place) -> None:
    async with opening(place, *place.token()) as process:
        await first_line(process)
        process.send_signal(signal.SIGINT)
        await process.communicate()
        assert process.returncode == 130
    assert await place.json("door") == {"open": True}
    assert await place.json("revert") == {"reverted": True}
    await shut(place, 1)
    await place.json("terminate")
    assert place.locker()["status"]["name"] == "available"


async def test_a_technician_sees_the_tower_and_its_lockers_and_configures_it(place: Place) -> None:
    assert (await place.json("status"))["towerId"] == place.tower.running.identity.tower_id.hex()
    locker = await place.json("locker", "--number", "2")
    assert (locker["locker"], locker["available"], locker["port"]) == (2, True, 1)
    done = await place.json("configure")
    assert (done["done"] >= len(place.tower.running.state.lockers), done["refused"]) == (True, [])
    assert place.tower.pulses() == []


async def test_a_part_of_the_configuration_that_the_tower_refuses_ends_with_3(place: Place) -> None:
    async with opening(place, *place.token(), "--no-wait") as process:
        await process.communicate()
    done = await place.phone("configure")
    assert (done.returncode, "refused: CONFIGURE_LOCKER" in done.stdout) == (3, True)


async def test_who_may_not_be_a_technician_is_refused_by_the_tower(place: Place) -> None:
    library = token(place.cloud.url, place.cloud.database.library, "tower_access")
    done = await place.phone("status", access=library)
    assert done.returncode == 3
    assert "AUTH_PERMISSIONS (204)" in done.stderr


async def test_a_locker_is_tapped_and_gets_a_code_in_the_session_that_opened_it(place: Place) -> None:
    await place.json("open", *place.token(), "--keep")
    code = (await place.json("keypad", "--code", "auto"))["code"]
    assert code.isdecimal()
    assert await place.json("tap", "--count", "2", "--interval", "400") == {"tapped": 2}
    await place.tower.until(lambda: place.tower.pulses() == [1, 1, 1])
    wrong = await place.phone("keypad", "--code", "12")
    assert wrong.returncode == 3
    assert "MSG_ITEM_VALUE (106)" in wrong.stderr


async def test_a_sync_that_the_cloud_did_not_take_says_so_and_the_events_are_kept(place: Place) -> None:
    await place.json("open", *place.token(), "--keep")
    await place.tower.until(lambda: place.tower.running.state.doors.get(1) is True)
    away = await place.phone("sync", api="http://127.0.0.1:9")
    assert (away.returncode, away.stderr.count("\n")) == (4, 1)
    assert "wait for the next sync" in away.stderr
    refused = await place.phone("sync", access="not-a-token")
    assert refused.returncode == 3
    assert "get a new access token" in refused.stderr
    assert place.locker()["status"]["name"] == "rented"
    assert (await place.json("sync"))["waiting"] == 0
    assert place.locker()["status"]["name"] == "occupied"


async def test_token_and_places_may_come_from_the_environment(place: Place) -> None:
    access = token(place.cloud.url, place.cloud.database.acme, "tower_access")
    given = {"TOWER": place.tower.address, "API": place.cloud.url, "TOKEN": access}
    process = await asyncio.create_subprocess_exec(
        *(*OPENHARBOR, "phone", "available"),
        stdout=subprocess.PIPE,
        env={
            **os.environ,
            **{f"OPENHARBOR_PHONE_{name}": value for name, value in given.items()},
            "XDG_STATE_HOME": str(place.directory),
        },
    )
    out, _ = await process.communicate()
    assert (process.returncode, out.startswith(b"type ")) == (0, True)
    assert (place.directory / "openharbor" / "phone.json").exists()
