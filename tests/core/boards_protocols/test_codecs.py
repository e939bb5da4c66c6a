"""What each board is asked, and what its answers mean."""

import itertools
from typing import Any

import pytest

from openharbor.boards.address import parse
from openharbor.boards.protocols.choose import make_codec
from openharbor.boards.protocols.codec import Answer, Codec, EncodeError, Foreign, Reply
from openharbor.boards.protocols.families import FAMILIES

from .vectors import META, codec


def at(url: str) -> Codec:
    return make_codec(parse(url))


def hexes(*text: str) -> list[bytes]:
    return [bytes.fromhex(one) for one in text]


def answer_to(board: Codec, command: str, reply: str, lock: int | None = None) -> Answer:
    """The meaning of a reply to what the codec itself would send."""
    one = board.open(lock or 1, 500) if command == "open" else board.read(lock or 1)
    asked = board.reads()[0] if command == "all" else one
    assert asked
    frame = bytes.fromhex(reply)
    assert board.sort(frame, asked) == Reply()
    return board.answer(frame, asked)


@pytest.mark.parametrize("family", FAMILIES)
def test_no_two_locks_of_any_two_boards_share_an_opening_frame(family: str) -> None:
    rules = FAMILIES[family]
    boards = [codec(family, {rules.address_name: number}) for number in rules.boards[:32]]
    frames = {board.open(lock, 500).data for board in boards for lock in rules.locks}
    assert len(frames) == len(boards) * len(rules.locks)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_lock_the_board_does_not_have_is_refused_before_it_becomes_a_frame(family: str) -> None:
    rules = FAMILIES[family]
    board = codec(family, options={"locks": 4})
    for lock in (-1, 0, 5, rules.locks[-1] + 1):
        with pytest.raises(EncodeError, match=f"lock must be from 1 to 4, not {lock}"):
            board.open(lock, 500)


@pytest.mark.parametrize("family", FAMILIES)
def test_no_scan_probe_alone_or_next_to_another_holds_an_opening_frame(family: str) -> None:
    rules = FAMILIES[family]
    boards = [codec(family, {rules.address_name: number}) for number in rules.boards]
    frames = {board.open(lock, ms).data for board in boards for lock in rules.locks for ms in (100, 500, 2000)}
    probes = [bytes.fromhex(row["hex"]) for row in META["scan_probes"]]
    heard = [one + two for one, two in itertools.product(probes, [b"", *probes])]
    assert [frame for frame in frames if any(frame in bytes_ for bytes_ in heard)] == []


@pytest.mark.parametrize("family", FAMILIES)
def test_the_first_exchange_is_a_read_whose_request_is_no_answer_to_itself(family: str) -> None:
    board = codec(family)
    asked = board.liveness()
    assert not isinstance(board.sort(asked.data, asked), Reply)


def test_kerong_reads_the_whole_board_and_leaves_out_locks_it_does_not_have() -> None:
    board = at("kerong-cu16+tcp://10.0.0.5?board=0&locks=12&feedback=closed_is_1")
    answer = answer_to(board, "all", "02 00 35 FE FF 04 00 03 3B")
    assert answer.bits == {1: False, **dict.fromkeys(range(2, 13), True)}
    assert [lock for lock, there in answer.items.items() if there] == [3]
    assert answer.accepted is None


def test_a_status_frame_after_a_kerong_open_acknowledges_it() -> None:
    board = at("kerong-cu16+tcp://10.0.0.5?board=0")
    assert answer_to(board, "open", "02 05 35 DF FF 00 00 03 1D", lock=6).accepted is True


def test_busy_reset_follows_an_open_only_where_it_is_asked_for() -> None:
    plain = at("kerong-cu16+tcp://10.0.0.5?board=0")
    busy = at("kerong-cu16+tcp://10.0.0.5?board=0&busy_reset=1")
    assert plain.followup(plain.open(1, 500)) is None
    reset = busy.followup(busy.open(1, 500))
    assert reset
    assert reset.data == bytes.fromhex("02 00 38 03 3D")
    assert busy.followup(busy.liveness()) is None
    assert busy.followup(reset) is None


