"""Faults: what each one does, and what is refused (lock-boards.md 6.3)."""

from collections.abc import Callable
from typing import TypeVar

import pytest

from core.emulator.rig import Rig
from openharbor.boards.emulator.fault_kinds import KINDS

Test = TypeVar("Test", bound=Callable[..., None])

CHECKED: set[str] = set()
"""The types of faults that a test here is about."""

STATUS = "57 4B 4C 59 08 00 84 85"
CLOSED_2 = "57 4B 4C 59 0C 00 84 00 02 01 01 83"  # both doors of a two-lock board
OPEN_1 = "57 4B 4C 59 09 00 82 01 83"
OPEN_2 = "57 4B 4C 59 09 00 82 02 80"
DONE_1 = "57 4B 4C 59 0B 00 82 00 01 01 80"
ONE_1 = "57 4B 4C 59 09 00 83 01 82"


def check(*types: str) -> Callable[[Test], Test]:
    def keep(function: Test) -> Test:
        CHECKED.update(types)
        return function

    return keep


def rig2(**options: float) -> Rig:
    """A WKLY board with two locks, which pushes nothing."""
    return Rig(locks=2, pushes=False, **options)  # type: ignore[arg-type]  # times only


def add(rig: Rig, type_: str, **given: object) -> int:
    return rig.cabinet.faults.add(type_, **given)  # type: ignore[arg-type]  # options of many kinds


def doors(rig: Rig) -> str:
    """The doors of a two-lock board as an answer tells them: 0 open, 1 closed."""
    answer = bytes.fromhex(rig.ask(STATUS))
    return "".join(str(byte) for byte in answer[9:-1])


# ---------------------------------------------------------------------- mechanics


@check("stuck_door")
def test_a_stuck_door_stays_shut_although_its_latch_let_go() -> None:
    rig = rig2()
    add(rig, "stuck_door", lock=1)
    rig.ask(OPEN_1, 1000)
    assert rig.lock(1).released
    assert not rig.lock(1).pull()
    assert doors(rig) == "11"


@check("latch_jammed")
def test_a_jammed_latch_does_not_let_go() -> None:
    rig = rig2()
    add(rig, "latch_jammed", lock=1, count=1)
    rig.ask(OPEN_1, 1000)
    assert (rig.lock(1).released, rig.lock(1).door) == (False, "closed")
    rig.ask(OPEN_1, 1000)
    assert rig.lock(1).door == "open"


@check("weak_spring")
def test_a_weak_spring_leaves_the_door_to_be_pulled() -> None:
    rig = rig2()
    add(rig, "weak_spring", lock=1)
    rig.ask(OPEN_1, 1000)
    assert rig.lock(1).door == "closed"
    assert rig.lock(1).pull()


@check("relatches")
def test_a_latch_that_relatches_catches_the_door_before_the_spring() -> None:
    rig = rig2()
    add(rig, "relatches", lock=1)
    rig.ask(OPEN_1, 1000)
    assert [e.detail for e in rig.cabinet.trace.of("latch")] == ["released", "engaged"]
    assert rig.lock(1).door == "closed"


@check("coil_burnt")
def test_a_burnt_coil_draws_nothing_and_moves_nothing() -> None:
    rig = rig2()
    add(rig, "coil_burnt", lock=1)
    rig.ask(OPEN_1, 1000)
    assert [pulse.ma for pulse in rig.lock(1).pulses] == [0]
    assert rig.lock(1).door == "closed"


@check("coil_stuck_on")
def test_a_welded_contact_keeps_the_coil_on_until_it_comes_free() -> None:
    rig = rig2()
    fault = add(rig, "coil_stuck_on", lock=1)
    rig.ask(OPEN_1, 2000)
    assert rig.cabinet.boards[0].coils[1].on
    rig.cabinet.faults.remove(fault)
    assert [pulse.ms for pulse in rig.lock(1).pulses] == [2000]
    assert rig.violations() == []
    assert rig.violations(all_of_them=True) == ["coil_too_long"]


