"""Boards and devices that are away, and clocks that are wrong."""

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from openharbor.gateway.alarm_presence import (
    Attached,
    Presence,
    Times,
    board_edge,
    board_message,
    board_seen,
    device_message,
    device_seen,
    drift_message,
    jump_message,
    jump_ms,
)
from openharbor.gateway.site import Device

NOW = 1_772_000_000_000
KIOSK = Device("kiosk-1", "kiosk", "ok", None, "10.0.0.31", None, {}, NOW, NOW, NOW)


def watched(presence: Presence | None, online: bool, start: int, seconds: int) -> Presence:
    """A look each second, the first and the last one included."""
    for at in range(start, start + seconds + 1):
        presence = board_seen(presence, online=online, at=float(at))
    assert presence is not None
    return presence


def test_a_board_is_an_alarm_after_a_minute_off_line() -> None:
    assert not watched(None, False, 0, 59).alarmed
    assert watched(None, False, 0, 60).alarmed


def test_it_is_none_any_more_after_a_minute_on_line() -> None:
    absent = Presence(False, 0.0, alarmed=True)
    assert watched(absent, True, 100, 59).alarmed
    assert not watched(absent, True, 100, 60).alarmed


def test_an_alarm_from_before_a_restart_is_taken_up() -> None:
    taken_up = board_seen(None, online=False, at=0.0, alarmed=True)
    assert taken_up.alarmed
    assert board_seen(taken_up, online=False, at=1.0) == taken_up


@given(st.lists(st.tuples(st.integers(1, 59), st.integers(1, 200)), max_size=30))
def test_a_line_that_flaps_never_cries_wolf(flaps: list[tuple[int, int]]) -> None:
    presence, at = watched(None, True, 0, 5), 6
    for down, up in flaps:
        presence = watched(presence, False, at, down)
        assert not presence.alarmed
        presence = watched(presence, True, at + down + 1, up)
        assert not presence.alarmed
        at += down + up + 2


@given(st.lists(st.tuples(st.integers(0, 58), st.integers(1, 300)), max_size=30))
def test_an_absence_stays_one_alarm_while_the_line_flaps(flaps: list[tuple[int, int]]) -> None:
    presence, at = watched(None, False, 0, 60), 61
    for up, down in flaps:
        presence = watched(watched(presence, True, at, up), False, at + up + 1, down)
        assert presence.alarmed
        at += up + down + 2


def test_a_gap_between_two_looks_counts_too() -> None:
    presence = watched(Presence(False, 0.0, alarmed=True), True, 100, 50)
    presence = board_edge(board_edge(presence, online=False, at=150.2), online=True, at=150.8)
    assert watched(presence, True, 151, 59).alarmed


def test_a_device_is_off_line_after_three_missed_heartbeats() -> None:
    heard = device_seen(None, KIOSK, 0.0)
    assert not device_seen(heard, KIOSK, 179.9).offline
    assert device_seen(heard, KIOSK, 180.0).offline


def test_its_next_heartbeat_ends_that() -> None:
    away = Attached(NOW, 0.0, offline=True)
    assert not device_seen(away, replace(KIOSK, last_heartbeat_at=NOW + 200_000), 200.0).offline


def test_setting_the_clock_makes_no_device_absent() -> None:
    heard = device_seen(None, replace(KIOSK, last_heartbeat_at=NOW - 10**9), 0.0)
    assert not device_seen(heard, replace(KIOSK, last_heartbeat_at=NOW - 10**9), 100.0).offline


def test_a_device_whose_clock_is_more_than_two_minutes_off_drifts() -> None:
    right, wrong = replace(KIOSK, device_time=NOW - 120_000), replace(KIOSK, device_time=NOW + 120_001)
    assert not device_seen(None, right, 0.0).drifts
    assert device_seen(None, wrong, 0.0).drifts


def test_a_heartbeat_without_a_time_neither_begins_nor_ends_a_drift() -> None:
    silent = replace(KIOSK, device_time=None, last_heartbeat_at=NOW + 1)
    for drifts in (True, False):
        assert device_seen(Attached(NOW, 0.0, drifts=drifts), silent, 1.0).drifts is drifts


def test_a_clock_that_was_set_by_more_than_two_minutes_jumped() -> None:
    before = Times(NOW, 10.0)
    assert jump_ms(before, Times(NOW + 1000 + 120_000, 11.0)) == 0
    assert jump_ms(before, Times(NOW + 1000 + 120_001, 11.0)) == 120_001
    assert jump_ms(before, Times(NOW + 1000 - 3_600_000, 11.0)) == -3_600_000


def test_a_process_that_stood_still_for_an_hour_has_the_right_time() -> None:
    assert jump_ms(Times(NOW, 10.0), Times(NOW + 3_600_000, 3610.0)) == 0


def test_the_words() -> None:
    assert board_message(2, "Tower B", "No answer on /dev/ttyUSB0") == (
        "Controller 2 (Tower B) has been offline for 60 s: No answer on /dev/ttyUSB0"
    )
    assert device_message("keypad-lobby") == "Device keypad-lobby missed 3 heartbeats"
    assert drift_message(replace(KIOSK, device_time=NOW - 130_400)) == "The clock of device kiosk-1 is 130 s behind"
    assert jump_message(3_600_000) == "The clock of the gateway jumped 3600 s forward"