@pytest.mark.parametrize(
    ("layout", "reply"),
    [("count", "02 00 00 75 FE FF FF FF FF 7F 03 F3"), ("etx", "02 00 00 75 06 FE FF FF FF FF 7F F6")],
)
def test_a_cu48_under_the_wrong_layout_names_the_other(layout: str, reply: str) -> None:
    other = {"count": "etx", "etx": "count"}[layout]
    board = at(f"kerong-cu48+tcp://10.0.0.5:5000?board=0&reply_layout={layout}")
    assert board.hint(bytes.fromhex(reply)) == f"answers fit reply_layout={other}"
    assert board.hint(bytes.fromhex("00 FF 02 00")) is None


def test_a_late_open_answer_of_a_cu48_is_told_from_a_status_under_both_layouts() -> None:
    for layout in ("count", "etx"):
        board = codec("kerong-cu48", options={"reply_layout": layout})
        assert board.sort(bytes.fromhex("02 00 00 75 00 77"), board.liveness()) == Foreign("command")


def test_the_value_in_an_8a80_unlock_answer_is_the_door_and_no_verdict() -> None:
    board = codec("xor8a80", {"board": 1})
    for reply, raw in (("8A 01 01 11 9B", True), ("8A 01 01 00 8A", False)):
        assert answer_to(board, "open", reply) == Answer(bits={1: raw}, accepted=True)


def test_an_8a80_board_learns_its_length_from_two_equal_answers() -> None:
    board = at("xor8a80+serial:///dev/ttyUSB0?board=1&locks=8")
    first, second, longer = hexes("80 01 00 00 00 33 B2", "80 01 01 00 00 33 B3", "80 01 FF FF FF FF 33 B2")
    assert board.learn((first, second)) == board
    learnt = board.learn((first, first))
    assert isinstance(learnt.sort(second, learnt.liveness()), Reply)
    assert not isinstance(learnt.sort(longer, learnt.liveness()), Reply)
    assert learnt.learn((longer, longer)) == learnt


def test_a_learnt_length_is_the_only_one_accepted() -> None:
    """Silence may close the wrong number of bytes; a learnt length still finds the 32 bits in them."""
    data = bytes.fromhex("80 01 81 00 00 33 33 00")
    learnt = codec("xor8a80", {"board": 1}, {"status_bytes": 4, "locks": 32})
    assert isinstance(learnt.sort(data, learnt.liveness()), Reply)
    assert not isinstance(learnt.sort(data[:7], learnt.liveness()), Reply)


def test_board_max_lets_8a80_addresses_beyond_the_switch() -> None:
    assert at("xor8a80+serial:///dev/x?board=200&board_max=200&locks=8").open(1, 500).data[1] == 200


def test_wkly_learns_its_lock_count_from_its_answers() -> None:
    board = at("wkly+serial:///dev/ttyUSB0?board=0")
    four, fails = hexes("57 4B 4C 59 0E 00 84 00 04 00 01 01 00 87", "57 4B 4C 59 09 00 84 FF 7B")
    assert board.safe_state() == ()
    assert board.learn((fails, four)) == board.learn((four, four))
    assert board.learn((fails, fails)) == board
    learnt = board.learn((four, four))
    assert [request.data[7] for request in learnt.safe_state()] == [1, 2, 3, 4]
    assert answer_to(learnt, "all", "57 4B 4C 59 09 00 84 FF 7B").bits == dict.fromkeys(range(1, 5))
    with pytest.raises(EncodeError):
        learnt.open(5, 500)


def test_a_configured_lock_count_is_not_unlearnt() -> None:
    board = at("wkly+serial:///dev/ttyUSB0?board=0&locks=2")
    four = bytes.fromhex("57 4B 4C 59 0E 00 84 00 04 00 01 01 00 87")
    assert board.learn((four, four)) == board
    assert set(board.answer(four, board.liveness()).bits) == {1, 2}


