"""Settings of the service itself: who may call, how much, what is kept in reserve. Those of the site stand in it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

from openharbor.gateway.access import is_loopback
from openharbor.kit import settings

Port = Annotated[int, Meta(ge=0, le=65535, description="must be 0 to 65535")]
Bytes = Annotated[int, Meta(ge=0, le=1 << 40, description="must be 0 to 1099511627776 bytes")]
Rate = Annotated[int, Meta(ge=1, le=1_000_000, description="must be 1 to 1000000 requests a minute")]
Count = Annotated[int, Meta(ge=16, le=1_000_000, description="must be 16 to 1000000")]
BodySize = Annotated[int, Meta(ge=1024, le=16 << 20, description="must be 1024 to 16777216 bytes")]


class ServiceSettings(msgspec.Struct, frozen=True):
    """What `gateway serve` takes from flags, the environment and the `[gateway]` table of the settings file.

    `allowed_hosts`: further names of this machine. `allowed_origins`: web pages that may call. `reserve_bytes`: disk
    kept for opens of existing transactions when it is full. `alarm_webhook_url`: where alarms are posted.
    """

    host: str = "127.0.0.1"
    port: Port = 8080
    allow_anonymous_lan: bool = False
    allowed_hosts: tuple[str, ...] = ()
    allowed_origins: tuple[str, ...] = ()
    requests_per_minute: Rate = 1200
    body_bytes: BodySize = 65_536
    connections: Count = 4096
    reserve_bytes: Bytes = 16 << 20
    alarm_webhook_url: str = ""

    @property
    def open_to_all(self) -> bool:
        """Nothing but loopback is served without a key, unless the operator says so."""
        return self.allow_anonymous_lan or is_loopback(self.host) or self.host == "localhost"


def resolve(flags: Mapping[str, object], config: Path | None) -> ServiceSettings:
    """The settings; a flag that is None was not given. Raises Failed naming the setting, its value and its range."""
    return settings.resolve(ServiceSettings, table="gateway", flags=flags, config=config)