@check("opens_by_itself")
def test_a_door_opens_by_itself() -> None:
    rig = rig2()
    add(rig, "opens_by_itself", lock=2, after_ms=50)
    assert doors(rig) == "11"
    assert doors(rig) == "10"
    assert rig.lock(2).pulses == ()


# ---------------------------------------------------------------------- sensors


@check("wire_cut")
def test_a_cut_wire_reads_what_the_input_reads_without_it() -> None:
    for reads in (0, 1):
        rig = rig2(cut_reads=reads)
        add(rig, "wire_cut", lock=1)
        assert doors(rig) == f"{reads}1"


@check("wire_short")
def test_a_shorted_wire_reads_the_opposite() -> None:
    rig = rig2(cut_reads=1)
    add(rig, "wire_short", lock=1)
    assert doors(rig) == "01"


@check("polarity_inverted")
def test_an_inverted_polarity_reads_every_door_wrong() -> None:
    rig = rig2()
    add(rig, "polarity_inverted", board=0)
    assert doors(rig) == "00"


@check("wires_crossed")
def test_crossed_wires_show_the_other_door() -> None:
    rig = rig2()
    add(rig, "wires_crossed", board=0, a=1, b=2)
    rig.ask(OPEN_1, 1000)
    assert doors(rig) == "10"


@check("sensor_stuck")
def test_a_stuck_sensor_keeps_what_it_read() -> None:
    rig = rig2()
    add(rig, "sensor_stuck", lock=1)
    rig.ask(OPEN_1, 1000)
    assert rig.lock(1).door == "open"
    assert doors(rig) == "11"


@check("unreadable")
def test_an_unreadable_door_does_not_spoil_the_others() -> None:
    rig = rig2()
    add(rig, "unreadable", lock=1)
    assert rig.ask(STATUS) == "57 4B 4C 59 0C 00 84 00 02 FF 01 7D"


@check("bounce")
def test_a_bouncing_contact_alternates_for_a_while_after_each_edge() -> None:
    rig = Rig(locks=2)
    add(rig, "bounce", lock=1, n=4, ms=40)
    rig.lock(1).force()
    rig.advance(100)
    pushed = [chunk.hex()[-4:-2] for _, chunk in rig.client.chunks]
    assert pushed == ["00", "01", "00", "01", "00"]
    assert [at for at, _ in rig.client.chunks] == [0, 10, 20, 30, 40]


def test_a_sensor_fault_with_a_count_shows_in_so_many_answers() -> None:
    rig = rig2()
    add(rig, "wire_cut", lock=1, count=2)
    assert [doors(rig) for _ in range(3)] == ["01", "01", "11"]


# ---------------------------------------------------------------------- bytes of an answer


@check("checksum_wrong")
def test_a_wrong_check_value() -> None:
    rig = rig2()
    add(rig, "checksum_wrong", count=1)
    answer = rig.ask(STATUS)
    assert (answer[:-2], answer == CLOSED_2) == (CLOSED_2[:-2], False)
    assert rig.ask(STATUS) == CLOSED_2


@check("half_frame")
def test_half_a_frame() -> None:
    rig = rig2()
    add(rig, "half_frame", board=0, n=3, count=1)
    add(rig, "half_frame", count=1)
    assert [rig.ask(STATUS) for _ in range(3)] == ["57 4B 4C", "57 4B 4C 59 0C 00", CLOSED_2]


@check("split")
def test_a_frame_in_two_pieces() -> None:
    rig = rig2()
    add(rig, "split", n=5, gap_ms=30)
    assert rig.ask(STATUS) == CLOSED_2
    assert [(at, len(data)) for at, data in rig.client.chunks] == [(20, 5), (50, 7)]


@check("merged")
def test_an_answer_held_and_sent_with_the_next() -> None:
    rig = rig2()
    add(rig, "merged", count=1)
    assert rig.ask(STATUS) == ""
    assert rig.ask(ONE_1) == f"{CLOSED_2} 57 4B 4C 59 0B 00 83 00 01 01 81"


