"""The cloud is away: doors open by what was minted before, and everything is told in order when it is back.

blink-protocol.md 1, 4.3, 4.5, 13, 14.
"""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from openharbor.blink.refusals import MSG_EXPIRED
from openharbor.blink.sealing import Sealed
from openharbor.demo.platform import TOWER, Platform, on_platform
from openharbor.kit.clock import Clock
from openharbor.phone.results import Opened
from openharbor.phone.sdk_api import SdkApi
from openharbor.phone.sync import Synced
from service.sdk_calls.calls import refused
from service.sdk_calls.place import MovedClock, Phone, Place, tower_in_air

LIFE_S = 3000
TOLD = {
    1: ["LOCKER_TOKEN_CREATED", "LOCKER_TOKEN_USED", "LOCKER_TOKEN_USED", "PICKED_UP"],
    2: ["LOCKER_TOKEN_CREATED", "LOCKER_TOKEN_USED"],
    3: ["LOCKER_TOKEN_CREATED", "TOKEN_EXPIRED"],
}


@dataclass
class Street:
    """The cloud with its shop, the tower, and the clock of all of them."""

    platform: Platform
    place: Place
    clock: MovedClock
    stack: AsyncExitStack

    async def lockers(self) -> dict[int, dict[str, Any]]:
        """As the shop sees them, by the number on the door."""
        found = await self.platform.call("GET", f"/towers/{TOWER}/lockers", 200)
        return {int(one["name"]): one for one in found}

    async def mint(self, number: int) -> Sealed:
        """A token that drops off, and picks up when it is used again."""
        locker = (await self.lockers())[number]
        made = await self.platform.mint(locker, f"order-{number}")
        return Sealed(bytes.fromhex(made["payload"]), bytes.fromhex(made["payload_auth"]))

    async def phone(self, user: str) -> Phone:
        """One that has been prepared while the cloud was there: it can open sessions for an hour."""
        api = SdkApi(self.platform.url, await self.platform.phone_token(user), clock=Hurried(self.clock))
        phone = await self.stack.enter_async_context(self.place.phone(api=api, connected=False))
        await phone.sdk.fetch_session_token(bytes.fromhex(TOWER))
        return phone


class Hurried:
    """The same time, but nobody waits: for how long a phone pauses between attempts at a cloud that is away."""

    def __init__(self, clock: Clock) -> None:
        self.now, self.monotonic = clock.now, clock.monotonic

    async def sleep(self, seconds: float) -> None:
        """At once."""


@asynccontextmanager
async def street(directory: Path) -> AsyncIterator[Street]:
    clock = MovedClock()
    async with on_platform(clock) as platform, AsyncExitStack() as stack:
        await platform.sign_in()
        await platform.call("POST", "/webhook-endpoints", 201, {"url": platform.shop.url})
        place = await stack.enter_async_context(tower_in_air(directory, clock=clock, made=platform.provision))
        yield Street(platform, place, clock, stack)


async def came(phone: Phone) -> None:
    await phone.sdk.connect_to_tower_with_identifier(bytes.fromhex(TOWER))
    await phone.sdk.send_request_session()


async def left(phone: Phone) -> Synced:
    synced = await phone.sdk.sync_connected_tower()
    await phone.sdk.send_terminate_session()
    await phone.sdk.disconnect()
    return synced


async def used(phone: Phone, token: Sealed, number: int) -> Synced:
    """A visit: the door opens, and is shut again."""
    await came(phone)
    assert await phone.open(token) == Opened(number, seen=True)
    await phone.shut(number)
    return await left(phone)


@pytest.mark.parametrize("order", [(2, 1, 0), (0, 1, 2), (1, 2, 0)], ids=["newest first", "oldest first", "mixed"])
async def test_tokens_open_without_a_cloud_until_they_expire_and_everything_is_told_later_in_order(
    tmp_path: Path, order: tuple[int, ...]
) -> None:
    async with street(tmp_path) as here:
        tokens = {number: await here.mint(number) for number in TOLD}
        ids = {number: one["id"] for number, one in (await here.lockers()).items()}
        courier, customer, passer = [await here.phone(one) for one in ("courier", "customer", "passer")]
        await here.platform.cloud.stop()

        first = await used(courier, tokens[1], 1)
        assert first.failure is not None
        assert (await used(courier, tokens[2], 2)).waiting >= 1
        assert (await used(customer, tokens[1], 1)).failure is not None  # the second use picks up
        rig = here.place.rig
        assert (rig.running.state.lockers[1].available, rig.running.state.lockers[2].available) == (True, False)

        here.clock.move(LIFE_S)
        await rig.ready()
        await came(passer)
        for number in (2, 3):
            with refused(MSG_EXPIRED):
                await passer.open(tokens[number])
        assert (await left(passer)).failure is not None
        assert rig.pulses() == [1, 2, 1]

        await here.platform.cloud.start()
        await here.platform.sign_in()
        for phone in [(courier, customer, passer)[place] for place in order]:
            await came(phone)
            synced = await left(phone)
            assert (synced.failure, synced.waiting) == (None, 0)
        await _told(here, ids)


async def _told(here: Street, ids: dict[int, int]) -> None:
    """Each change of a locker once, in the order in which it happened, and the lockers as they are."""
    shop = here.platform.shop
    await here.place.rig.until(lambda: {n: shop.sources(ids[n]) for n in TOLD} == TOLD)
    await here.place.rig.until(lambda: len(_ranges(here)) == 3)
    assert {n: shop.sources(ids[n]) for n in TOLD} == TOLD
    for number in TOLD:
        times = [one["data"]["timestamp"] for one in shop.heard if one["data"]["locker_id"] == ids[number]]
        assert [one[:19] for one in times] == sorted(one[:19] for one in times)
    starts = sorted(_ranges(here))
    assert [start for start, _ in starts] == [1, *(start + count for start, count in starts[:-1])]  # no gap, none twice
    now = await here.lockers()
    assert [now[number]["status"]["name"] for number in TOLD] == ["available", "occupied", "available"]


def _ranges(here: Street) -> list[tuple[int, int]]:
    """First event and number of events of each sync that brought something new."""
    synced = (one["data"] for one in here.platform.shop.heard if one["event"] == "TOWER_SYNCED")
    return [(one["event_start"], one["event_count"]) for one in synced]
