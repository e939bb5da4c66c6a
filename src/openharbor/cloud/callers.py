"""Whose data a caller may touch."""

from openharbor.cloud.scope import TenantScope
from openharbor.kit.errors import Refusal
from openharbor.kit.http.operation import Caller

NOT_PERMITTED = Refusal("FORBIDDEN", 403, "Not enough permissions")


def scope_of(caller: Caller) -> TenantScope | Refusal:
    """The caller's organization; 403 without one, for that scope would see everything."""
    return NOT_PERMITTED if caller.tenant is None else TenantScope(caller.tenant)