@check("noise_before", "noise_after")
def test_noise_around_an_answer() -> None:
    rig = rig2()
    add(rig, "noise_before", n=4, count=1)
    add(rig, "noise_after", count=1)
    answer = bytes.fromhex(rig.ask(STATUS))
    assert answer[4:].startswith(bytes.fromhex(CLOSED_2))
    assert 3 <= len(answer) - 4 - 12 <= 8


@check("bit_flip")
def test_one_flipped_bit_or_each_bit_by_chance() -> None:
    rig = rig2()
    add(rig, "bit_flip", count=1)
    flipped = int.from_bytes(bytes.fromhex(rig.ask(STATUS))) ^ int.from_bytes(bytes.fromhex(CLOSED_2))
    assert flipped.bit_count() == 1
    add(rig, "bit_flip", p=1.0, count=1)
    flipped = int.from_bytes(bytes.fromhex(rig.ask(STATUS))) ^ int.from_bytes(bytes.fromhex(CLOSED_2))
    assert flipped.bit_count() == 96


@check("garbage")
def test_garbage_instead_of_an_answer() -> None:
    rig = rig2()
    add(rig, "garbage", count=1)
    answer = rig.ask(STATUS)
    assert len(answer) == len(CLOSED_2)
    assert not answer.startswith("57 4B 4C 59")


@check("wrong_board")
@pytest.mark.parametrize(
    ("family", "board", "request_hex", "other"),
    [
        ("wkly", 0, STATUS, "57 4B 4C 59 0C 01 84 00 02 01 01 82"),
        ("kerong-cu16", 0, "02 00 30 03 35", "02 10 35 03 00 00 00 03 4D"),
        ("xor8a80", 1, "80 01 01 33 B3", "80 02 01 11 92"),
        ("winnsen", 0, "90 06 12 00 01 03", "90 07 92 01 00 01 03"),
        ("modbus-tcp", 1, "00 01 00 00 00 06 01 02 00 00 00 08", "00 01 00 00 00 04 02 02 01 03"),
    ],
)
def test_an_answer_as_if_from_another_board(family: str, board: int, request_hex: str, other: str) -> None:
    rig = Rig(family, (board,), 2)
    add(rig, "wrong_board", count=1)
    assert rig.ask(request_hex) == other


@check("wrong_lock")
@pytest.mark.parametrize(
    ("family", "request_hex", "other"),
    [
        ("wkly", ONE_1, "57 4B 4C 59 0B 00 83 00 02 01 82"),
        ("xor8a80", "80 01 01 33 B3", "80 01 02 11 92"),
        ("kerong-cu48", "02 00 00 61 03 66", "02 00 01 75 00 78"),
        ("waveshare", "01 05 02 00 00 05 0C 71", "01 05 02 01 00 05 5D B1"),
        ("winnsen", "90 06 12 00 01 03", "90 07 92 00 00 02 03"),
    ],
)
def test_an_answer_about_another_lock(family: str, request_hex: str, other: str) -> None:
    rig = Rig(family, None, 2)
    add(rig, "wrong_lock", count=1)
    assert rig.ask(request_hex) == other


@check("exception")
def test_a_modbus_exception_instead_of_acting() -> None:
    rig = Rig("waveshare")
    add(rig, "exception", code=6, count=1)
    assert rig.ask("01 05 02 00 00 05 0C 71").startswith("01 85 06")
    assert rig.lock(1).pulses == ()


@check("status_code")
def test_a_status_that_says_failure_and_does_not_act() -> None:
    rig = rig2()
    add(rig, "status_code", v=1, count=1)
    assert rig.ask(OPEN_1) == "57 4B 4C 59 0B 00 82 01 01 01 81"
    add(rig, "status_code", short=True, count=1)
    assert rig.ask(OPEN_1) == "57 4B 4C 59 09 00 82 FF 7D"
    assert rig.lock(1).pulses == ()


# ---------------------------------------------------------------------- when an answer comes


@check("no_reply")
def test_no_answer_to_anything() -> None:
    rig = rig2()
    add(rig, "no_reply", count=2)
    assert [rig.ask(STATUS), rig.ask(OPEN_1, 600), rig.ask(STATUS)][:2] == ["", ""]
    assert len(rig.lock(1).pulses) == 1


