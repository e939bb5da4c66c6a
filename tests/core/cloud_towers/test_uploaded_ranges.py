"""What batches cover behind a gap, which events are new, how commands are parted: without a database."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from openharbor.blink.batches import Batch
from openharbor.blink.cbor import Fields, encode
from openharbor.cloud.lockers.locker import Tower
from openharbor.cloud.lockers.reports import next_run
from openharbor.cloud.towers.coverage import end_of, waiting
from openharbor.cloud.towers.drift import Adjustment, seconds_to_lose
from openharbor.cloud.towers.fields_text import to_text
from openharbor.cloud.towers.packets import Numbered, parted
from openharbor.cloud.towers.uploads import sorted_out

RANGES = st.lists(st.tuples(st.integers(1, 60), st.integers(0, 12)), max_size=12)
NOW = 1_772_000_000_000
TOWER = Tower(tower_id="0100000000000014", rotation=1)


def batch(*events: Fields, ahead: int = 0, clock_state: int = 0) -> Batch:
    return Batch(
        sealed_at=NOW // 1000 + ahead,
        tower_id=bytes(8),
        first=1,
        count=len(events),
        events=events,
        clock_state=clock_state,
        epoch=1,
        boot_count=1,
    )


@given(RANGES, st.integers(1, 60))
def test_ranges_cover_the_same_ids_after_they_were_joined(ranges: list[tuple[int, int]], next_event: int) -> None:
    joined = waiting(ranges, next_event)
    covered = {one for first, count in ranges for one in range(first, first + count) if one >= next_event}
    beyond = {one for first, count in joined for one in range(first, first + count) if one >= next_event}
    assert beyond == covered
    assert all(later[0] > sum(one) for one, later in pairwise(joined))


@given(RANGES)
def test_behind_the_frontier_nothing_waits_that_touches_it(ranges: list[tuple[int, int]]) -> None:
    frontier = next_run(ranges, 1)
    assert all(first > frontier for first, _ in waiting(ranges, frontier))


@given(RANGES, st.integers(1, 60))
def test_ranges_may_be_joined_at_any_time(ranges: list[tuple[int, int]], next_event: int) -> None:
    assert next_run(waiting(ranges, next_event), next_event) == next_run(ranges, next_event)


def test_the_end_of_everything_covered() -> None:
    assert end_of([(5, 3), (20, 1)], 4) == 21
    assert end_of([], 4) == 4


def note(event_id: int, text: bytes = b"") -> Fields:
    return {1: 29, 5: 0, 30: event_id, 62: text}


def test_new_events_come_in_order_and_the_first_of_two_stays() -> None:
    fresh, conflicts = sorted_out([batch(note(3), note(4)), batch(note(1), note(3, b"other"))], {4: to_text(note(4))})
    assert (list(fresh), conflicts) == ([1, 3], [3])
    assert fresh[3] == note(3)


def test_a_stored_event_with_other_content_is_a_conflict_each_time_but_once_an_upload() -> None:
    fresh, conflicts = sorted_out([batch(note(1, b"other")), batch(note(1, b"other"))], {1: to_text(note(1))})
    assert (fresh, conflicts) == ({}, [1])


@given(st.lists(st.integers(0, 300), min_size=1, max_size=200), st.integers(320, 2000))
def test_parts_hold_every_command_once_in_order_within_the_limits(sizes: list[int], room: int) -> None:
    numbered = [Numbered(number, {1: 19, 62: bytes(size)}) for number, size in enumerate(sizes, 1)]
    parts = list(parted(numbered, room))
    assert [one for part in parts for one in part] == numbered
    assert all(len(part) <= 64 and sum(len(encode(one.fields)) for one in part) <= room for part in parts)


def test_a_part_ends_where_numbers_do() -> None:
    numbered = [Numbered(number, {1: 16}) for number in (1, 2, 4, 5)]
    assert [[one.command_id for one in part] for part in parted(numbered, 1000)] == [[1, 2], [4, 5]]


def test_only_a_clock_that_is_more_than_a_minute_ahead_loses_time_an_hour_at_most() -> None:
    assert seconds_to_lose([batch(ahead=60)], TOWER, None, NOW) == 0
    assert seconds_to_lose([batch(ahead=-900)], TOWER, None, NOW) == 0
    assert seconds_to_lose([batch(ahead=61), batch(ahead=-5)], TOWER, None, NOW) == 61
    assert seconds_to_lose([batch(ahead=90_000)], TOWER, None, NOW) == 3600


def test_a_clock_that_is_unsure_or_about_to_be_set_is_left_alone() -> None:
    assert seconds_to_lose([batch(ahead=900, clock_state=1)], TOWER, None, NOW) == 0
    corrected = Tower(tower_id=TOWER.tower_id, rotation=1, corrections=(4,))
    assert seconds_to_lose([batch(ahead=900)], corrected, None, NOW) == 0


def test_a_clock_that_is_still_losing_time_is_given_twice_as_long() -> None:
    assert seconds_to_lose([batch(ahead=900)], TOWER, Adjustment(-900, None), NOW) == 0
    assert seconds_to_lose([batch(ahead=900)], TOWER, Adjustment(-900, NOW - 1_799_999), NOW) == 0
    assert seconds_to_lose([batch(ahead=900)], TOWER, Adjustment(-900, NOW - 1_800_000), NOW) == 900
