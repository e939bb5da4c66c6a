"""A message is carried out once, whatever is lost or replayed (blink-protocol.md 5.5)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.blink.rig import CLOCK, UPTIME, iv_in, key_of, sessions, wrapped
from harness.blink_vectors import vectors
from openharbor.blink.cbor import decode
from openharbor.blink.frames import read_message
from openharbor.blink.handshake import SessionRequest
from openharbor.blink.refusals import Rejected
from openharbor.blink.sequence import FIRST_NUMBER, MOST_SEEN, Numbers, Repeat, Turn, judge, unused, used
from openharbor.blink.sessions import Sessions
from openharbor.blink.tower_session import Answered, Asked, answer, receive, refuse, session_error
from openharbor.blink.wrapper import unwrap


def heard(tower: Sessions, frame: str) -> tuple[Sessions, Asked | Answered | Rejected]:
    try:
        sessions, message = receive(tower, bytes.fromhex(frame), UPTIME)
    except Rejected as refused:
        return tower, refused
    assert not isinstance(message, SessionRequest)
    return sessions, message


def carry_out(tower: Sessions, asked: Asked, out: str) -> tuple[Sessions, bytes]:
    """Answers with what the vector's answer holds."""
    outer = read_message(bytes.fromhex(out))
    if not wrapped(out):
        return refuse(tower, asked, outer[2], bytes(16), CLOCK)
    inner = decode(unwrap(key_of("A"), outer))
    return answer(tower, asked, {one: value for one, value in inner.items() if one not in (1, 22, 25)}, iv_in(out))


def test_the_steps_of_the_vectors_are_answered_byte_for_byte() -> None:
    tower, carried_out = sessions("A"), list[str]()
    for row in vectors()["sequence"]["steps"]:
        tower, message = heard(tower, row["in"])
        if isinstance(message, Rejected):
            form, frame = "rejected", session_error(message.code, CLOCK)
            assert message.counts, row["note"]
        elif isinstance(message, Answered):
            form, frame = "stored", message.frame
        else:
            assert message.refusal is None, row["note"]
            form, (tower, frame) = "carried out", carry_out(tower, message, row["out"])
        carried_out.append(form)
        assert frame.hex() == row["out"], row["note"]
    once, again, refused = "carried out", "stored", "rejected"
    assert carried_out == [once, again, again, once, again, once, refused, refused, once, again, once]


def turn(numbers: Numbers, number: int, auth: bytes, inner: bytes = b"") -> Turn:
    judged = judge(numbers, number, auth, inner or auth)
    assert isinstance(judged, Turn)
    return judged


def repeat(numbers: Numbers, number: int, auth: bytes, inner: bytes = b"") -> Repeat:
    judged = judge(numbers, number, auth, inner or auth)
    assert isinstance(judged, Repeat)
    return judged


def is_refused(numbers: Numbers, number: int, auth: bytes) -> bool:
    with pytest.raises(Rejected) as refused:
        judge(numbers, number, auth, auth)
    return (refused.value.code, refused.value.counts) == (201, True)


def after(numbers: Numbers, number: int, auth: bytes) -> Numbers:
    return used(numbers, turn(numbers, number, auth), b"answer to " + auth)


def test_a_session_begins_with_number_2_and_nothing_before_it() -> None:
    for number in (-1, 0, 1, 3, 4):
        assert is_refused(Numbers(), number, b"a")
    assert turn(Numbers(), FIRST_NUMBER, b"a").number == 2


def test_the_next_number_proves_that_the_answer_arrived_and_the_same_one_that_it_did_not() -> None:
    numbers = after(Numbers(), 2, b"a")
    assert not turn(numbers, 4, b"b").again
    assert turn(numbers, 2, b"b").again


def test_the_same_command_with_a_new_iv_is_answered_again_and_known_from_then_on() -> None:
    numbers = after(Numbers(), 2, b"a")
    copy = repeat(numbers, 2, b"a2", b"a")
    assert copy.frame == b"answer to a"
    moved_on = after(copy.numbers, 2, b"b")
    assert repeat(moved_on, 2, b"a2", b"a").frame == b"answer to a"


def test_a_ninth_message_with_one_number_is_refused() -> None:
    numbers = Numbers()
    for count in range(MOST_SEEN):
        numbers = after(numbers, 2, b"%d" % count)
    assert is_refused(numbers, 2, b"9")
    assert repeat(numbers, 2, b"0").frame == b"answer to 0"
    assert turn(numbers, 4, b"next").number == 4


def test_refusals_in_the_clear_count_towards_the_eight_and_stay_refused() -> None:
    numbers = Numbers()
    for count in range(MOST_SEEN):
        numbers = unused(numbers, turn(numbers, 2, b"%d" % count), b"refused")
    assert is_refused(numbers, 2, b"9")
    assert repeat(numbers, 2, b"3").frame == b"refused"


def test_copies_of_one_command_never_fill_the_memory() -> None:
    numbers = after(Numbers(), 2, b"a")
    for count in range(50):
        numbers = repeat(numbers, 2, b"copy %d" % count, b"a").numbers
    assert len(numbers.seen) == MOST_SEEN
    assert is_refused(numbers, 2, b"other")
    assert not turn(numbers, 4, b"next").again


def test_a_refused_message_is_not_carried_out_after_the_next_command_either() -> None:
    numbers = unused(Numbers(), turn(Numbers(), 2, b"bad"), b"refused")
    numbers = after(numbers, 2, b"good")
    assert repeat(numbers, 2, b"bad").frame == b"refused"
    numbers = after(numbers, 4, b"next")
    assert is_refused(numbers, 2, b"bad")


@given(st.data())
def test_in_any_order_of_new_and_old_messages_each_is_carried_out_at_most_once(data: st.DataObject) -> None:
    """An honest phone sends new ones with the number it knows; an attacker sends any old message at any time."""
    numbers, sent, carried_out = Numbers(), list[tuple[int, bytes, bytes]](), list[bytes]()
    for _ in range(data.draw(st.integers(1, 25))):
        old = data.draw(st.booleans())
        if old and sent:
            message = data.draw(st.sampled_from(sent))
        else:
            number = numbers.expected - data.draw(st.sampled_from((0, 2)))
            message = (number, b"%d" % len(sent), data.draw(st.sampled_from((b"open", b"door", b"tap"))))
            sent.append(message)
        try:
            judged = judge(numbers, *message)
        except Rejected:
            continue
        if isinstance(judged, Repeat):
            numbers = judged.numbers
            continue
        carried_out.append(message[1])
        finish = data.draw(st.sampled_from((used, unused)))
        numbers = finish(numbers, judged, b"answer %d" % len(carried_out))
        assert len(numbers.seen) <= 2 * MOST_SEEN
    assert len(carried_out) == len(set(carried_out))


@given(st.integers(1, 12), st.data())
def test_a_message_of_an_earlier_number_is_never_accepted(count: int, data: st.DataObject) -> None:
    numbers = Numbers()
    for place in range(count):
        numbers = after(numbers, 2 + 2 * place, b"%d" % place)
    place = data.draw(st.integers(0, count - 1))
    if place == count - 1:
        assert repeat(numbers, 2 + 2 * place, b"%d" % place)
    else:
        assert is_refused(numbers, 2 + 2 * place, b"%d" % place)


@pytest.mark.parametrize("number", [2**31, 2**63, -5])
def test_numbers_beyond_reason_are_refused(number: int) -> None:
    assert is_refused(after(Numbers(), 2, b"a"), number, b"b")
