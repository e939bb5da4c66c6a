"""The log: ids without gaps, merged, pulled in batches, forgotten at the server's word, bounded (8.1 to 8.6)."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openharbor.blink.batches import MOST_EVENTS, MOST_PLAIN_BYTES, Batch, encode_batch
from openharbor.blink.events import (
    Accessed,
    AccessRefused,
    ClientNoted,
    DayReported,
    DoorForced,
    ErrorSeen,
    Event,
    LockerUpdated,
)
from openharbor.blink.refusals import Rejected
from openharbor.tower.event_log import (
    CAPACITY,
    EventLog,
    append,
    count,
    left,
    maps,
    marked_seen,
    pull,
    restarted,
)


def noted(size: int = 4) -> ClientNoted:
    return ClientNoted(event_id=0, at=1, client_info=bytes(size))


def error(code: int = 300, locker: int | None = 1) -> ErrorSeen:
    return ErrorSeen(event_id=0, at=1, code=code, source=2, locker_number=locker)


def accessed(locker: int) -> Accessed:
    return Accessed(
        event_id=0,
        at=1,
        locker_number=locker,
        reason=1,
        available=True,
        locker_token=b"",
        generation=0,
        retired=0,
        keypad_set=False,
    )


def updated(locker: int) -> LockerUpdated:
    return LockerUpdated(
        event_id=0,
        at=1,
        locker_number=locker,
        type_id=1,
        port=0,
        disabled=False,
        available=True,
        locker_token=b"",
        generation=0,
        retired=0,
        keypad_set=False,
        door_sensor=0,
        reason=1,
    )


def reported() -> DayReported:
    zeros: dict[str, Any] = dict.fromkeys(
        (
            "connections",
            "wakeups",
            "doors_opened",
            "locker_sessions",
            "special_sessions",
            "faults",
            "errors",
            "failed_sessions",
            "session_timeouts",
            "uptime_s",
            "temperature_low",
            "temperature_high",
        ),
        0,
    )
    return DayReported(event_id=0, at=1, period_start=0, **zeros)


def log_of(*events: Event, capacity: int = CAPACITY) -> EventLog:
    log = EventLog()
    for one in events:
        log = append(log, one, capacity)
    return log


def ids(log: EventLog) -> list[int]:
    return [one.event_id for one in log.events]


def test_equal_errors_that_follow_one_another_are_one_event() -> None:
    log = log_of(error(), error(), error())
    assert (log.last, log.events[0].dups) == (1, 2)
    log = append(log, error(code=301))
    assert log.last == 2


def test_what_has_been_pulled_is_not_merged_into_any_more() -> None:
    log = log_of(error())
    log = left(log, pull(log, 1))
    log = append(log, error())
    assert (log.last, [one.dups for one in log.events]) == (2, [None, None])


def test_refused_accesses_are_merged_by_code_locker_and_token() -> None:
    first = AccessRefused(event_id=0, at=1, code=201, locker_number=3, token_id=7)
    other = AccessRefused(event_id=0, at=1, code=201, locker_number=3, token_id=8)
    log = log_of(first, first, other)
    assert [one.dups for one in log.events] == [1, None]


def test_other_equal_events_stay_apart() -> None:
    assert log_of(noted(), noted()).last == 2


def test_a_pull_beyond_the_last_event_is_empty_and_one_further_is_104() -> None:
    log = log_of(noted(), noted())
    covered = pull(log, 3)
    assert (covered.first, covered.count, covered.events) == (3, 0, ())
    for start in (4, -1):
        with pytest.raises(Rejected) as refused:
            pull(log, start)
        assert refused.value.code == 104


def test_a_pull_from_before_the_first_unseen_event_begins_there() -> None:
    log = marked_seen(log_of(noted(), noted(), noted()), 3)
    covered = pull(log, 1)
    assert (covered.first, covered.count, covered.dropped) == (3, 1, 0)


@given(st.lists(st.integers(0, 500), min_size=1, max_size=60), st.integers(5, 60))
def test_batches_follow_each_other_without_gaps_and_keep_their_bounds(sizes: list[int], capacity: int) -> None:
    log = log_of(*(noted(size) for size in sizes), capacity=capacity)
    start, seen = 1, []
    while start <= log.last:
        covered = pull(log, start)
        assert covered.first == start
        assert covered.count >= 1
        assert len(covered.events) <= MOST_EVENTS
        batch = Batch(
            sealed_at=1_767_225_600,
            tower_id=bytes(8),
            first=covered.first,
            count=covered.count,
            events=maps(covered),
            dropped=covered.dropped,
            clock_state=0,
            epoch=1,
            boot_count=1,
        )
        assert len(encode_batch(batch)) <= MOST_PLAIN_BYTES
        seen += [one.event_id for one in covered.events]
        start += covered.count
    assert seen == ids(log)


def test_only_the_oldest_report_goes_then_lesser_events_then_the_rest() -> None:
    log = log_of(accessed(1), noted(), reported(), reported(), accessed(2), capacity=4)
    assert ids(log) == [1, 2, 4, 5]
    log = append(log, accessed(3), 4)
    assert ids(log) == [1, 2, 5, 6]
    log = append(log, accessed(4), 4)
    assert ids(log) == [1, 5, 6, 7]
    log = append(log, accessed(1), 4)
    assert ids(log) == [5, 6, 7, 8], "a newer event tells the state of locker 1"


def test_the_last_word_about_each_locker_is_never_dropped() -> None:
    forced = DoorForced(event_id=0, at=1, locker_number=9, port=0, available=True)
    log = log_of(accessed(1), updated(2), accessed(3), capacity=10)
    for _ in range(100):
        log = append(log, noted(), 10)
        log = append(log, error(code=301), 10)
        log = append(log, forced, 10)
    states = [one for one in log.events if isinstance(one, Accessed | LockerUpdated)]
    assert [one.locker_number for one in states] == [1, 2, 3]
    assert len(log.events) == 10


def test_dropped_ids_are_covered_and_counted() -> None:
    log = log_of(accessed(1), noted(), noted(), noted(), accessed(1), capacity=3)
    covered = pull(log, 1)
    assert (covered.first, covered.count, covered.dropped) == (1, 5, 2)


def test_seen_events_are_forgotten_and_no_id_beyond_the_next_is_seen() -> None:
    log = log_of(noted(), noted(), noted())
    log = marked_seen(log, 3)
    assert (ids(log), log.first, count(log)) == ([3], 3, 1)
    assert marked_seen(log, 2) == log
    assert marked_seen(log, 4).events == ()
    with pytest.raises(Rejected):
        marked_seen(log, 5)


def test_ids_never_go_back_when_the_counter_is_reset() -> None:
    log = log_of(noted(), noted())
    for asked, first in ((100, 100), (1, 3), (3, 3)):
        fresh = restarted(log, asked)
        assert (fresh.first, fresh.last, fresh.epoch, fresh.events) == (first, first - 1, 2, ())
        assert append(fresh, noted()).events[0].event_id == first
    with pytest.raises(Rejected):
        restarted(log, 2**31 - 1)
