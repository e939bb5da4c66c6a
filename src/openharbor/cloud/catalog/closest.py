"""The nearest of some points on the globe. Angles in degrees; distances are great-circle arcs in degrees."""

from collections.abc import Iterable, Iterator
from math import asin, atan2, cos, degrees, hypot, radians, sin

import msgspec

FIRST_RADIUS = 1.0
WIDER = 4.0
ALL = 180.0
ROUNDING = 1e-6  # a box is a little wider than it must be


class Point(msgspec.Struct, frozen=True, gc=False):
    """Where something with an id is."""

    id: int
    lat: float
    lon: float


class Box(msgspec.Struct, frozen=True):
    """Latitudes from `south` to `north`; longitudes from `west` to `east` or from `west2` to `east2`."""

    south: float
    north: float
    west: float
    east: float
    west2: float
    east2: float


def arc(lat1: float, lon1: float, lat2: float, lon2: float) -> float:
    """The angle between two points, 0 to 180; exact for near and for opposite points."""
    phi1, phi2, turn = radians(lat1), radians(lat2), radians(lon2 - lon1)
    across = cos(phi2) * sin(turn)
    along = cos(phi1) * sin(phi2) - sin(phi1) * cos(phi2) * cos(turn)
    return degrees(atan2(hypot(across, along), sin(phi1) * sin(phi2) + cos(phi1) * cos(phi2) * cos(turn)))


def closest(points: Iterable[Point], lat: float, lon: float, radius: float) -> int | None:
    """Id of the nearest point not further away than `radius`; of equally near ones the lowest."""
    near = ((arc(lat, lon, point.lat, point.lon), point.id) for point in points)
    return min(((far, id_) for far, id_ in near if far <= radius), default=(0.0, None))[1]


def box(lat: float, lon: float, radius: float) -> Box:
    """A box that holds every point not further away than `radius`, on both sides of the date line and at a pole too."""
    south, north = lat - radius - ROUNDING, lat + radius + ROUNDING
    if south <= -90 or north >= 90:
        return Box(south, north, -ALL, ALL, -ALL, ALL)
    reach = degrees(asin(min(1.0, sin(radians(radius)) / cos(radians(lat))))) + ROUNDING
    west, east = lon - reach, lon + reach
    if west < -ALL:
        return Box(south, north, -ALL, east, west + 2 * ALL, ALL)
    if east > ALL:
        return Box(south, north, west, ALL, -ALL, east - 2 * ALL)
    return Box(south, north, west, east, west, east)


def widening(radius: float) -> Iterator[float]:
    """Radii to search one after another, so that a wide search reads few points where there is a near one."""
    reach = FIRST_RADIUS
    while reach < radius:
        yield reach
        reach *= WIDER
    yield radius
