"""Faults of lock boards and locks are told when they begin and when they are over (blink-protocol.md 9.2)."""

import pytest
from msgspec.structs import replace

from core.tower.desk import Desk
from openharbor.blink.events import ErrorOver, ErrorSeen, Event
from openharbor.tower import device
from openharbor.tower.lockers import Locker
from openharbor.tower.power_up import started
from openharbor.tower.state import Faults, Hardware

PORTS = range(24)  # one board for all lockers of the fixture


def told(desk: Desk, since: int = 12) -> list[tuple[type[Event], int | None]]:
    return [(type(one), one.locker_number) for one in desk.since(since) if isinstance(one, ErrorSeen | ErrorOver)]


def seen(desk: Desk, *, reachable: bool, seconds: float = 0) -> None:
    desk.at_ms += round(seconds * 1000)
    desk.take(device.board_seen(desk.tower, PORTS, desk.at_ms, reachable=reachable))


def test_a_board_that_stops_answering_is_told_once_with_its_lockers() -> None:
    desk = Desk()
    seen(desk, reachable=True)
    for _ in range(20):
        seen(desk, reachable=False, seconds=2)
    (error,) = desk.since(12)
    assert isinstance(error, ErrorSeen)
    assert (error.code, error.source, error.locker_number) == (300, 2, min(desk.tower.lockers))
    assert error.message is not None
    assert error.message.startswith("no answer from the lock board of lockers 1")
    assert len(error.message) <= 100


def test_it_is_over_when_the_board_has_answered_for_ten_seconds() -> None:
    desk = Desk()
    seen(desk, reachable=False)
    seen(desk, reachable=True, seconds=2)
    seen(desk, reachable=True, seconds=9)
    assert told(desk) == [(ErrorSeen, 1)]
    seen(desk, reachable=True, seconds=1)
    seen(desk, reachable=True, seconds=1)
    assert told(desk) == [(ErrorSeen, 1), (ErrorOver, 1)]
    assert desk.tower.faults == Faults()


def test_a_board_that_comes_and_goes_fills_no_log() -> None:
    desk = Desk()
    for _ in range(100):
        seen(desk, reachable=False, seconds=4)
        seen(desk, reachable=True, seconds=4)
    assert told(desk) == [(ErrorSeen, 1)]


def test_a_board_without_lockers_is_no_ones_fault() -> None:
    desk = Desk()
    for _ in range(3):
        desk.at_ms += 10_000
        desk.take(device.board_seen(desk.tower, [4000, 4001], desk.at_ms, reachable=False))
    assert desk.since(12) == []
    with pytest.raises(ValueError, match="at least one port"):
        device.board_seen(desk.tower, [], desk.at_ms, reachable=True)


def test_two_boards_are_told_apart() -> None:
    desk = Desk()
    for _ in range(2):
        desk.at_ms += 10_000
        desk.take(device.board_seen(desk.tower, [0], desk.at_ms, reachable=False))
        desk.take(device.board_seen(desk.tower, [1, 2], desk.at_ms, reachable=False))
    assert told(desk) == [(ErrorSeen, 1), (ErrorSeen, 2)]
    for _ in range(3):
        desk.at_ms += 10_000
        desk.take(device.board_seen(desk.tower, [1, 2], desk.at_ms, reachable=True))
    assert told(desk) == [(ErrorSeen, 1), (ErrorSeen, 2), (ErrorOver, 2)]


def test_a_lock_that_could_not_be_fired_is_over_when_it_is_fired() -> None:
    desk = Desk()
    desk.only_session("A")
    desk.dead.add(1)
    desk.use("A", "drop-off, locker 1")
    assert told(desk) == [(ErrorSeen, 1)]
    desk.dead.clear()
    desk.use("A", "drop-off, locker 1")
    assert told(desk) == [(ErrorSeen, 1), (ErrorOver, 1)]


def test_a_pulse_in_doubt_ends_no_fault() -> None:
    desk = Desk()
    desk.only_session("A")
    desk.dead.add(1)
    desk.use("A", "drop-off, locker 1")
    desk.dead.clear()
    desk.doubtful.add(1)
    desk.use("A", "drop-off, locker 1")
    assert told(desk) == [(ErrorSeen, 1)]


def test_with_the_board_the_faults_of_its_locks_are_over() -> None:
    desk = Desk()
    desk.only_session("A")
    desk.dead.add(3)
    desk.use("A", "pick-up, locker 3")
    seen(desk, reachable=False)
    seen(desk, reachable=True, seconds=1)
    seen(desk, reachable=True, seconds=10)
    assert told(desk) == [(ErrorSeen, 3), (ErrorSeen, 1), (ErrorOver, 1), (ErrorOver, 3)]


def test_a_fault_is_over_after_a_start_too() -> None:
    desk = Desk()
    seen(desk, reachable=False)
    desk.tower = started(desk.tower, Hardware(), wall_s=None, at_ms=0, challenge=bytes(8))
    desk.at_ms = 0
    seen(desk, reachable=True, seconds=1)
    seen(desk, reachable=True, seconds=10)
    assert told(desk) == [(ErrorSeen, 1), (ErrorOver, 1)]


def test_faults_push_no_state_of_a_locker_out_of_a_full_log() -> None:
    desk = Desk()
    desk.only_session("A")
    desk.use("A", "drop-off, locker 1")
    state = desk.newest()
    for _ in range(1500):
        seen(desk, reachable=False)
        seen(desk, reachable=True, seconds=1)
        seen(desk, reachable=True, seconds=10)
    assert state in desk.tower.log.events
    assert len(desk.tower.log.events) <= 2048


@pytest.mark.parametrize(
    ("numbers", "words"),
    [
        ([7], "locker 7"),
        ([1, 2], "lockers 1, 2"),
        ([5, 6, 7], "lockers 5 to 7"),
        ([1, 3, 5], "lockers 1, 3, 5"),
        (range(1, 80, 2), "40 lockers"),
        (range(1001, 1023, 3), "lockers 1001, 1004, 1007, 1010, 1013, 1016, 1019, 1022"),
    ],
)
def test_the_lockers_of_a_board_are_named_in_a_few_words(numbers: list[int], words: str) -> None:
    desk = Desk()
    lockers = {number: Locker(number=number, type_id=1, port=number) for number in numbers}
    desk.tower = replace(desk.tower, lockers=lockers)
    desk.take(device.board_seen(desk.tower, range(2000), desk.at_ms, reachable=False))
    (error,) = desk.since(12)
    assert isinstance(error, ErrorSeen)
    assert error.message == f"no answer from the lock board of {words}"
    assert len(error.message) <= 100
