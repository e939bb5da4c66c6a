"""What the emulated cabinet asserts by itself (lock-boards.md 6.5)."""

from core.emulator.rig import Rig

STATUS_0, STATUS_1 = "02 00 30 03 35", "02 10 30 03 45"
OPEN = "02 00 31 03 36"


def test_a_driver_that_keeps_the_rules_is_not_blamed() -> None:
    rig = Rig("kerong-cu16", (0, 1), serial=True)
    for frame in (STATUS_0, STATUS_1, OPEN, STATUS_0):
        assert rig.ask(frame, 25) != ""
    rig.advance(1000)
    assert rig.violations() == []


def test_a_second_request_before_the_answer_is_noted() -> None:
    rig = Rig("kerong-cu16", (0, 1))
    rig.send(STATUS_0)
    rig.advance(10)
    rig.send(STATUS_1)
    assert rig.violations() == ["two_in_flight"]


def test_a_request_after_the_time_limit_is_no_second_one_in_flight() -> None:
    rig = Rig("kerong-cu16", answer_delay_ms=1000)
    rig.send(STATUS_0)
    rig.advance(300)
    rig.send(STATUS_0)
    assert rig.violations() == []


def test_a_request_after_an_answer_that_a_fault_made_late_is_allowed() -> None:
    rig = Rig("kerong-cu16")
    rig.cabinet.faults.add("late_reply", ms=200)
    rig.send(STATUS_0)
    rig.advance(100)
    rig.send(STATUS_0)
    assert rig.violations() == []


def test_a_new_connection_may_ask_although_the_old_one_never_got_its_answer() -> None:
    rig = Rig("kerong-cu16")
    rig.send(STATUS_0)
    rig.cable.detach(rig.client)
    rig.cable.attach(rig.client)
    rig.send(STATUS_0)
    assert rig.violations() == []


def test_too_little_silence_is_noted_on_a_serial_line_only() -> None:
    for serial, expected in ((True, ["silence"]), (False, [])):
        rig = Rig("kerong-cu16", (0, 1), serial=serial)
        rig.send(STATUS_0)
        rig.advance(21)
        rig.send(STATUS_1)
        assert rig.violations() == expected


def test_a_retriggered_coil_is_on_for_too_long() -> None:
    rig = Rig("kerong-cu16")
    rig.ask(OPEN, 300)
    rig.ask(OPEN, 1000)
    assert rig.violations() == ["coil_too_long"]
    assert [(pulse.at_ms, pulse.ms) for pulse in rig.lock(1).pulses] == [(0, 300), (300, 800)]


def test_a_held_coil_is_noted() -> None:
    rig = Rig("waveshare")
    rig.ask("01 05 00 00 FF 00 8C 3A")
    assert sorted(rig.violations()) == ["hold", "never"]


def test_a_coil_that_is_still_on_is_noted_before_it_goes_off() -> None:
    rig = Rig("kerong-cu16")
    rig.cabinet.faults.add("coil_stuck_on")
    rig.ask(OPEN, 601)
    assert rig.violations(all_of_them=True) == ["coil_too_long"]


def test_a_broadcast_pulse_is_never_allowed() -> None:
    rig = Rig("waveshare", (1, 2), limit_ma=9000)
    rig.ask("00 05 02 00 00 05 0D A0")
    assert rig.violations()[0] == "never"


def test_a_reset_forgets_all_of_it() -> None:
    rig = Rig("kerong-cu16")
    rig.cabinet.faults.add("wire_cut")
    rig.cabinet.faults.add("power_off")
    rig.cabinet.faults.add("power_on")
    rig.lock(2).force()
    rig.send(OPEN)
    rig.cabinet.reset()
    assert (rig.violations(all_of_them=True), len(rig.cabinet.trace), len(rig.cabinet.faults)) == ([], 0, 0)
    assert rig.lock(2).door == "closed"
    rig.advance(800)
    assert rig.ask(STATUS_0) == "02 00 35 FF FF 00 00 03 38"


def test_the_trace_and_the_pulses_are_bounded() -> None:
    rig = Rig("kerong-cu16")
    assert (rig.cabinet.trace.entries.maxlen, rig.cabinet.trace.pulses.maxlen) == (100_000, 100_000)


def test_the_trace_is_numbered_and_read_from_a_number_on() -> None:
    rig = Rig("kerong-cu16")
    rig.ask(STATUS_0)
    rig.ask(STATUS_0)
    entries = list(rig.cabinet.trace)
    assert [entry.n for entry in entries] == [1, 2, 3, 4]
    assert [entry.kind for entry in entries] == ["in", "out", "in", "out"]
    assert rig.cabinet.trace.since(2) == entries[2:]
    assert rig.cabinet.trace.since(0, 1) == entries[:1]
    assert rig.cabinet.trace.since(9) == []
