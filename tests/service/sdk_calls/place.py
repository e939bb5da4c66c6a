"""A tower on the virtual air, phones with Harbor's calls in front of it, and an air in which links break on demand."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from bumble.controller import Controller
from bumble.core import PhysicalTransport
from bumble.hci import Address
from bumble.link import LocalLink

from harness.towers import QUICK, TOWER_ID, TowerRig, make_tower, provision, served, with_short_times
from harness.virtual_radio import VirtualController, controller, hci
from openharbor.blink.permissions import mask_of
from openharbor.blink.provisioning import Provision
from openharbor.blink.sealing import Sealed
from openharbor.boards.emulator.emulator import Emulator
from openharbor.kit.clock import Clock, SystemClock
from openharbor.phone.radio_bumble import BumbleRadio
from openharbor.phone.results import Opened
from openharbor.phone.sdk import HarborSdk
from openharbor.phone.sdk_api import SdkApi
from openharbor.phone.shelf import Shelf
from openharbor.tower.bluetooth import on_bluetooth

NOWHERE = "http://127.0.0.1:9"  # where no cloud is
WRITTEN, NOTIFIED = 0x52, 0x1B  # ATT: Write Command, Handle Value Notification
ATT_CHANNEL = b"\x04\x00"
USER = ("sync_packet", "locker_pickup", "locker_delivery")


class MovedClock(SystemClock):
    """The machine's clock, and what a test adds to it."""

    def __init__(self) -> None:
        self._added = 0.0
        self._moved = asyncio.Event()

    def now(self) -> int:
        return super().now() + round(self._added * 1000)

    def monotonic(self) -> float:
        return super().monotonic() + self._added

    async def sleep(self, seconds: float) -> None:
        """Ends early when the clock is moved by as much."""
        until = self.monotonic() + max(seconds, 0)
        while (left := until - self.monotonic()) > 0:
            with suppress(TimeoutError):
                async with asyncio.timeout(left):
                    await self._moved.wait()
        await asyncio.sleep(0)

    def move(self, seconds: float) -> None:
        """Forward; every sleeper looks at the time again."""
        self._added += seconds
        moved, self._moved = self._moved, asyncio.Event()
        moved.set()


@dataclass
class Chunk:
    """One piece of a message. `sender`: whose controller gave it to the air."""

    sender: str
    size: int


class CuttingAir(LocalLink):
    """Counts the chunks of Blink messages, and breaks the link after those that `cuts` says yes to."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # bumble left this one without annotations
        self.chunks: list[Chunk] = []
        self.cuts: Callable[[Chunk, int], bool] = lambda _chunk, _number: False
        self.broken = 0

    def send_acl_data(
        self, sender_controller: Controller, destination_address: Address, transport: PhysicalTransport, data: bytes
    ) -> None:
        """Delivers, then cuts: what was delivered has arrived at the other side's host."""
        super().send_acl_data(sender_controller, destination_address, transport, data)
        if data[2:4] != ATT_CHANNEL or data[4] not in (WRITTEN, NOTIFIED):
            return
        self.chunks.append(Chunk(sender_controller.name, len(data) - 7))
        if self.cuts(self.chunks[-1], len(self.chunks)) and isinstance(sender_controller, VirtualController):
            self.broken += 1
            asyncio.get_running_loop().call_soon(sender_controller.out_of_range)


@dataclass
class Phone:
    """A phone without a network: it has session payloads of the server on its shelf."""

    rig: TowerRig
    sdk: HarborSdk
    shelf: Shelf
    controller: VirtualController

    async def begin(self, *claims: str, client_id: bytes = b"courier") -> None:
        """A session with these claims, in place of an old one."""
        server, claims = self.rig.server, claims or USER
        made = server.session(mask_of(claims), client_id)
        self.shelf.keep_credentials(TOWER_ID, claims, made, server.now + 3600)
        await self.sdk.send_request_session(claims)

    async def open(self, token: Sealed) -> Opened:
        return await self.sdk.send_open_locker_with_token(token.payload, token.auth)

    async def shut(self, number: int) -> None:
        """Somebody pushes the door shut, and the tower sees it."""
        self.rig.lock(number).push_shut()
        await self.rig.until(lambda: self.rig.running.state.doors.get(number) is False)


@dataclass
class Place:
    """`rig`: the tower; `tower`: its controller."""

    rig: TowerRig
    air: CuttingAir
    tower: VirtualController
    phones: list[Phone] = field(default_factory=list)

    @asynccontextmanager
    async def phone(
        self, *, mtu: int = 247, api: SdkApi | None = None, kind: type[HarborSdk] = HarborSdk, connected: bool = True
    ) -> AsyncIterator[Phone]:
        """A phone with a radio of its own. `kind`: of its calls."""
        ours = controller(self.air, f"phone{len(self.phones)}")
        shelf = Shelf()
        async with BumbleRadio(hci(ours), mtu=mtu) as radio:
            sdk = kind(api or SdkApi(NOWHERE), radio=radio, shelf=shelf, auto_sync=False)
            self.phones.append(Phone(self.rig, sdk, shelf, ours))
            try:
                if connected:
                    await sdk.connect_to_tower_with_identifier(TOWER_ID)
                yield self.phones[-1]
            finally:
                await sdk.close()


@asynccontextmanager
async def tower_in_air(
    directory: Path, *, lockers: int = 4, clock: Clock | None = None, made: Provision | None = None
) -> AsyncIterator[Place]:
    """A served tower, on the air. `made`: its provisioning file; one of its own, with so many lockers, if left out."""
    clock, here = clock or SystemClock(), CuttingAir()
    ours = controller(here, "tower")
    made = made or provision(lockers, made_at=clock.now() // 1000 - 60)
    async with Emulator("kerong-cu48", locks=48, clock=clock, **QUICK) as emulator:
        # the driver is told the length of the emulator's pulse, or it would wait for that of a real board
        board = f"{with_short_times(emulator.url())}&pulse_ms={QUICK['pulse_ms'] + 10}"
        data = await make_tower(directory, [board], made)
        async with served(data, emulator, clock, [board]) as rig, on_bluetooth(rig.running, hci(ours)):
            await rig.ready()
            yield Place(rig, here, ours)
        assert emulator.violations() == []
