"""Where the parcel is handed over: a tower on an emulated cabinet, on the air, and the phones in front of it."""

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bumble.link import LocalLink

from openharbor.blink import provisioning
from openharbor.boards.emulator.emulator import Emulator
from openharbor.boards.emulator.lock import Lock
from openharbor.demo.air import air, controller, hci
from openharbor.demo.narration import Unseen
from openharbor.demo.platform import TOWER, Platform
from openharbor.kit.clock import Clock
from openharbor.phone.radio_bumble import BumbleRadio
from openharbor.phone.results import Opened
from openharbor.phone.sdk import HarborSdk
from openharbor.phone.sdk_api import SdkApi
from openharbor.phone.sync import Synced
from openharbor.phone.transport import Found
from openharbor.tower.app import RunningTower, running
from openharbor.tower.bluetooth import on_bluetooth
from openharbor.tower.commands import initialise


@dataclass(frozen=True, slots=True)
class Phone:
    """A phone with the app of a delivery service."""

    sdk: HarborSdk

    async def prepare(self) -> None:
        """Fetches the session payload while the cloud is there; the app uses it again for an hour."""
        await self.sdk.fetch_session_token(bytes.fromhex(TOWER))

    async def arrive(self) -> Found:
        """Finds the tower, connects, begins a session."""
        found = await self.sdk.connect_to_tower_with_identifier(bytes.fromhex(TOWER))
        await self.sdk.send_request_session()
        return found

    async def open(self, token: dict[str, Any]) -> Opened:
        payload, auth = bytes.fromhex(token["payload"]), bytes.fromhex(token["payload_auth"])
        return await self.sdk.send_open_locker_with_token(payload, auth)

    async def leave(self) -> Synced:
        """Ends the session, which syncs before, and hangs up."""
        synced = await self.sdk.send_terminate_session()
        await self.sdk.disconnect()
        if synced is None:
            raise Unseen("a sync before the session ended")
        return synced

    async def deliver(self) -> Synced:
        """Hands in what was carried, on another visit."""
        await self.arrive()
        return await self.leave()


@dataclass(slots=True)
class Street:
    """The parts of the story. `radio_address`: the tower's."""

    cabinet: Emulator
    tower: RunningTower
    radio_address: str
    air: LocalLink
    platform: Platform
    stack: AsyncExitStack
    phones: dict[str, Phone] = field(default_factory=dict)

    async def all_shut(self) -> bool:
        """Whether the tower has read every door, and each is shut."""
        doors = self.tower.state.doors
        return len(doors) == len(self.tower.state.lockers) and all(one is False for one in doors.values())

    def lock(self, name: str) -> Lock:
        """Lock and door of the locker with this name: its number, counted from port 0."""
        ports = {one.number: one.port for one in self.platform.provision.lockers}
        return next(iter(self.cabinet.locks.values()))[ports[int(name)] + 1]

    async def phone(self, whose: str) -> Phone:
        """The phone of this user, with a radio of its own; signed in when it is first asked for."""
        if whose not in self.phones:
            self.phones[whose] = await self._signed_in(whose)
        return self.phones[whose]

    async def _signed_in(self, whose: str) -> Phone:
        radio = await self.stack.enter_async_context(BumbleRadio(hci(controller(self.air, whose))))
        api = SdkApi(self.platform.url, await self.platform.phone_token(whose))
        sdk = HarborSdk(api, radio=radio)
        self.stack.push_async_callback(sdk.close)
        return Phone(sdk)


@asynccontextmanager
async def on_street(platform: Platform, *, seed: int, clock: Clock) -> AsyncIterator[Street]:
    """Sets the tower up in a directory of its own, and takes it away afterwards."""
    with tempfile.TemporaryDirectory(prefix="openharbor-demo-") as folder:
        file, data, here = Path(folder) / "tower.json", Path(folder) / "tower", air()
        async with AsyncExitStack() as stack:
            cabinet = await stack.enter_async_context(Emulator("kerong-cu16", locks=16, seed=seed, clock=clock))
            await asyncio.to_thread(file.write_bytes, provisioning.write(platform.provision))
            await asyncio.to_thread(initialise, data, file, [cabinet.url()])
            tower = await stack.enter_async_context(running(data, None, clock))
            address = await stack.enter_async_context(on_bluetooth(tower, hci(controller(here, "tower"))))
            yield Street(cabinet, tower, address, here, platform, stack)
