"""When a door or its lock is an alarm, and when it is none any more."""

import pytest

from openharbor.gateway.alarm_doors import Door, DoorSight, looked_at, message_of, opened, told
from openharbor.gateway.alarms import CauseKind

OPEN = DoorSight(1, online=True, senses=True, open=True)
SHUT = DoorSight(1, online=True, senses=True, open=False)
BLIND = DoorSight(1, online=True, senses=True, open=None)
AWAY = DoorSight(1, online=False, senses=True, open=None)
IGNORED = DoorSight(1, online=True, senses=False, open=None)


def looks(door: Door, sight: DoorSight, start: int, seconds: int, left_open_s: int = 300) -> Door:
    """A look each second, the first and the last one included."""
    for at in range(start, start + seconds + 1):
        door = looked_at(door, sight, left_open_s, float(at))
    return door


def holding(*kinds: CauseKind) -> Door:
    return Door(1, frozenset(kinds))


def test_a_door_is_left_open_after_the_time_of_the_settings_and_no_second_earlier() -> None:
    assert not looks(Door(1), OPEN, 0, 299).holding
    assert looks(Door(1), OPEN, 0, 300).holding == {"door_left_open"}


def test_a_door_that_was_shut_in_between_is_timed_anew() -> None:
    door = told(looks(Door(1), OPEN, 0, 200), "door_closed", 200.2)
    assert not looks(told(door, "door_opened", 200.8), OPEN, 201, 298).holding


def test_a_shut_door_ends_what_its_being_open_began() -> None:
    assert not looked_at(holding("door_left_open", "uncommanded_open"), SHUT, 300, 1.0).holding
    assert not told(holding("door_left_open", "uncommanded_open"), "door_closed", 1.0).holding


def test_no_door_is_left_open_where_the_settings_switch_that_off() -> None:
    assert not looks(Door(1), OPEN, 0, 90_000, left_open_s=0).holding
    assert not looked_at(holding("door_left_open"), OPEN, 0, 1.0).holding


def test_a_short_gap_in_the_readings_does_not_start_the_time_of_an_open_door_anew() -> None:
    door = looks(looks(Door(1), OPEN, 0, 200), AWAY, 201, 30)
    assert looks(door, OPEN, 232, 68).holding == {"door_left_open"}


def test_a_long_gap_does_since_the_door_may_have_been_shut_meanwhile() -> None:
    door = looks(looks(Door(1), OPEN, 0, 200), AWAY, 201, 90)
    assert not looks(door, OPEN, 292, 299).holding


@pytest.mark.parametrize("sight", [AWAY, BLIND])
def test_what_cannot_be_seen_ends_nothing(sight: DoorSight) -> None:
    kept = looks(holding("door_left_open", "uncommanded_open", "lock_jammed"), sight, 0, 500).holding
    assert kept >= {"door_left_open", "uncommanded_open", "lock_jammed"}


@pytest.mark.parametrize("kind", ["uncommanded_open", "opened_unseen"])
def test_a_door_that_opens_untold_is_an_alarm_at_once(kind: str) -> None:
    assert told(Door(1), kind, 1.0).holding == {"uncommanded_open"}  # type: ignore[arg-type]  # from a list of them


def test_a_door_that_was_told_to_open_is_none() -> None:
    assert not told(Door(1), "door_opened", 1.0).holding


def test_a_jam_lasts_until_the_next_open_succeeds_whatever_the_door_does() -> None:
    door = told(Door(1), "jammed", 1.0)
    assert door.holding == {"lock_jammed"}
    assert looks(told(door, "door_closed", 2.0), SHUT, 3, 100).holding == {"lock_jammed"}
    assert not opened(door, confirmed=False).holding


def test_a_sensor_that_cannot_be_read_is_a_fault_after_ten_seconds() -> None:
    assert not looks(Door(1), BLIND, 0, 9).holding
    assert looks(Door(1), BLIND, 0, 10).holding == {"sensor_unreadable"}


def test_that_its_board_does_not_answer_is_not_the_sensors_fault() -> None:
    assert not looks(Door(1), AWAY, 0, 1000).holding
    assert not looks(looks(Door(1), AWAY, 0, 1000), BLIND, 1001, 9).holding


def test_a_sensor_is_well_again_when_it_could_be_read_for_a_minute() -> None:
    assert looks(holding("sensor_unreadable"), SHUT, 0, 59).holding
    assert not looks(holding("sensor_unreadable"), SHUT, 0, 60).holding
    flickers = looks(looks(holding("sensor_unreadable"), SHUT, 0, 40), BLIND, 41, 1)
    assert looks(flickers, SHUT, 43, 59).holding


def test_a_sensor_that_contradicts_itself_ends_no_alarm_by_saying_closed() -> None:
    door = told(holding("uncommanded_open"), "sensor_suspect", 1.0)
    assert looks(told(door, "door_closed", 1.5), SHUT, 2, 58).holding >= {"uncommanded_open"}


def test_a_sensor_contradicts_itself_until_it_held_still_for_a_minute_after_a_change() -> None:
    door = told(Door(1), "sensor_suspect", 1.0)
    assert looks(door, SHUT, 2, 500).holding == {"sensor_contradicts_itself"}, "it may be stuck"
    door = told(told(door, "door_opened", 510.0), "door_closed", 520.0)
    assert looks(door, SHUT, 521, 58).holding
    assert not looks(door, SHUT, 521, 59).holding


def test_a_confirmed_open_shows_that_the_sensor_follows_the_door() -> None:
    door = told(Door(1), "sensor_suspect", 1.0)
    assert opened(door, confirmed=False).holding == {"sensor_contradicts_itself"}
    assert not opened(door, confirmed=True).holding


def test_a_lock_whose_sensor_is_to_be_ignored_or_missing_has_no_alarm() -> None:
    every = holding(
        "door_left_open", "uncommanded_open", "lock_jammed", "sensor_unreadable", "sensor_contradicts_itself"
    )
    ignored = looked_at(every, IGNORED, 300, 1.0)
    assert not ignored.holding
    for kind in ("uncommanded_open", "opened_unseen", "jammed", "sensor_suspect", "door_opened"):
        assert told(ignored, kind, 2.0) == ignored
    assert told(looked_at(ignored, SHUT, 300, 3.0), "uncommanded_open", 4.0).holding, "when it counts again"


def test_the_words_name_the_locker_and_the_time() -> None:
    assert message_of("door_left_open", 3, 300) == "Door of locker 3 open for 300 s"
    assert message_of("lock_jammed", 3, 300) == "Lock of locker 3 was fired and its door stayed shut"