@pytest.mark.parametrize(
    ("reply", "answer"),
    [
        ("57 4B 4C 59 0B 00 82 00 02 00 82", Answer(bits={2: False}, accepted=True)),
        ("57 4B 4C 59 0B 00 82 00 02 07 85", Answer(bits={2: None}, accepted=True)),
        ("57 4B 4C 59 0B 00 82 01 02 01 82", Answer(bits={2: True}, accepted=False, reason="failed")),
        ("57 4B 4C 59 09 00 82 FF 7D", Answer(accepted=False, reason="failed")),
    ],
)
def test_anything_but_00_is_a_failed_wkly_open(reply: str, answer: Answer) -> None:
    assert answer_to(codec("wkly"), "open", reply, lock=2) == answer


def test_the_door_of_a_failed_wkly_read_is_not_believed() -> None:
    assert answer_to(codec("wkly"), "read", "57 4B 4C 59 0B 00 83 00 01 00 80").bits == {1: False}
    assert answer_to(codec("wkly"), "read", "57 4B 4C 59 0B 00 83 01 01 00 81").bits == {1: None}
    assert answer_to(codec("wkly"), "read", "57 4B 4C 59 09 00 83 FF 7C").bits == {1: None}


def test_native_open_all_is_off_unless_asked_for() -> None:
    for family in FAMILIES:
        assert codec(family).open_all((1, 2)) is None


def test_wkly_opens_exactly_the_asked_locks_in_turn() -> None:
    native = codec("wkly", options={"native_open_all": 1}).open_all((1, 2, 3))
    assert native
    assert (native.data, native.answer_ms) == (bytes.fromhex("57 4B 4C 59 0C 00 87 03 01 02 03 81"), 4500)
    uncounted = codec("wkly", options={"native_open_all": 1, "sequence_count": 0}).open_all((1, 2, 3))
    assert uncounted
    assert uncounted.data == bytes.fromhex("57 4B 4C 59 0B 00 87 01 02 03 85")


def test_8a80_opens_all_natively_only_when_every_lock_is_asked_for() -> None:
    board = codec("xor8a80", {"board": 1}, {"native_open_all": 1, "locks": 3})
    native = board.open_all((1, 2, 3))
    assert native
    assert (native.data, native.answer_ms) == (bytes.fromhex("8A 01 00 11 9A"), 12_000)
    assert board.open_all((1, 3)) is None


def test_a_relay_board_with_inputs_reads_eight_of_them_whatever_its_locks() -> None:
    board = codec("waveshare", {"unit": 1}, {"locks": 16})
    assert answer_to(board, "all", "01 02 01 81 61 E8").bits == {n: n in (1, 8) for n in range(1, 9)}
    assert board.read(9) is None


def test_a_relay_board_without_feedback_is_asked_for_its_version_only() -> None:
    board = at("waveshare+tcp://10.0.0.8:4196?unit=1")
    assert (board.reads(), board.read(1)) == ((), None)
    assert [request.command for request in (board.liveness(), *board.checks())] == ["version", "version"]


def test_coils_are_never_taken_for_doors() -> None:
    board = codec("waveshare", {"unit": 1})
    asked = board.request("coils", count=8)
    answer = board.answer(bytes.fromhex("01 01 01 00 51 88"), asked)
    assert (answer.bits, answer.values) == ({}, (0,) * 8)


@pytest.mark.parametrize(("reply", "reason"), [("01 85 03 02 91", "exception-03"), ("01 85 02 C3 51", "exception-02")])
def test_an_exception_refuses_a_pulse(reply: str, reason: str) -> None:
    assert answer_to(codec("waveshare", {"unit": 1}), "open", reply) == Answer(accepted=False, reason=reason)


def test_exception_06_is_busy() -> None:
    board = codec("modbus-tcp", {"unit": 1})
    pulse = board.stamp(board.open(1, 500), 4)
    assert board.answer(bytes.fromhex("00 04 00 00 00 03 01 85 06"), pulse).reason == "busy"


def test_a_pulse_answer_with_another_duration_is_foreign() -> None:
    board = codec("waveshare", {"unit": 1})
    assert board.sort(bytes.fromhex("01 05 02 00 00 07 8D B0"), board.open(1, 500)) == Foreign("count")


def test_a_version_is_not_taken_for_channel_modes() -> None:
    board = codec("waveshare", {"unit": 1})
    assert board.sort(bytes.fromhex("01 03 02 00 C8 B9 D2"), board.checks()[1]) == Foreign("count")