@check("late_reply")
def test_a_late_answer() -> None:
    rig = rig2()
    add(rig, "late_reply", ms=400, count=1)
    assert rig.ask(STATUS, 419) == ""
    rig.advance(1)
    assert rig.client.chunks[0][0] == 420


@check("late_into_next")
def test_an_answer_that_comes_when_the_next_request_was_sent() -> None:
    rig = rig2()
    add(rig, "late_into_next", count=1)
    assert rig.ask(STATUS, 5000) == ""
    rig.send(ONE_1)
    assert rig.client.got.hex(" ").upper() == CLOSED_2


@check("duplicate_reply")
def test_an_answer_sent_twice() -> None:
    rig = rig2()
    add(rig, "duplicate_reply", gap_ms=7)
    assert rig.ask(STATUS) == f"{CLOSED_2} {CLOSED_2}"
    assert [at for at, _ in rig.client.chunks] == [20, 27]


@check("slow")
def test_an_answer_byte_by_byte() -> None:
    rig = rig2()
    add(rig, "slow", ms_per_byte=2)
    assert rig.ask(STATUS) == CLOSED_2
    assert [at for at, _ in rig.client.chunks] == [22 + 2 * n for n in range(12)]


# ---------------------------------------------------------------------- truth


@check("acts_without_reply")
def test_an_unlock_that_is_done_and_not_answered() -> None:
    rig = rig2()
    add(rig, "acts_without_reply", count=1)
    assert rig.ask(STATUS) == CLOSED_2
    assert rig.ask(OPEN_1, 1000) == ""
    assert rig.lock(1).door == "open"


@check("replies_without_acting")
def test_an_unlock_that_is_answered_and_not_done() -> None:
    rig = rig2()
    add(rig, "replies_without_acting", count=1)
    assert rig.ask(OPEN_1, 1000) == DONE_1
    assert rig.lock(1).pulses == ()


@check("ignores_request")
def test_a_request_that_is_neither_done_nor_answered() -> None:
    rig = rig2()
    add(rig, "ignores_request", count=1)
    assert rig.ask(OPEN_1, 1000) == ""
    assert rig.lock(1).pulses == ()


@check("fires_wrong_lock")
def test_a_board_that_fires_another_lock() -> None:
    rig = rig2()
    add(rig, "fires_wrong_lock", lock=1, count=1)
    rig.ask(OPEN_1, 1000)
    assert [lock.door for lock in rig.cabinet.boards[0].locks.values()] == ["closed", "open"]


@check("fires_twice")
def test_a_board_that_fires_twice() -> None:
    rig = rig2()
    add(rig, "fires_twice", count=1)
    rig.ask(OPEN_1, 3000)
    assert [pulse.at_ms for pulse in rig.lock(1).pulses] == [0, 800]
    assert rig.violations() == []


@check("cooldown")
def test_a_board_that_needs_to_cool_down() -> None:
    rig = Rig("winnsen")
    add(rig, "cooldown", ms=3000)
    assert rig.ask("90 06 05 00 01 03", 1000) == "90 07 85 00 01 01 03"
    assert rig.ask("90 06 05 00 01 03", 1000) == "90 07 85 00 01 02 03"
    rig.advance(1000)
    assert rig.ask("90 06 05 00 01 03", 1000) == "90 07 85 00 01 01 03"
    assert len(rig.lock(1).pulses) == 2


@check("busy_after_unlock")
def test_a_board_that_stays_busy_until_it_is_reset() -> None:
    rig = Rig("kerong-cu16")
    add(rig, "busy_after_unlock", count=1)
    assert rig.ask("02 00 31 03 36") != ""
    assert rig.ask("02 00 30 03 35", 1000) == ""
    rig.ask("02 00 38 03 3D")
    assert rig.ask("02 00 30 03 35") != ""


# ---------------------------------------------------------------------- the line


@check("echo")
def test_an_adapter_that_returns_what_is_sent() -> None:
    rig = rig2()
    add(rig, "echo")
    assert rig.ask(STATUS) == f"{STATUS} {CLOSED_2}"


