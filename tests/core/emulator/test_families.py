"""Ways of a family that no vector shows: native opening of all, dialects, what is refused."""

import pytest

from core.emulator.rig import Rig


@pytest.mark.parametrize(
    ("family", "frame", "answer"),
    [
        ("kerong-cu16", "02 00 33 03 38", ""),
        ("xor8a80", "8A 01 00 11 9A", "8A 01 00 11 9A"),
        ("wkly", "57 4B 4C 59 08 00 86 87", "57 4B 4C 59 09 00 86 00 86"),
        ("wkly", "57 4B 4C 59 0C 00 87 03 01 02 03 81", "57 4B 4C 59 09 00 87 00 87"),
    ],
)
def test_a_native_opening_of_all_fires_in_turn_and_answers_at_the_end(family: str, frame: str, answer: str) -> None:
    rig = Rig(family, None, 3, pushes=False)
    rig.send(frame)
    rig.advance(1150)
    assert rig.client.got == b""
    rig.advance(1000)
    assert rig.client.got.hex(" ").upper() == answer
    assert [(pulse.lock, pulse.at_ms) for pulse in rig.cabinet.trace.pulses] == [(1, 0), (2, 400), (3, 800)]
    assert rig.violations() == []


def test_24_locks_open_in_turn_within_10_s() -> None:
    rig = Rig("xor8a80")
    assert rig.ask("8A 01 00 11 9A", 10_000) == "8A 01 00 11 9A"


def test_an_unlock_of_8a80_is_answered_a_second_later_with_the_door_of_that_moment() -> None:
    rig = Rig("xor8a80")
    assert rig.ask("8A 01 01 11 9B", 999) == ""
    assert rig.ask("", 1) == "8A 01 01 00 8A"


def test_8a80_answers_24_bits_for_8_locks_and_the_bits_above_float_but_stay() -> None:
    rig = Rig("xor8a80", None, 8)
    first, again = (bytes.fromhex(rig.ask("80 01 00 33 B2")) for _ in range(2))
    assert first == again
    assert (len(first), first[4]) == (7, 0xFF)


def test_cu24_says_nothing_to_an_unlock_unless_it_is_of_the_kind_that_does() -> None:
    assert Rig("kerong-cu24").ask("02 00 00 51 03 56") == ""
    assert len(Rig("kerong-cu24", acknowledges=True).ask("02 00 00 51 03 56")) == 35


@pytest.mark.parametrize("family", ["kerong-cu16", "kerong-cu48"])
def test_a_kerong_board_may_act_without_saying_so(family: str) -> None:
    rig = Rig(family, acknowledges=False)
    assert rig.ask({"kerong-cu16": "02 00 31 03 36"}.get(family, "02 00 00 61 03 66"), 1000) == ""
    assert rig.lock(1).door == "open"


def test_every_cu16_board_answers_the_common_question_in_turn() -> None:
    rig = Rig("kerong-cu16", (0, 2))
    assert rig.ask("02 F0 32 03 27") == "02 00 36 FF FF 00 00 03 39 02 20 36 FF FF 00 00 03 59"


def test_the_settings_of_a_cu16_board_are_never_to_be_sent() -> None:
    rig = Rig("kerong-cu16")
    rig.ask("02 00 37 05 03 41")
    assert rig.violations() == ["never"]


@pytest.mark.parametrize(
    ("frame", "answer"),
    [
        ("57 4B 4C 59 09 00 82 19 9B", "57 4B 4C 59 0B 00 82 FF 19 FF 99"),
        ("57 4B 4C 59 09 00 83 00 83", "57 4B 4C 59 0B 00 83 FF 00 FF 81"),
        ("57 4B 4C 59 0A 00 87 01 19 9C", "57 4B 4C 59 09 00 87 FF 78"),
        ("57 4B 4C 59 09 00 89 19 90", "57 4B 4C 59 0A 00 89 FF 19 6C"),
    ],
)
def test_wkly_refuses_a_lock_it_does_not_have(frame: str, answer: str) -> None:
    rig = Rig("wkly")
    assert rig.ask(frame, 3000) == answer
    assert rig.cabinet.trace.pulses == type(rig.cabinet.trace.pulses)()


@pytest.mark.parametrize(
    ("frame", "answer"),
    [
        ("01 05 02 08 00 05", "01 85 02"),
        ("01 05 02 00 00 00", "01 85 03"),
        ("01 02 00 08 00 01", "01 82 02"),
        ("01 03 30 00 00 01", "01 83 02"),
        ("01 04 00 00 00 01", "01 84 01"),
        ("01 03 20 00 00 01", "01 03 02 00 01"),
        ("01 06 50 00 00 01", "01 86 02"),
    ],
)
def test_a_relay_board_refuses_what_it_does_not_have(frame: str, answer: str) -> None:
    from openharbor.boards.emulator.wire import crc16

    body = bytes.fromhex(frame)
    assert Rig("waveshare").ask((body + crc16(body)).hex()).rpartition(" ")[0].rpartition(" ")[0] == answer


def test_a_relay_board_without_inputs_says_so() -> None:
    assert Rig("waveshare", feedback="none").ask("01 02 00 00 00 08 79 CC") == "01 82 01 81 60"


def test_all_relays_off_ends_a_held_relay() -> None:
    rig = Rig("waveshare")
    rig.ask("01 05 00 00 FF 00 8C 3A")
    rig.ask("01 05 00 FF 00 00 FD FA")
    assert not rig.cabinet.boards[1].coils[1].on


@pytest.mark.parametrize(
    ("family", "frame", "refused"),
    [
        ("winnsen", "90 06 05 00 01 03", "90 07 85 00 01 02 03"),
        ("wkly", "57 4B 4C 59 09 00 82 01 83", "57 4B 4C 59 0B 00 82 FF 01 00 7E"),
        ("waveshare", "01 05 02 00 00 05 0C 71", "01 85 06 C2 92"),
    ],
)
def test_a_board_with_a_duty_cycle_refuses_a_second_pulse_too_soon(family: str, frame: str, refused: str) -> None:
    rig = Rig(family, pushes=False, cooldown_ms=3000)
    rig.ask(frame, 1000)
    assert rig.ask(frame, 1000) == refused
    assert len(rig.lock(1).pulses) == 1
