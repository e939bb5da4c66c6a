"""Parameters and answers of locations, towers, lockers and locker types, as in service-provider.yaml.

Times are ready-made text; opening hours are JSON text as it is stored.
"""

from typing import Annotated

import msgspec
from msgspec import Meta

Id = Annotated[int, Meta(ge=1, le=2**63 - 1, description="must be 1 to 9223372036854775807")]
TowerId = Annotated[str, Meta(max_length=16, pattern="^[0-9A-Fa-f]{16}$", description="must be 16 hex digits")]
Skip = Annotated[int, Meta(ge=0, le=2**31 - 1, description="must be 0 to 2147483647")]
Limit = Annotated[int, Meta(ge=1, le=1000, description="must be 1 to 1000")]
Latitude = Annotated[float, Meta(ge=-90, le=90, description="must be -90 to 90")]
Longitude = Annotated[float, Meta(ge=-180, le=180, description="must be -180 to 180")]
Radius = Annotated[float, Meta(gt=0, le=180, description="must be more than 0 and at most 180")]


class Body(msgspec.Struct, rename="camel", gc=False):
    """An answer, encoded as it stands."""


# Parameters -------------------------------------------------------------


class LocationPath(msgspec.Struct):
    location_id: Id


class TowerPath(msgspec.Struct):
    tower_id: TowerId


class LockerPath(msgspec.Struct):
    tower_id: TowerId
    locker_id: Id


class Page(msgspec.Struct):
    skip: Skip = 0
    limit: Limit = 100


class Near(msgspec.Struct):
    """A point, and how far around it, all in degrees."""

    lat: Latitude
    lon: Longitude
    radius: Radius = 0.9


# Answers ----------------------------------------------------------------


class Location(Body):
    """`access_hours`: JSON of AccessHours, or null."""

    id: int
    name: str
    lat: float | None
    lon: float | None
    description: str | None
    address1: str
    address2: str | None
    city: str
    state: str
    zip: str
    country: str
    notes: str | None
    access_hours: msgspec.Raw
    timezone: str | None


class Tower(Body):
    """`last_visit_at` by the cloud's clock, `synced_until` by the tower's."""

    id: str
    name: str
    description: str | None
    location_id: int
    system_id: int
    tower_model_id: int
    access_mode_id: int
    is_for_test: bool
    locker_count: int
    firmware_version: str | None
    last_visit_at: str | None
    synced_until: str | None


class LockerStatus(Body):
    name: str
    id: int


class LockerTypeRef(Body):
    name: str
    description: str | None
    id: int


class Locker(Body):
    id: int
    name: str
    is_low_locker: bool
    tower_id: str
    status: LockerStatus
    type: LockerTypeRef
    access_mode: str


class LockerType(Body):
    id: int
    name: str
    display_name: str
    description: str | None
    width_mm: int
    height_mm: int
    depth_mm: int


class LockerTypeName(Body):
    id: int
    name: str
    display_name: str


class LockerCount(Body):
    available_lockers: int
    total_lockers: int


class AvailabilityByType(Body):
    locker_type: LockerTypeName
    locker_availability: LockerCount


class Availability(Body):
    """`by_type`: of the types that are present, smallest first."""

    by_type: list[AvailabilityByType]
    locker_availability: LockerCount