@check("duplicate_address")
def test_a_second_board_on_the_same_address() -> None:
    rig = rig2()
    same = add(rig, "duplicate_address", board=0)
    assert rig.ask(STATUS) == f"{CLOSED_2} {CLOSED_2}"
    rig.cabinet.faults.remove(same)
    other = add(rig, "duplicate_address", board=0, doors="different")
    rig.lock(1).force()
    assert rig.ask(STATUS) == f"57 4B 4C 59 0C 00 84 00 02 00 01 82 {CLOSED_2}"
    rig.cabinet.faults.remove(other)
    add(rig, "duplicate_address", board=0, answers="collide")
    assert "57 4B 4C 59 0C 00 84" not in rig.ask(STATUS)


def test_a_second_board_fires_its_own_lock_too() -> None:
    rig = rig2()
    add(rig, "duplicate_address", board=0, doors="different")
    rig.ask(OPEN_1, 1000)
    assert len(rig.lock(1).pulses) == 1
    assert rig.cabinet.twins[0].locks[1].door == "open"
    assert rig.violations() == []


@check("collision")
def test_answers_that_collide_are_nobodys() -> None:
    rig = rig2()
    add(rig, "collision", count=1)
    answer = rig.ask(STATUS)
    assert answer
    assert answer != CLOSED_2


@check("baud_mismatch")
def test_a_board_at_another_speed_hears_nothing() -> None:
    rig = Rig(boards=(0, 1), locks=2)
    fault = add(rig, "baud_mismatch", board=0)
    assert rig.ask(STATUS) == ""
    assert rig.ask("57 4B 4C 59 08 01 84 84") != ""
    rig.cabinet.faults.remove(fault)
    assert rig.ask(STATUS) == CLOSED_2


@check("push_flood")
def test_a_flood_of_pushes_until_it_ends() -> None:
    rig = Rig(locks=2)
    add(rig, "push_flood", every_ms=10, for_ms=95)
    rig.advance(1000)
    assert [at for at, _ in rig.client.chunks] == [10.0 * n for n in range(1, 10)]


@check("push_lost")
def test_a_push_that_gets_lost() -> None:
    rig = Rig(locks=2)
    add(rig, "push_lost", count=1)
    rig.lock(1).force()
    assert rig.client.got == b""
    rig.lock(1).push_shut()
    assert rig.client.got != b""


@check("push_inside_reply")
def test_a_push_in_the_middle_of_an_answer() -> None:
    rig = Rig(locks=2)
    add(rig, "push_inside_reply", count=1)
    assert rig.ask(STATUS) == "57 4B 4C 59 0C 00 57 4B 4C 59 0A 00 85 01 01 86 84 00 02 01 01 83"


@check("too_fast_deaf")
def test_a_board_is_deaf_to_a_frame_that_came_too_fast() -> None:
    rig = Rig("kerong-cu16", (0, 1), serial=True)
    add(rig, "too_fast_deaf")
    assert rig.ask("02 00 30 03 35") != ""
    rig.send("02 00 30 03 35")
    rig.advance(21)
    assert rig.ask("02 10 30 03 45") == ""
    assert rig.violations() == ["silence"]


# ---------------------------------------------------------------------- the connection


@check("tcp_reset")
def test_a_connection_cut_in_the_middle_of_an_answer() -> None:
    rig = rig2()
    add(rig, "tcp_reset", at_byte=4, count=1)
    assert rig.ask(STATUS) == CLOSED_2[:11]
    assert rig.client.resets == 1


@check("tcp_half_open")
def test_a_connection_that_is_accepted_and_says_nothing() -> None:
    rig = rig2()
    add(rig, "tcp_half_open")
    assert rig.ask(OPEN_1, 1000) == ""
    assert rig.lock(1).pulses == ()


