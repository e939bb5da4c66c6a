"""Whose data a store function may touch: its first argument, everywhere in the cloud."""

import msgspec


class TenantScope(msgspec.Struct, frozen=True):
    """One organization. None: the installation itself (operators, workers, towers), which sees everything."""

    organization_id: int | None


INSTALLATION = TenantScope(None)
