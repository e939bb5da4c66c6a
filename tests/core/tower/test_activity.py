"""What a tower counts, tells of a day, and keeps of it over a power cut (blink-protocol.md 3.2, 9.2)."""

from typing import Any

import pytest
from msgspec.structs import replace

from core.blink.rig import CLOCK, key_of, taken
from core.tower.desk import Desk, fixture_tower
from openharbor.blink.cbor import decode, encode
from openharbor.blink.events import DayReported
from openharbor.blink.frames import phone_frame, read_message
from openharbor.blink.packets import Packet
from openharbor.blink.phone_session import Declined, Reply
from openharbor.blink.wrapper import unwrap, wrap
from openharbor.tower import activity, device
from openharbor.tower.activity import (
    CONNECTIONS,
    COUNTERS,
    DOORS_OPENED,
    ERRORS,
    FAILED_SESSIONS,
    FAULTS,
    LOCKER_SESSIONS,
    SESSION_TIMEOUTS,
    SPECIAL_SESSIONS,
    WAKEUPS,
    Activity,
    Counter,
)
from openharbor.tower.device_clock import DAY_MS
from openharbor.tower.power_up import started
from openharbor.tower.state import Hardware, Tower

REQUEST = {1: 1, 5: CLOCK, 20: bytes(16), 10: bytes(33), 9: bytes(18)}


def totals(tower: Tower) -> dict[int, int]:
    return {number: one.total for number, one in tower.activity.counters.items()}


def reports(desk: Desk) -> list[DayReported]:
    return [one for one in desk.tower.log.events if isinstance(one, DayReported) and one.event_id > 12]


def test_doors_and_the_sessions_that_opened_lockers_are_counted() -> None:
    desk = Desk()
    desk.only_session("A")
    desk.use("A", "drop-off, locker 1")
    desk.closes(1)
    desk.say("A", Packet.REOPEN_LOCKER)
    assert totals(desk.tower) == {DOORS_OPENED: 2, LOCKER_SESSIONS: 1}


def test_a_jam_is_no_door_opened_until_it_opens_late() -> None:
    desk = Desk()
    desk.only_session("A")
    desk.jams.add(1)
    desk.use("A", "drop-off, locker 1")
    assert DOORS_OPENED not in totals(desk.tower)
    desk.opens(1)
    assert totals(desk.tower)[DOORS_OPENED] == 1


def test_a_forced_door_is_a_door_opened() -> None:
    desk = Desk()
    desk.opens(2)
    assert totals(desk.tower) == {DOORS_OPENED: 1}


def test_a_dead_lock_is_a_fault_and_a_complaint_of_a_phone_an_error() -> None:
    desk = Desk()
    desk.only_session("A")
    desk.dead.add(1)
    desk.use("A", "drop-off, locker 1")
    desk.say("A", Packet.TERMINATE_SESSION, {2: 104, 3: "it rained"})
    assert totals(desk.tower) == {FAULTS: 1, ERRORS: 1}


def test_sessions_are_counted_that_are_refused_that_run_out_and_that_staff_had() -> None:
    desk = Desk()
    desk.receive(phone_frame(REQUEST))
    desk.only_session("B", 63)
    desk.say("B", Packet.GET_DEVICE_INFO)
    desk.advance(301)
    desk.advance(301)
    assert totals(desk.tower) == {FAILED_SESSIONS: 1, SESSION_TIMEOUTS: 1, SPECIAL_SESSIONS: 1}


def test_links_and_starts_are_counted() -> None:
    tower = device.connected(fixture_tower()).tower
    tower = started(tower, Hardware(), wall_s=CLOCK, at_ms=0, challenge=bytes(8))
    assert totals(tower) == {CONNECTIONS: 1, WAKEUPS: 1}


