"""What the story is played on: two emulated cabinets on TCP, and a gateway that drives them, served over HTTP."""

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2

from openharbor.boards.emulator.emulator import Emulator
from openharbor.demo.narration import Unseen
from openharbor.gateway.commands import check_journal, initialise
from openharbor.gateway.serve import serving
from openharbor.gateway.settings import ServiceSettings
from openharbor.kit.clock import Clock

SITE = """
gatewayId = "gw-demo"
siteName = "Demo lobby"
timezone = "UTC"

[settings]
openDetectionSeconds = 2

[[lockerTypes]]
slug = "small"
friendlyName = "Small"
widthMm = 380
heightMm = 120
depthMm = 480

[[lockerTypes]]
slug = "medium"
friendlyName = "Medium"
widthMm = 380
heightMm = 250
depthMm = 480

[[lockerTypes]]
slug = "large"
friendlyName = "Large"
widthMm = 380
heightMm = 520
depthMm = 480

[[bankTypes]]
bankTypeId = 1
friendlyName = "Main bank"
associations = [
  {{ bankLockerNumber = 1, lockerType = "small" }},
  {{ bankLockerNumber = 2, lockerType = "small" }},
  {{ bankLockerNumber = 3, lockerType = "medium" }},
]

[[bankTypes]]
bankTypeId = 2
friendlyName = "Bank of large lockers"
associations = [
  {{ bankLockerNumber = 1, lockerType = "large", isLowLocker = true }},
  {{ bankLockerNumber = 2, lockerType = "large" }},
]

[[controllers]]
name = "Tower A"
address = "{kerong}"
bankTypeId = 1
commissioned = true

[[controllers]]
name = "Tower B"
address = "{waveshare}"
bankTypeId = 2
"""


@dataclass(frozen=True, slots=True)
class Stage:
    """The parts of the story. `url` is the gateway's."""

    kerong: Emulator
    waveshare: Emulator
    url: str
    data: Path
    admin_password: str
    client: httpx2.AsyncClient

    async def call(self, method: str, path: str, status: int, body: object = None, key: str | None = None) -> Any:
        """One request over HTTP; its JSON. Raises Unseen for another status than the expected."""
        headers = {} if key is None else {"Idempotency-Key": key}
        answer = await self.client.request(method, path, json=body, headers=headers)
        if answer.status_code != status:
            raise Unseen(f"{method} {path} answered {answer.status_code}: {answer.text}")
        return answer.json() if answer.content else None

    async def boards_online(self) -> bool:
        health = await self.call("GET", "/health", 200)
        return bool(health["controllers"]["online"] == health["controllers"]["total"] == 2)

    async def check(self) -> int:
        """`gateway check` beside the running gateway: how many audit entries it verified."""
        found = await asyncio.to_thread(check_journal, self.data)
        return int(found["auditEntries"])


@asynccontextmanager
async def on_stage(*, seed: int, clock: Clock) -> AsyncIterator[Stage]:
    """Sets everything up in a directory of its own, and takes it away afterwards."""
    with tempfile.TemporaryDirectory(prefix="openharbor-demo-") as folder:
        data, site = Path(folder) / "gateway", Path(folder) / "site.toml"
        async with (
            Emulator("kerong-cu16", locks=16, seed=seed, clock=clock) as kerong,
            Emulator("waveshare", locks=8, seed=seed + 1, clock=clock, feedback="closed_is_1") as waveshare,
        ):
            site.write_text(SITE.format(kerong=kerong.url(), waveshare=waveshare.url()))
            made = await asyncio.to_thread(initialise, data, site, None)
            async with (
                serving(data, ServiceSettings(port=0), clock) as served,
                httpx2.AsyncClient(base_url=served.url, timeout=70) as client,
            ):
                yield Stage(kerong, waveshare, served.url, data, made["adminPassword"], client)
