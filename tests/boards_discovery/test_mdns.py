"""Boards that announce themselves are found, over real multicast on this machine."""

import asyncio

import pytest

from openharbor.boards.address import parse
from openharbor.boards.discovery import SERVICE, announcement_of, found_boards
from openharbor.boards.discovery_mdns import announcing, announcing_boards, browse
from openharbor.boards.emulator.serve import serve_cabinet
from openharbor.kit.clock import SystemClock

LOOPBACK = ["127.0.0.1"]
URLS = ("kerong-cu16+tcp://127.0.0.1:5000?board=0", "wkly+tcp://127.0.0.1:5001?board=3")


async def heard(seconds: float = 2.0) -> list[str]:
    announcements = await browse(seconds, SystemClock(), interfaces=LOOPBACK)
    boards, refused = found_boards(announcements)
    assert refused == ()
    return [str(one.address) for one in boards]


@pytest.mark.slow
async def test_announced_boards_are_found_as_long_as_they_are_announced() -> None:
    announced = [announcement_of(parse(url), "127.0.0.1", f"Hall {url[:4]}", 16) for url in URLS]
    async with announcing(announced, interfaces=LOOPBACK):
        assert await heard() == list(URLS)
    assert await heard(1.0) == []


@pytest.mark.slow
async def test_two_boards_of_one_name_are_both_found() -> None:
    first, second = (announcement_of(parse(url), "127.0.0.1", "Hall", 16) for url in URLS)
    assert SERVICE not in first.instance
    async with announcing([first], interfaces=LOOPBACK), announcing([second], interfaces=LOOPBACK):
        assert await heard() == list(URLS)


@pytest.mark.slow
async def test_an_emulated_cabinet_announces_itself_and_a_scan_finds_it() -> None:
    ready: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    serving = asyncio.create_task(
        serve_cabinet(protocol="wkly", lockers=12, boards=[0, 1], announce=announcing_boards, on_ready=ready.set_result)
    )
    line = (await asyncio.wait_for(ready, 30)).split()
    announcements = await browse(2.0, SystemClock())
    found, _ = found_boards(announcements)
    assert [(str(one.address), one.lockers) for one in found] == [
        (url.partition("&feedback")[0], 12) for url in sorted(line[3:5])
    ]
    serving.cancel()
    await asyncio.gather(serving, return_exceptions=True)
