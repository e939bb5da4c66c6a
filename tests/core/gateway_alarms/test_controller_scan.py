"""A scan for controllers: one at a time, and what it says of each board."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import yaml
from msgspec.structs import replace

from core.gateway_alarms.journals import NOW
from openharbor.boards.discovery import Announcement
from openharbor.gateway.controller_scan import SCAN_S, ControllerScan, scan_response
from openharbor.gateway.site import Controller, Site
from openharbor.gateway.site_file import SiteFile, read_site_file

CONTRACT: dict[str, Any] = yaml.safe_load(
    (Path(__file__).parents[3] / "contract" / "gateway-admin.yaml").read_text(encoding="utf-8")
)
FEEDBACK = "kerong-cu16+tcp://10.0.0.5:5000?board=0&feedback=closed_is_1&locks=4"


def announced(host: str, lockers: int, name: str) -> Announcement:
    txt = {"driver": "kerong-cu16", "lockers": str(lockers), "board": "0", "name": name}
    return Announcement(f"{name}._openharbor-lock._tcp.local.", (host,), 5000, txt)


FOUND = (announced("10.0.0.6", 16, "Tower C"), announced("10.0.0.5", 4, "Tower A"))


def site() -> Site:
    """With one controller, at the address of the contract's example."""
    made = read_site_file("", gateway_id="gw-1", host_name="box", now=NOW)
    assert isinstance(made, SiteFile)
    return replace(made.site, controllers={1: Controller(1, "Tower A", "kerong-cu16", FEEDBACK, 1, True, NOW)})


def test_the_answer_is_the_one_of_the_contract() -> None:
    example = CONTRACT["components"]["examples"]["scanFound"]["value"]
    assert msgspec.to_builtins(scan_response(FOUND, site())) == example


async def test_requests_during_a_scan_wait_for_it_and_get_its_result() -> None:
    heard = asyncio.Event()
    asked: list[float] = []

    async def browse(seconds: float) -> Sequence[Announcement]:
        asked.append(seconds)
        await heard.wait()
        return FOUND

    scans = ControllerScan(browse, site)
    first, second = asyncio.create_task(scans.scan()), asyncio.create_task(scans.scan())
    await asyncio.sleep(0)
    first.cancel()  # who leaves ends nobody else's scan
    await asyncio.sleep(0)
    heard.set()
    assert len((await second).found) == 2
    assert asked == [SCAN_S]
    await scans.scan()
    assert asked == [SCAN_S, SCAN_S], "the next one listens again"