@pytest.mark.parametrize(
    ("values", "fault"),
    [
        ((200,), None),
        ((199,), "firmware 1.99 is not Modbus-compatible; 2.00 or later is needed"),
        ((), None),
    ],
)
def test_firmware_before_2_00_is_refused(values: tuple[int, ...], fault: str | None) -> None:
    board = codec("waveshare", {"unit": 1})
    assert board.fault(board.checks()[0], Answer(values=values)) == fault


def test_an_input_that_drives_its_relay_keeps_the_board_off_line() -> None:
    board = codec("waveshare", {"unit": 1})
    modes = board.checks()[1]
    assert board.fault(modes, Answer(values=(0,) * 8)) is None
    fault = board.fault(modes, Answer(values=(1, 0, 0, 3, 0, 0, 0, 0)))
    assert fault
    assert "channel 1, 4 is linked to its input" in fault


def test_the_version_is_the_firmware() -> None:
    board = codec("waveshare", {"unit": 1})
    assert board.firmware(board.checks()[0], Answer(values=(215,))) == "2.15"
    assert board.firmware(board.checks()[1], Answer(values=(0,) * 8)) is None


def test_transaction_numbers_count_and_wrap() -> None:
    board = codec("modbus-tcp", {"unit": 1})
    stamped = [board.stamp(board.liveness(), number) for number in (0, 1, 0xFFFF, 0x10000)]
    assert [request.data[:2].hex() for request in stamped] == ["0000", "0001", "ffff", "0000"]
    assert [request.match["tid"] for request in stamped] == [0, 1, 0xFFFF, 0]
    serial = codec("waveshare", {"unit": 1})
    assert serial.stamp(serial.liveness(), 7) == serial.liveness()


def test_an_adapter_in_the_wrong_mode_is_named() -> None:
    header, serial = codec("modbus-tcp", {"unit": 1}), codec("waveshare", {"unit": 1})
    assert header.hint(bytes.fromhex("01 02 01 81")) == "the adapter sends serial frames: use the driver waveshare+tcp"
    late = bytes.fromhex("FF 00 01 00 00 00 04 01 02 01 81")
    assert serial.hint(late) == "the adapter sends Modbus-TCP frames: use the driver modbus-tcp"
    assert (header.hint(b"\xff\xff\xff\xff"), serial.hint(b"\xff\xff\xff\xff")) == (None, None)


def test_winnsen_reads_its_wired_locks_one_by_one() -> None:
    board = at("winnsen+serial:///dev/ttyUSB0?board=1&feedback=open_is_1&sensors=2-3,16")
    assert [request.lock for request in board.reads()] == [2, 3, 16]
    assert board.read(1) is None
    assert at("winnsen+serial:///dev/ttyUSB0?board=1").reads() == ()


def test_a_winnsen_board_in_cooldown_says_so() -> None:
    board = codec("winnsen", {"board": 1})
    assert answer_to(board, "open", "90 07 85 01 01 02 03") == Answer(accepted=False, reason="cooldown")
    assert answer_to(board, "open", "90 07 85 01 01 00 03") == Answer(accepted=False, reason="failed")
    assert answer_to(board, "open", "90 07 85 01 01 01 03") == Answer(accepted=True)
    assert answer_to(board, "read", "90 07 92 01 00 05 03", lock=5) == Answer(bits={5: False})


def test_winnsen_fields_in_the_other_order_are_named() -> None:
    board = codec("winnsen", {"board": 1})
    assert board.hint(bytes.fromhex("90 07 92 01 05 00 03")) == "answers fit status_order=lock_first"


def test_safe_state_is_every_coil_off_where_the_family_can() -> None:
    told: dict[str, Any] = {family: [one.command for one in codec(family).safe_state()] for family in FAMILIES}
    assert {family: set(commands) for family, commands in told.items() if commands} == {
        "wkly": {"channel_off"},
        "waveshare": {"all_off"},
        "modbus-tcp": {"all_off"},
    }


@pytest.mark.parametrize("speaks", FAMILIES)
def test_a_virtual_board_has_the_codec_of_what_it_speaks(speaks: str) -> None:
    assert at(f"virtual://demo?speaks={speaks}").family.name == speaks
