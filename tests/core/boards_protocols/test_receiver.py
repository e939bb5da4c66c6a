"""Whose answer it is, beyond the published streams: echoes, late frames, pushes between exchanges, bounds."""

import pytest

from openharbor.boards.protocols.codec import Push
from openharbor.boards.receiver import (
    MOST_BYTES,
    Close,
    EchoDamaged,
    EchoRemoved,
    Event,
    Extra,
    Pushed,
    Receiver,
    Replied,
    Strange,
)

from .vectors import codec

KERONG = codec("kerong-cu16")
WKLY = codec("wkly")
HEADED = codec("modbus-tcp", {"unit": 1})
STATUS = bytes.fromhex("02 00 35 FE FF 00 00 03 37")
PUSH = bytes.fromhex("57 4B 4C 59 0A 00 85 01 01 86")
OPENED = bytes.fromhex("57 4B 4C 59 0B 00 82 00 01 00 81")


def waiting(*, echo: bool = False) -> Receiver:
    receiver = Receiver(KERONG)
    receiver.begin(KERONG, KERONG.liveness(), echo=echo)
    return receiver


def kinds(events: list[Event]) -> list[type[Event]]:
    return [type(event) for event in events]


def test_bytes_before_the_first_request_may_be_pushes() -> None:
    receiver = Receiver(WKLY)
    assert receiver.feed(PUSH + OPENED) == [Pushed(Push(0, 1, True), PUSH), Strange(OPENED, "command")]


def test_without_a_codec_bytes_belong_to_nothing() -> None:
    receiver = Receiver()
    assert receiver.feed(PUSH) == []
    assert receiver.discarded == len(PUSH)


def test_what_answers_after_the_end_is_extra_and_never_a_reply() -> None:
    receiver = waiting()
    receiver.end()
    assert receiver.feed(STATUS) == [Extra(STATUS)]


def test_a_second_answer_is_extra_before_the_end_and_after_it() -> None:
    receiver = waiting()
    assert kinds(receiver.feed(STATUS + STATUS)) == [Replied, Extra]
    receiver.end()
    assert kinds(receiver.feed(STATUS)) == [Extra]


@pytest.mark.parametrize("lost", [0, 2, 4])
def test_a_damaged_echo_fails_the_exchange(lost: int) -> None:
    receiver = waiting(echo=True)
    sent = bytearray(KERONG.liveness().data)
    sent[lost] ^= 0x40
    assert kinds(receiver.feed(bytes(sent) + STATUS)) == [EchoDamaged, Extra]


def test_a_missing_echo_fails_the_exchange() -> None:
    assert kinds(waiting(echo=True).feed(STATUS)) == [EchoDamaged, Extra]


def test_an_echo_cut_short_fails_the_exchange_at_silence() -> None:
    receiver = waiting(echo=True)
    assert receiver.feed(KERONG.liveness().data[:3]) == []
    assert kinds(receiver.silence()) == [EchoDamaged]


def test_an_echo_is_removed_once() -> None:
    board = codec("xor8a80", {"board": 1})
    pulse = board.open(1, 500)
    receiver = Receiver(board)
    receiver.begin(board, pulse, echo=True)
    assert receiver.feed(pulse.data) == [EchoRemoved(pulse.data)]
    receiver.feed(pulse.data)
    assert receiver.silence() == [Replied(pulse.data)]


def test_a_push_that_was_under_way_may_stand_before_the_echo() -> None:
    pulse = WKLY.open(1, 500)
    for at in range(len(PUSH + pulse.data)):
        receiver = Receiver(WKLY)
        receiver.begin(WKLY, pulse, echo=True)
        data = PUSH + pulse.data + OPENED
        events = receiver.feed(data[:at]) + receiver.feed(data[at:])
        assert kinds(events) == [Pushed, EchoRemoved, Replied]


def test_bytes_left_from_before_do_not_spoil_the_next_exchange() -> None:
    receiver = waiting()
    receiver.feed(STATUS[:5])
    receiver.end()
    receiver.begin(KERONG, KERONG.liveness(), echo=True)
    assert kinds(receiver.feed(KERONG.liveness().data + STATUS)) == [EchoRemoved, Replied]
    assert receiver.discarded == 5


def test_a_stream_with_headers_stays_in_step_over_exchanges() -> None:
    late, next_one = (bytes.fromhex(f"00 0{n} 00 00 00 04 01 02 01 81") for n in (1, 2))
    receiver = Receiver(HEADED)
    inputs = HEADED.reads()[0]
    receiver.begin(HEADED, HEADED.stamp(inputs, 1), echo=False)
    receiver.feed(late[:7])
    receiver.end()
    receiver.begin(HEADED, HEADED.stamp(inputs, 2), echo=False)
    assert receiver.feed(late[7:] + next_one) == [Strange(late, "transaction"), Replied(next_one)]


def test_a_header_with_a_senseless_body_is_dropped_whole() -> None:
    receiver = Receiver(HEADED)
    receiver.begin(HEADED, HEADED.stamp(HEADED.reads()[0], 1), echo=False)
    senseless = bytes.fromhex("00 01 00 00 00 04 01 02 02 81")
    reply = bytes.fromhex("00 01 00 00 00 04 01 02 01 81")
    assert receiver.feed(senseless + reply) == [Replied(reply)]
    assert receiver.discarded == len(senseless)


def test_after_a_broken_header_nothing_is_judged_any_more() -> None:
    receiver = Receiver(HEADED)
    receiver.begin(HEADED, HEADED.stamp(HEADED.reads()[0], 1), echo=False)
    serial = bytes.fromhex("01 02 01 81 61 E8")
    assert receiver.feed(serial) == [Close("protocol", serial[:4])]
    assert receiver.feed(bytes.fromhex("00 01 00 00 00 04 01 02 01 81")) == []
    assert HEADED.hint(receiver.refused)


def test_refused_bytes_can_be_shown_until_the_next_exchange() -> None:
    receiver = waiting()
    receiver.feed(b"\x55" * 100)
    assert receiver.refused == b"\x55" * 64
    receiver.begin(KERONG, KERONG.liveness(), echo=False)
    assert (receiver.refused, receiver.discarded) == (b"", 100)


def test_a_line_that_never_falls_silent_is_bounded() -> None:
    board = codec("xor8a80", {"board": 1})
    receiver = Receiver(board)
    receiver.begin(board, board.liveness(), echo=False)
    assert receiver.feed(b"\x55" * (5 * MOST_BYTES + 1)) == []
    assert receiver.discarded == 4 * MOST_BYTES + 1
    answer = bytes.fromhex("80 01 01 01 01 33 B3")
    assert receiver.feed(answer) == []
    assert receiver.silence() == [Replied(answer)]
