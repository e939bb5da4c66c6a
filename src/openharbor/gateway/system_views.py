"""The gateway as its API shows it: health, and what it runs on."""

from openharbor.gateway import messages as m
from openharbor.gateway.parts import GatewayParts
from openharbor.gateway.site import Settings
from openharbor.gateway.system import host_name, network_interfaces
from openharbor.gateway.views import controller_bodies, lockers_health, settings_body
from openharbor.kit.http.timestamps import rfc3339


def health_body(parts: GatewayParts) -> m.Health:
    """From memory only, as it may be asked every second. `degraded`: a controller is offline or the database fails."""
    site, boards, database = parts.keeper.site, parts.boards(), parts.storage_state()
    online = sum(controller_id in boards and boards[controller_id].online for controller_id in site.controllers)
    whole = online == len(site.controllers) and database == "ok"
    return m.Health(
        status="ok" if whole else "degraded",
        version=parts.version,
        uptime_seconds=_uptime_s(parts),
        database=database,
        controllers=m.ControllersHealth(total=len(site.controllers), online=online),
        lockers=lockers_health(parts.shown.bodies(site, parts.live())),
    )


def system_body(parts: GatewayParts, settings: Settings) -> m.System:
    """Identity, network, controllers, storage and settings."""
    return m.System(
        gateway_id=settings.gateway_id,
        site_name=settings.site_name,
        version=parts.version,
        started_at=rfc3339(parts.started_at),
        uptime_seconds=_uptime_s(parts),
        timezone=settings.timezone,
        hostname=host_name(),
        network=network_interfaces(),
        controllers=controller_bodies(parts.keeper.site, parts.boards()),
        storage=parts.storage(),
        cloud_link=m.CloudLink(),
        settings=settings_body(settings),
    )


def _uptime_s(parts: GatewayParts) -> int:
    return max(0, int(parts.clock.monotonic() - parts.started))
