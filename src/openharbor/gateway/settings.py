"""Settings of the service itself: who may call, how much, and what is kept in reserve."""

import msgspec

from openharbor.gateway.access import is_loopback


class ServiceSettings(msgspec.Struct, frozen=True):
    """`host` and `port` to listen on; `reserve_bytes` of disk kept for opens of existing transactions."""

    host: str = "127.0.0.1"
    port: int = 8080
    allow_anonymous_lan: bool = False
    allowed_hosts: tuple[str, ...] = ()
    allowed_origins: tuple[str, ...] = ()
    requests_per_minute: int = 1200
    reserve_bytes: int = 16 << 20

    @property
    def open_to_all(self) -> bool:
        """Nothing but loopback is served without a key, unless the operator says so."""
        return self.allow_anonymous_lan or is_loopback(self.host) or self.host == "localhost"
