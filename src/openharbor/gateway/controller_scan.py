"""Scanning for controllers (gateway-admin.yaml, scanControllers; choice 4): who announces itself, and who is known."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import structlog

from openharbor.boards.address import parse
from openharbor.boards.discovery import Announcement, found_boards, is_known
from openharbor.gateway.messages import Body
from openharbor.gateway.site import Site

log = structlog.get_logger("openharbor.scan")

SCAN_S = 5.0

Browse = Callable[[float], Awaitable[Sequence[Announcement]]]


class FoundController(Body):
    """The contract's FoundController."""

    driver: str
    address: str
    name: str
    locker_count: int
    known: bool


class ScanResponse(Body):
    found: list[FoundController]


class ControllerScan:
    """One scan at a time: who asks during one waits for it and gets its result. `browse` listens so many seconds."""

    def __init__(self, browse: Browse, site: Callable[[], Site]) -> None:
        self._browse, self._site = browse, site
        self._running: asyncio.Task[Sequence[Announcement]] | None = None

    async def scan(self) -> ScanResponse:
        """What was found, known boards included; nothing is added."""
        if self._running is None or self._running.done():
            self._running = asyncio.create_task(self._listen())
        return scan_response(await asyncio.shield(self._running), self._site())

    async def _listen(self) -> Sequence[Announcement]:
        announcements = await self._browse(SCAN_S)
        for refused in found_boards(announcements)[1]:
            log.warning("An announced board cannot be used", instance=refused.instance[:100], why=refused.why)
        return announcements


def scan_response(announcements: Sequence[Announcement], site: Site) -> ScanResponse:
    """The boards among these, by address."""
    addresses = [parse(one.address) for one in site.controllers.values()]
    found, _ = found_boards(announcements)
    return ScanResponse(
        [
            FoundController(one.driver, str(one.address), one.name, one.lockers, is_known(one, addresses))
            for one in found
        ]
    )