@check("header_mode_wrong")
def test_answers_in_the_other_mode_of_the_adapter() -> None:
    rtu, header = Rig("waveshare"), Rig("modbus-tcp")
    for rig in (rtu, header):
        add(rig, "header_mode_wrong")
    assert rtu.ask("01 02 00 00 00 08 79 CC") == "00 00 00 00 00 04 01 02 01 FF"
    assert header.ask("00 01 00 00 00 06 01 02 00 00 00 08") == "01 02 01 FF E1 C8"


# ---------------------------------------------------------------------- power


@check("power_off", "power_on")
def test_without_power_nothing_answers_and_nothing_moves() -> None:
    rig = rig2()
    add(rig, "power_off")
    assert rig.ask(OPEN_1, 1000) == ""
    add(rig, "power_on")
    assert rig.ask(STATUS, 799) == ""
    rig.advance(1)
    assert rig.ask(STATUS) == CLOSED_2
    assert rig.lock(1).pulses == ()


@check("power_cut_at")
@pytest.mark.parametrize("n", range(1, 10))
def test_power_that_fails_at_a_byte_of_the_request(n: int) -> None:
    rig = rig2()
    add(rig, "power_cut_at", request_byte=n, off_ms=500, count=1)
    assert rig.ask(OPEN_1, 499) == ""
    assert not rig.cabinet.supplies["main"].on
    rig.advance(801)
    assert rig.ask(STATUS) == CLOSED_2
    assert rig.lock(1).pulses == ()


@pytest.mark.parametrize("n", range(12))
def test_power_that_fails_at_a_byte_of_the_answer(n: int) -> None:
    rig = rig2()
    add(rig, "power_cut_at", answer_byte=n, off_ms=500, count=1)
    assert rig.ask(STATUS, 2000) == CLOSED_2[: 3 * n].strip()
    assert rig.ask(STATUS) == CLOSED_2


def test_power_that_fails_in_a_pulse_switches_the_coil_off() -> None:
    rig = rig2()
    add(rig, "power_cut_at", pulse_ms=30, off_ms=500, count=1)
    rig.ask(OPEN_1, 2000)
    assert [pulse.ms for pulse in rig.lock(1).pulses] == [30]
    assert rig.lock(1).door == "closed"


@check("brown_out", "reboot")
def test_a_board_that_starts_again_forgets_what_it_was_about_to_say() -> None:
    for type_ in ("brown_out", "reboot"):
        rig = rig2()
        rig.send(STATUS)
        add(rig, type_, after_ms=10)
        assert rig.ask("", 809) == ""
        rig.advance(1)
        assert rig.ask(STATUS) == CLOSED_2


@check("pulse_timer_drift")
def test_a_pulse_timer_that_drifts() -> None:
    rig = rig2()
    add(rig, "pulse_timer_drift", percent=60)
    rig.ask(OPEN_1, 2000)
    assert [pulse.ms for pulse in rig.lock(1).pulses] == [800]
    assert rig.violations(all_of_them=True) == ["coil_too_long"]
    assert rig.violations() == []


@check("old_firmware")
def test_old_firmware_says_so() -> None:
    rig = Rig("waveshare")
    add(rig, "old_firmware")
    assert rig.ask("01 03 80 00 00 01 AD CA").startswith("01 03 02 00 96")


@check("mode_linked")
def test_a_linked_channel_lets_the_door_contact_drive_the_coil() -> None:
    rig = Rig("waveshare")
    rig.lock(1).force()
    fault = add(rig, "mode_linked", board=1, ch=1)
    assert rig.ask("01 03 10 00 00 08 40 CC").startswith("01 03 10 00 01 00 00")
    rig.lock(1).push_shut()
    assert rig.cabinet.boards[1].coils[1].on
    rig.cabinet.faults.remove(fault)
    assert not rig.cabinet.boards[1].coils[1].on


ON_A_REAL_LINE = {"tcp_refuse", "tcp_one_client", "pty_unplug"}  # tests/boards_emulator/test_lines.py


def test_every_fault_is_tested() -> None:
    assert set(KINDS) == CHECKED | ON_A_REAL_LINE


# ---------------------------------------------------------------------- start, end, and what is refused


