"""A served tower on a virtual controller, and phones in the same air."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from bumble.link import LocalLink

from harness.towers import TowerRig, tower_on
from harness.virtual_radio import RadioPhone, VirtualController, air, controller, hci
from openharbor.phone.radio_bumble import BumbleRadio
from openharbor.phone.scan import found
from openharbor.phone.transport import Found
from openharbor.tower.bluetooth import on_bluetooth


@dataclass
class OnAir:
    """`rig`: the tower; `tower`: its controller; `phone`: a controller for one."""

    rig: TowerRig
    air: LocalLink
    tower: VirtualController
    address: str
    phones: list[VirtualController] = field(default_factory=list)

    @property
    def found(self) -> Found:
        """The tower, without looking for it."""
        return found(self.rig.running.identity, self.address)

    def controller(self, *, extended: bool = True) -> VirtualController:
        """One more in this air."""
        self.phones.append(controller(self.air, f"phone{len(self.phones)}", extended=extended))
        return self.phones[-1]

    @asynccontextmanager
    async def radio(self, *, mtu: int = 247, extended: bool = True) -> AsyncIterator[BumbleRadio]:
        async with BumbleRadio(hci(self.controller(extended=extended)), mtu=mtu) as radio:
            yield radio

    @asynccontextmanager
    async def phone(self, *, mtu: int = 247) -> AsyncIterator[RadioPhone]:
        """A phone that is connected."""
        async with self.radio(mtu=mtu) as radio:
            phone = RadioPhone(await radio.connect(self.found))
            yield phone
            await phone.close()


@asynccontextmanager
async def tower_on_air(directory: Path, *, extended: bool = True) -> AsyncIterator[OnAir]:
    """A tower that is served by radio, and nothing else in its air."""
    here = air()
    ours = controller(here, "tower", extended=extended)
    async with tower_on(directory) as rig, on_bluetooth(rig.running, hci(ours)) as address:
        yield OnAir(rig, here, ours, address)


@pytest.fixture
async def on_air(tmp_path: Path, anyio_backend: str) -> AsyncIterator[OnAir]:
    async with tower_on_air(tmp_path) as rig:
        yield rig


@pytest.fixture
def served_on_air() -> Callable[..., object]:
    """`async with served_on_air(directory, extended=False) as on_air`."""
    return tower_on_air