def test_a_day_is_reported_once_with_what_was_counted_in_it() -> None:
    desk = Desk()
    desk.advance(1)
    desk.only_session("A")
    desk.use("A", "drop-off, locker 1")
    desk.advance(86_398)
    assert reports(desk) == []
    desk.advance(2)
    desk.advance(60)
    (report,) = reports(desk)
    assert (report.period_start, report.doors_opened, report.locker_sessions, report.faults) == (CLOCK + 1, 1, 1, 0)
    assert report.uptime_s == report.at - CLOCK + 1000
    desk.advance(86_400)
    assert [one.doors_opened for one in reports(desk)] == [1, 0]
    assert totals(desk.tower)[DOORS_OPENED] == 1, "what was counted stays, for READ_COUNTER"


def test_a_clock_that_goes_back_behind_the_period_ends_it() -> None:
    counts = Activity(CLOCK)
    assert activity.report_is_due(counts, CLOCK - 1)
    assert not activity.report_is_due(counts, CLOCK + 86_399)
    assert activity.report_is_due(counts, CLOCK + 86_400)


def test_a_month_of_days_reports_each_once() -> None:
    tower = fixture_tower()
    for hour in range(24 * 30):
        tower = device.ticked(tower, 1_000_000 + hour * DAY_MS // 24).tower
    assert len([one for one in tower.log.events if isinstance(one, DayReported) and one.event_id > 12]) == 29


def technician() -> Desk:
    desk = Desk()
    desk.only_session("B", 63)
    return desk


def test_a_technician_reads_a_counter_and_sets_it_back() -> None:
    desk = technician()
    desk.opens(2)
    reply = desk.say("B", Packet.READ_COUNTER, {144: DOORS_OPENED})
    assert isinstance(reply, Reply)
    assert {number: reply.fields[number] for number in (144, 145, 146)} == {144: DOORS_OPENED, 145: 1, 146: 0}
    assert isinstance(desk.say("B", Packet.RESET_COUNTER, {144: DOORS_OPENED}), Reply)
    reply = desk.say("B", Packet.READ_COUNTER, {144: DOORS_OPENED})
    assert isinstance(reply, Reply)
    assert (reply.fields[145], reply.fields[146]) == (0, CLOCK)
    assert activity.of(desk.tower.activity, DOORS_OPENED).day == 1, "the report of the day still tells it"


@pytest.mark.parametrize("number", [0, 109, 119, 255])
def test_a_number_that_is_no_counter_is_out_of_range(number: int) -> None:
    desk, session = technician(), taken("B", "session_id")
    inner = encode({1: 84, 144: number, 22: session, 25: 2})
    answer = desk.receive(phone_frame(wrap(key_of("B"), session, inner, bytes(16))))
    assert decode(unwrap(key_of("B"), read_message(answer.frame)))[2] == 104


def test_counters_stop_at_what_the_sdk_can_read() -> None:
    full = Activity(0, {ERRORS: Counter(2**31 - 1, 2**31 - 1)})
    assert activity.of(activity.counted(full, ERRORS), ERRORS) == Counter(2**31 - 1, 2**31 - 1)


def test_every_counter_has_its_field_in_the_report() -> None:
    counters: dict[int, Any] = {number: Counter(day=number) for number in COUNTERS}
    report = activity.report(Activity(5, counters), 9, uptime_s=1, temperature=0)
    wire = {item.number: getattr(report, name) for name, item in DayReported.WIRE if item.number in COUNTERS}
    assert wire == {number: number for number in COUNTERS}


def test_a_user_reads_no_counter() -> None:
    desk = Desk()
    desk.only_session("A", 2)
    reply = desk.say("A", Packet.READ_COUNTER, {144: DOORS_OPENED})
    assert isinstance(reply, Declined)
    assert (reply.code, reply.authenticated) == (204, True)


def test_battery_and_temperature_are_left_out_or_nought_without_parts() -> None:
    report = activity.report(Activity(5), 9, uptime_s=1, temperature=replace(Hardware(), temperature=-7).temperature)
    assert (report.temperature_low, report.temperature_high, report.battery_mv) == (-7, -7, None)
