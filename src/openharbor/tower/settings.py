"""Settings of the tower's service: how phones reach it. What the device itself is set to stands in its flash."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

from openharbor.kit import settings
from openharbor.kit.errors import Failed
from openharbor.kit.settings import USAGE

Listen = Annotated[
    str,
    Meta(pattern=r"^(\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9._-]{1,253}):[0-9]{1,5}$", description="must be HOST:PORT"),
]
Links = Annotated[int, Meta(ge=2, le=64, description="must be 2 to 64")]
HIGHEST_PORT = 65_535


class TowerSettings(msgspec.Struct, frozen=True):
    """What `tower serve` takes from flags, the environment and the `[tower]` table of the settings file.

    `listen`: HOST:PORT, port 0 picks one. `bluetooth`: a bumble transport in place of it; empty: none. `links`: over
    TCP at once.
    """

    listen: Listen = "127.0.0.1:46400"
    bluetooth: str = ""
    links: Links = 16

    @property
    def host(self) -> str:
        return self.listen.rpartition(":")[0].strip("[]")

    @property
    def port(self) -> int:
        return int(self.listen.rpartition(":")[2])


def resolve(flags: Mapping[str, object], config: Path | None) -> TowerSettings:
    """The settings; a flag that is None was not given. Raises Failed naming the setting, its value and its range."""
    found = settings.resolve(TowerSettings, table="tower", flags=flags, config=config)
    if found.port > HIGHEST_PORT:
        raise Failed(f"--listen {found.listen}: the port must be 0 to {HIGHEST_PORT}", USAGE)
    return found
