"""Times of lines and boards, and when a frame may leave (lock-boards.md 2.1, 2.3, 2.4, 4.8)."""

import pytest

from openharbor.boards.address import parse
from openharbor.boards.exchange import Member, Order, echoed
from openharbor.boards.protocols.choose import make_codec
from openharbor.boards.timing import BoardSettings, LineTimes, board_times, line_times
from openharbor.boards.traffic import Traffic, tells_of_two_boards
from openharbor.boards.turns import Priority

SERIAL = LineTimes(silence_s=0.005, gap_s=0.0, quiet_s=0.02, byte_s=0.001, echo=None)
TCP = LineTimes(silence_s=0.0, gap_s=0.02, quiet_s=0.05, byte_s=0.0, echo=None)
DEFAULTS = BoardSettings()


@pytest.mark.parametrize(
    ("url", "proof_ms"),
    [
        ("kerong-cu16+serial:///dev/a?board=0", 2700),
        ("kerong-cu24+serial:///dev/a?board=0", 2700),
        ("kerong-cu48+serial:///dev/a?board=0", 2700),
        ("xor8a80+serial:///dev/a?board=1&locks=24", 3200),
        ("wkly+serial:///dev/a?board=0", 2700),
        ("waveshare+serial:///dev/a?unit=1", 1000),
        ("modbus-tcp://10.0.0.8?unit=1", 1000),
        ("winnsen+serial:///dev/a?board=1", 4200),
    ],
)
def test_the_proof_time_is_the_answer_limit_the_pulse_and_200_ms(url: str, proof_ms: int) -> None:
    assert round(board_times(parse(url)).proof_s(DEFAULTS) * 1000) == proof_ms


def test_the_pulse_of_an_address_goes_before_the_setting_and_a_board_that_times_it_counts_as_a_second() -> None:
    def pulse(url: str) -> int:
        return board_times(parse(url)).pulse_of(BoardSettings(pulse_ms=300))

    assert pulse("modbus-tcp://10.0.0.8?unit=1") == 300
    assert pulse("modbus-tcp://10.0.0.8?unit=1&pulse_ms=700") == 700
    assert pulse("wkly+serial:///dev/a?board=0") == 1000
    assert pulse("wkly+serial:///dev/a?board=0&pulse_ms=600") == 600


def test_a_line_is_as_patient_as_its_most_patient_board() -> None:
    urls = ("wkly+tcp://10.0.0.7:4001?board=0&gap_ms=5", "wkly+tcp://10.0.0.7:4001?board=1&quiet_ms=80")
    times = line_times(parse(url) for url in urls)
    assert (times.silence_s, times.gap_s, times.quiet_s, times.byte_s, times.echo) == (0.0, 0.02, 0.08, 0.0, None)


def test_a_byte_on_a_serial_line_takes_its_bits() -> None:
    times = line_times([parse("wkly+serial:///dev/a?board=0&baudrate=9600&parity=E")])
    assert (round(times.byte_s * 9600, 6), times.silence_s, times.echo) == (11.0, 0.006, None)


def test_echo_by_hand_holds_for_the_whole_line() -> None:
    urls = ("wkly+serial:///dev/a?board=0", "wkly+serial:///dev/a?board=1&echo=1")
    assert line_times(parse(url) for url in urls).echo is True


def test_a_fresh_line_may_be_spoken_to_at_once() -> None:
    assert Traffic().may_send_at(SERIAL) == float("-inf")


def test_a_serial_line_must_have_been_silent_in_both_directions() -> None:
    assert Traffic(received_at=5.0, sent_until=4.0, answered_at=5.0).may_send_at(SERIAL) == 5.005
    assert Traffic(received_at=4.0, sent_until=5.0, answered_at=4.0).may_send_at(SERIAL) == 5.005


def test_over_tcp_a_gap_follows_the_answer_and_not_an_unasked_frame() -> None:
    assert Traffic(received_at=5.0, sent_until=4.0, answered_at=5.0).may_send_at(TCP) == 5.02
    assert Traffic(received_at=9.0, sent_until=4.0, answered_at=5.0).may_send_at(TCP) == 9.0


@pytest.mark.parametrize("times", [SERIAL, TCP])
def test_after_an_exchange_without_an_answer_the_line_stays_free_until_50_ms_of_silence(times: LineTimes) -> None:
    assert Traffic(received_at=3.0, sent_until=4.0, unanswered_at=5.0).may_send_at(times) == 5.05
    assert Traffic(received_at=5.2, sent_until=4.0, unanswered_at=5.0).may_send_at(times) == 5.25


def test_three_extra_answers_in_an_hour_tell_of_two_boards() -> None:
    assert not tells_of_two_boards([0.0, 10.0], 20.0)
    assert tells_of_two_boards([0.0, 10.0, 20.0], 20.0)
    assert not tells_of_two_boards([0.0, 10.0, 3700.0], 3700.0)


@pytest.mark.parametrize(
    ("raw", "answer", "found"),
    [
        (b"ask", "time", True),
        (b"askanswer", b"answer", True),
        (b"\xffaskanswer", b"answer", True),
        (b"answer", b"answer", False),
        (b"noise", "time", False),
    ],
)
def test_an_echo_is_our_own_bytes_before_the_answer(raw: bytes, answer: bytes | str, found: bool) -> None:
    assert echoed(b"ask", raw, answer) is found


def test_an_answer_that_holds_the_bytes_of_its_request_is_no_echo() -> None:
    assert not echoed(b"ask", b"the ask inside", b"the ask inside")


def member(url: str) -> Member:
    return Member(make_codec(parse(url)), 0.3, on_push=lambda _: None, on_event=lambda _kind, _detail: None)


def test_after_a_read_without_an_answer_the_board_is_left_alone_until_a_late_one_is_over() -> None:
    board = member("kerong-cu16+tcp://10.0.0.5?board=0")
    board.missed(Order(board.codec.liveness(), 0.3, Priority.POLL), sent_at=10.0)
    assert board.late(Priority.POLL) == board.late(Priority.OPEN) == pytest.approx(10.65)


def test_after_an_unlock_without_an_answer_only_another_unlock_must_wait() -> None:
    board = member("kerong-cu48+tcp://10.0.0.5:4001?board=0")
    board.missed(Order(board.codec.open(1, 500), 1.5, Priority.OPEN), sent_at=10.0)
    assert board.late(Priority.OPEN) == pytest.approx(13.05)
    assert board.late(Priority.REFRESH) == float("-inf")


def test_a_board_that_leaves_unlocks_unanswered_is_believed_from_the_second_one_on() -> None:
    board = member("kerong-cu24+tcp://10.0.0.5:4001?board=0")
    unlock = Order(board.codec.open(1, 500), 1.5, Priority.OPEN)
    board.missed(unlock, sent_at=10.0)
    assert board.late(Priority.OPEN) == pytest.approx(13.05)
    board.missed(unlock, sent_at=20.0)
    assert board.late(Priority.OPEN) < 20.0


def test_answers_that_name_their_request_are_harmless_when_late() -> None:
    board = member("modbus-tcp://10.0.0.8?unit=1")
    board.missed(Order(board.codec.liveness(), 0.3, Priority.POLL), sent_at=10.0)
    assert (board.silent, board.late(Priority.OPEN)) == (1, float("-inf"))
