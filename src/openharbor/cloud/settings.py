"""Settings of the cloud: where it listens, what it is called outside, whom it trusts."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from openharbor.kit import settings

Port = Annotated[int, Meta(ge=0, le=65535, description="must be 0 to 65535")]
Count = Annotated[int, Meta(ge=16, le=1_000_000, description="must be 16 to 1000000")]
Threads = Annotated[int, Meta(ge=1, le=128, description="must be 1 to 128")]
GapAlarm = Annotated[int, Meta(ge=60, le=2_678_400, description="must be 60 to 2678400 seconds")]
BodySize = Annotated[int, Meta(ge=1024, le=16 << 20, description="must be 1024 to 16777216 bytes")]


class CloudSettings(msgspec.Struct, frozen=True):
    """What `cloud serve` takes from flags, the environment and the `[cloud]` table of the settings file.

    `public_url`: what links and tokens name, without a slash at the end; empty: the address it listens on.
    `issuer`: an external OpenID Connect issuer that is trusted instead of the own accounts; empty: none.
    `webhook_networks`: private address ranges that webhooks may go to. `environment`: which tower ids are allowed.
    `worker`: also sends webhooks and ends reservations in this process. `password_sign_in`: operators get access tokens
    for e-mail address and password (sdk.yaml, login_access_token).
    `gap_alarm_s`: how long events of a tower may be missing before that is an alarm (blink-protocol.md 13.4).
    """

    host: str = "127.0.0.1"
    port: Port = 8000
    public_url: str = ""
    environment: Literal["sandbox", "production"] = "sandbox"
    issuer: str = ""
    audience: str = "openharbor"
    allowed_origins: tuple[str, ...] = ()
    webhook_networks: tuple[str, ...] = ()
    body_bytes: BodySize = 1 << 20
    connections: Count = 4096
    database_threads: Threads = 16
    worker: bool = True
    password_sign_in: bool = True
    gap_alarm_s: GapAlarm = 86_400


def resolve(flags: Mapping[str, object], config: Path | None) -> CloudSettings:
    """The settings; a flag that is None was not given. Raises Failed naming the setting, its value and its range."""
    return settings.resolve(CloudSettings, table="cloud", flags=flags, config=config)