def test_a_fault_starts_later_and_ends_by_itself() -> None:
    rig = rig2()
    add(rig, "wire_cut", lock=1, after_ms=1000, for_ms=1000)
    seen = []
    for _ in range(3):
        seen.append(doors(rig))
        rig.advance(900)
    assert seen == ["11", "01", "11"]
    assert len(rig.cabinet.faults) == 0


def test_a_fault_strikes_only_its_target() -> None:
    rig = Rig(boards=(0, 1), locks=2)
    add(rig, "ignores_request", board=1, lock=2)
    assert rig.ask(OPEN_2, 1000) != ""
    assert rig.ask("57 4B 4C 59 09 01 82 01 82", 1000) != ""
    assert rig.ask("57 4B 4C 59 09 01 82 02 81", 1000) == ""


def test_a_fault_may_strike_unlocks_only_or_everything_else_only() -> None:
    rig = Rig("winnsen")
    add(rig, "ignores_request", lock=1, on="unlock", count=1)
    add(rig, "half_frame", on="read", n=2)
    assert rig.ask("90 06 12 00 01 03") == "90 07"
    assert rig.ask("90 06 05 00 01 03", 1000) == ""
    assert rig.ask("90 06 05 00 01 03", 1000) == "90 07 85 00 01 01 03"


@pytest.mark.parametrize(
    ("family", "type_", "given", "message"),
    [
        ("wkly", "gremlins", {}, "fault type 'gremlins' is none of acts_without_reply, "),
        ("wkly", "exception", {}, "exception exists only on waveshare, modbus-tcp, not on wkly"),
        ("modbus-tcp", "checksum_wrong", {}, "checksum_wrong exists only on kerong-cu16"),
        ("wkly", "pty_unplug", {}, "pty_unplug exists only on a pty line, not on tcp"),
        ("wkly", "half_frame", {"board": 9}, "board 9 is none of 0"),
        ("wkly", "wire_cut", {"lock": 25}, "lock must be 1 to 24, not 25"),
        ("wkly", "opens_by_itself", {}, "opens_by_itself needs a target lock"),
        ("wkly", "half_frame", {"n": 301}, "half_frame.n must be a whole number of 0 to 300, not 301"),
        ("wkly", "half_frame", {"n": 1.5}, "half_frame.n must be a whole number of 0 to 300, not 1.5"),
        ("wkly", "half_frame", {"n": True}, "half_frame.n must be a whole number of 0 to 300, not True"),
        ("wkly", "half_frame", {"bytes": 1}, "half_frame has no option 'bytes'; it has n"),
        ("wkly", "split", {}, "split needs the option 'n'"),
        ("wkly", "bit_flip", {"p": 2}, "bit_flip.p must be a number of 0 to 1, not 2"),
        ("wkly", "status_code", {"short": 1}, "status_code.short must be true or false, not 1"),
        ("wkly", "duplicate_address", {"doors": "some"}, "duplicate_address.doors must be one of same, different"),
        ("wkly", "wire_cut", {"count": 0}, "count must be 1 to 1000000, not 0"),
        ("wkly", "wire_cut", {"for_ms": 0}, "for_ms must be above 0"),
        ("wkly", "wire_cut", {"after_ms": -1}, "after_ms must be 0 to"),
        ("wkly", "wire_cut", {"on": "read"}, "wire_cut does not strike requests: on must be any"),
        ("wkly", "no_reply", {"on": "writes"}, "on must be one of any, unlock, read, not 'writes'"),
        ("wkly", "power_off", {"count": 1}, "power_off is a state: it ends by for_ms or when removed"),
    ],
)
def test_a_fault_that_cannot_be_is_refused_with_the_reason(
    family: str, type_: str, given: dict[str, object], message: str
) -> None:
    rig = Rig(family)
    with pytest.raises(ValueError, match=r".") as refused:
        add(rig, type_, **given)
    assert str(refused.value).startswith(message)
    assert len(rig.cabinet.faults) == 0


def test_faults_are_bounded() -> None:
    rig = Rig()
    for _ in range(1000):
        add(rig, "wire_cut")
    with pytest.raises(ValueError, match="at most 1000 faults"):
        add(rig, "wire_cut")
