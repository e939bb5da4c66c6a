"""The closest location is the nearest on the globe, and the box that is searched never hides it."""

from math import isclose

from hypothesis import given
from hypothesis import strategies as st

from openharbor.cloud.catalog.closest import Box, Point, arc, box, closest, widening

latitudes = st.floats(-90, 90) | st.sampled_from([-90.0, 0.0, 89.9, 90.0])
longitudes = st.floats(-180, 180) | st.sampled_from([-180.0, -179.9, 0.0, 180.0])
radii = st.floats(1e-6, 180) | st.sampled_from([0.9, 90.0, 180.0])
places = st.builds(Point, st.integers(1, 50), latitudes, longitudes)


def inside(area: Box, point: Point) -> bool:
    """As the SQL of `store.IN_BOX` says."""
    east_or_west = area.west <= point.lon <= area.east or area.west2 <= point.lon <= area.east2
    return area.south <= point.lat <= area.north and east_or_west


def test_an_arc_is_the_angle_between_two_points() -> None:
    assert arc(0, 0, 0, 90) == 90
    assert isclose(arc(0, 179.5, 0, -179.5), 1)
    assert isclose(arc(90, 10, -90, 77), 180)
    assert isclose(arc(35.3127658, -80.6697548, 41.8781136, -87.6297982), 8.52, rel_tol=1e-3)


@given(latitudes, longitudes, places)
def test_an_arc_is_the_same_both_ways_and_at_most_half_a_turn(lat: float, lon: float, there: Point) -> None:
    there_and_back = arc(lat, lon, there.lat, there.lon), arc(there.lat, there.lon, lat, lon)
    assert isclose(*there_and_back, abs_tol=1e-9)
    assert 0 <= there_and_back[0] <= 180


@given(latitudes, longitudes, radii, places)
def test_the_box_holds_every_point_within_the_radius(lat: float, lon: float, radius: float, point: Point) -> None:
    if arc(lat, lon, point.lat, point.lon) <= radius:
        assert inside(box(lat, lon, radius), point)


@given(latitudes, longitudes, radii, st.lists(places, max_size=10, unique_by=lambda one: one.id))
def test_widening_boxes_find_the_closest_of_all(lat: float, lon: float, radius: float, points: list[Point]) -> None:
    found = None
    for reach in widening(radius):
        area = box(lat, lon, reach)
        found = found or closest([one for one in points if inside(area, one)], lat, lon, reach)
    assert found == closest(points, lat, lon, radius)


def test_nothing_is_close_beyond_the_radius() -> None:
    assert closest([Point(1, 0, 1)], 0, 0, 0.9) is None
    assert closest([Point(1, 0, 0.9)], 0, 0, 1) == 1
    assert closest([], 0, 0, 180) is None


def test_of_equally_near_ones_the_lowest_id_is_chosen() -> None:
    assert closest([Point(7, 0, 1), Point(3, 0, -1)], 0, 0, 90) == 3


@given(radii)
def test_the_last_radius_is_the_one_asked_for_after_few_others(radius: float) -> None:
    reaches = list(widening(radius))
    assert reaches[-1] == radius
    assert reaches == sorted(reaches)
    assert len(reaches) <= 5
