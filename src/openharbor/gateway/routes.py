"""Every operation of the Local API (gateway-local.yaml)."""

from openharbor.gateway import routes_lockers, routes_system, routes_transactions
from openharbor.gateway.parts import GatewayParts
from openharbor.kit.http.operation import Operation


def operations(parts: GatewayParts) -> list[Operation]:
    """What the gateway serves."""
    return [
        *routes_system.operations(parts),
        *routes_transactions.operations(parts),
        *routes_lockers.operations(parts),
    ]
