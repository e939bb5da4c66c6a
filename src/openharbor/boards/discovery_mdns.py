"""Announcements by mDNS: hearing and making them (lock-boards.md 5.2). The one module that knows zeroconf."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

from zeroconf import InterfaceChoice, ServiceStateChange  # type: ignore[import-not-found,unused-ignore]
from zeroconf.asyncio import (  # type: ignore[import-not-found,unused-ignore]
    AsyncServiceBrowser,
    AsyncServiceInfo,
    AsyncZeroconf,
)

from openharbor.boards.address import parse
from openharbor.boards.discovery import MOST_ANNOUNCEMENTS, SERVICE, Announcement, announcement_of
from openharbor.kit.clock import Clock

RESOLVE_MS = 2000  # for the address and the TXT record of one service
LONGEST_LABEL = 63  # bytes of an instance name (RFC 6763, 4.1.1)


async def browse(
    seconds: float, clock: Clock, *, service: str = SERVICE, interfaces: Sequence[str] | None = None
) -> list[Announcement]:
    """What is announced within so many seconds, 256 of them at most. `interfaces`: addresses of this machine, else all.

    Raises OSError where this machine has no network to listen on.
    """
    names: dict[str, None] = {}

    def changed(**told: Any) -> None:
        if told["state_change"] is ServiceStateChange.Removed:
            names.pop(told["name"], None)
        elif len(names) < MOST_ANNOUNCEMENTS:
            names[told["name"]] = None

    async with _listening(interfaces) as zeroconf:
        browser = AsyncServiceBrowser(zeroconf.zeroconf, [service], handlers=[changed])
        try:
            await clock.sleep(seconds)
            found = await asyncio.gather(*(_resolved(zeroconf, service, name) for name in tuple(names)))
        finally:
            await browser.async_cancel()
    return [one for one in found if one is not None]


@asynccontextmanager
async def announcing(
    announcements: Sequence[Announcement], *, service: str = SERVICE, interfaces: Sequence[str] | None = None
) -> AsyncIterator[None]:
    """Announces these for the time of a block, and takes them back at its end. An instance name that is taken gets a
    number."""
    async with _listening(interfaces) as zeroconf:
        for one in announcements:
            await (await zeroconf.async_register_service(_info(one, service), allow_name_change=True))
        try:
            yield
        finally:
            await zeroconf.async_unregister_all_services()


def announcing_boards(boards: Sequence[tuple[str, int]]) -> AbstractAsyncContextManager[None]:
    """Announces boards of this machine by their URLs and how many locks they have; those on other lines are left out.
    For `cabinet serve --mdns`."""
    addresses = [(parse(url), locks) for url, locks in boards]
    return announcing(
        [
            announcement_of(address, address.host.strip("[]"), f"{address.driver} {address.board}", locks)
            for address, locks in addresses
            if address.transport == "tcp"
        ]
    )


@asynccontextmanager
async def _listening(interfaces: Sequence[str] | None) -> AsyncIterator[Any]:
    zeroconf = AsyncZeroconf(interfaces=InterfaceChoice.All if interfaces is None else list(interfaces))
    try:
        yield zeroconf
    finally:
        await zeroconf.async_close()


async def _resolved(zeroconf: Any, service: str, name: str) -> Announcement | None:
    """None: it did not say where it is."""
    info = AsyncServiceInfo(service, name)
    if not await info.async_request(zeroconf.zeroconf, RESOLVE_MS) or info.port is None:
        return None
    txt = {
        str(key): value
        for key, value in info.decoded_properties.items()
        if value is not None  # a key without a value
    }
    return Announcement(name, tuple(info.parsed_addresses()), int(info.port), txt)


def _info(announcement: Announcement, service: str) -> AsyncServiceInfo:
    label = announcement.instance.removesuffix("." + service).replace(".", " ")
    label = label.encode()[:LONGEST_LABEL].decode(errors="ignore")
    return AsyncServiceInfo(
        service,
        f"{label}.{service}",
        port=announcement.port,
        properties=dict(announcement.txt),
        parsed_addresses=list(announcement.hosts),
        server=f"openharbor-{announcement.port}.local.",
    )
