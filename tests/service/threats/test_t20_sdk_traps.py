"""T-20: every tower message of the vectors is read as its `sdk` says, and every length passes F-1 (section 15, 16)."""

from collections.abc import Iterator
from typing import Any

import cbor2
import pytest

from core.blink.rig import CLOCK, key_of, phone, sessions, taken
from core.tower.desk import Desk
from harness.blink_vectors import unshown, vectors
from openharbor.blink.cbor import decode, encode
from openharbor.blink.frames import phone_frame, read_message, tower_frame
from openharbor.blink.packets import COMMANDS, REPLIES, Packet
from openharbor.blink.phone_session import Reply, ask
from openharbor.blink.refusals import Rejected
from openharbor.blink.tower_session import Asked, answer, receive, refuse, session_error
from openharbor.blink.wrapper import unwrap, wrap
from service.threats.sdk_reader import AWAITED, Stopped, content, sync_walk, view


def keys_of(name: str) -> tuple[bytes, bytes]:
    row = vectors()["session"]["session_keys"] if name == "A" else None
    if row is not None:
        return bytes.fromhex(row["encrypt"]), bytes.fromhex(row["authenticate"])
    return key_of(name).encryption, key_of(name).authentication


def told(row: dict[str, Any], awaited: str, name: str = "A") -> str:
    return view(bytes.fromhex(row["out"]), awaited, keys_of(name))


def asked_by(message: bytes, name: str) -> str:
    """What the phone awaits that sent this; something that any answer would do for, if it is no message at all."""
    try:
        outer = read_message(message)
        if 7 not in outer:
            return "GRANT_SESSION"
        packet = decode(unwrap(key_of(name), outer))[1]
        return str(COMMANDS[Packet(packet)].reply.name)
    except (Rejected, KeyError, ValueError, TypeError):
        return "ACK"


def rows() -> Iterator[Any]:
    """Every message that the vectors say something about: what is awaited, the row, whose session."""
    visit = vectors()["session"]
    yield pytest.param("GRANT_SESSION", visit["grant"], "A", id="grant")
    yield pytest.param("FOUND_LOCKERS", visit["first_command"], "A", id="first command")
    yield pytest.param("TERMINATE_SESSION", visit["terminate"], "A", id="terminate")
    yield pytest.param("FOUND_LOCKERS", visit["after_terminate"], "A", id="after terminate")
    for row in vectors()["framing"]["tower"]:
        yield pytest.param("GRANT_SESSION", row, "A", id=f"frame of {row['length']}")
    for part, steps in (("commands", "steps"), ("codec", "pairs")):
        for place, row in enumerate(vectors()[part][steps]):
            awaited = COMMANDS[Packet[row["command"]]].reply.name
            yield pytest.param(awaited, row, session_of(part), id=f"{part} {place}")
    for place, row in enumerate(vectors()["sequence"]["steps"]):
        yield pytest.param(asked_by(bytes.fromhex(row["in"]), "A"), row, "A", id=f"sequence {place}")
    for row in vectors()["negative"]["list"]:
        name = row["session"]["name"] if row["session"] else "A"
        yield pytest.param(asked_by(bytes.fromhex(row["in"]), name), row, name, id=row["id"])


def session_of(part: str) -> str:
    row = vectors()[part].get("steps", vectors()[part].get("pairs"))[0]
    number = bytes.fromhex(row["out"])
    return next(str(name) for name in vectors()["sessions"] if taken(name, "session_id") in number)


@pytest.mark.parametrize(("awaited", "row", "name"), list(rows()))
def test_the_sdk_reads_every_message_of_the_vectors_as_they_say(awaited: str, row: dict[str, Any], name: str) -> None:
    assert told(row, awaited, name) == row["sdk"]


@pytest.mark.parametrize("row", vectors()["framing"]["tower"], ids=lambda row: str(row["length"]))
def test_without_the_pad_the_sdk_would_read_what_the_vectors_say(row: dict[str, Any]) -> None:
    fields = unshown(row["map"])
    bare = cbor2.dumps(cbor2.dumps(fields))
    assert view(bare, "GRANT_SESSION", None) == row["sdk_without_pad"]
    assert row["padded"] == (bare.hex() != row["out"])


def test_the_sdk_is_sent_no_message_of_a_length_that_it_cannot_read() -> None:
    tower = sessions("A")
    question = ask(phone("A"), Packet.CHECK_ALL_LOCKER_DOORS, {}, bytes(16))
    for size in range(1, 1001):
        clear = tower_frame({1: 3, 2: 108, 5: CLOCK, 3: "x" * size})
        assert view(clear, "ACK", None) == "session_error 108", size
        state, asked = receive(tower, question.frame, 1000)
        assert isinstance(asked, Asked)
        _, wrapped = answer(state, asked, {79: bytes(size)}, bytes(16))
        assert view(wrapped, "ALL_LOCKER_DOOR_STATES", keys_of("A")) == "ok sequence 3", size


def test_every_length_of_content_from_1_to_1000_that_can_be_is_found() -> None:
    found = set()
    for size in range(1100):
        message = tower_frame({1: 3, 3: "x" * size})
        fields = content(message)
        assert fields is not None
        found.add(len(message) - {24: 2, 25: 3}.get(message[0] & 31, 1))
    unsafe = {one for one in vectors()["framing"]["unsafe_content_lengths"] if isinstance(one, int)}
    assert found.isdisjoint(unsafe)
    assert unsafe == {23, 254, 255}


@pytest.mark.parametrize("packet", list(COMMANDS), ids=lambda one: str(one.name))
def test_no_refusal_passes_for_success(packet: Packet) -> None:
    """F-4, F-9: also where an ACK needs nothing but a session and a number. SYNC_PUSH is the one exception (6.1)."""
    fields = {item.number: 1 for item in COMMANDS[packet].layout}
    inner = {1: packet.value, 22: taken("A", "session_id"), 25: 2, **fields}
    asked = asked_in(inner)
    _, frame = refuse(sessions("A"), asked, 505, bytes(16), CLOCK)
    seen = view(frame, COMMANDS[packet].reply.name, keys_of("A"))
    if packet is Packet.SYNC_PUSH:
        assert seen == "ok sequence 3", "the SDK goes on to the next packet, and learns the outcome from the events"
    else:
        assert seen in ("session_error 505", "error 505 sequence 3")


def asked_in(inner: dict[int, Any]) -> Asked:
    frame = phone_frame(wrap(key_of("A"), taken("A", "session_id"), encode(inner), bytes(16)))
    _, asked = receive(sessions("A", 63), frame, 1000)
    assert isinstance(asked, Asked)
    return asked


def test_the_model_awaits_what_the_tower_answers_with() -> None:
    """The tower's own table and this second reading of 3.1 say the same."""
    for packet, numbers in REPLIES.items():
        if packet is not Packet.ERROR:
            assert set(AWAITED[packet.name]) == set(numbers), packet.name


def test_a_wrapped_answer_without_a_session_would_stop_the_app_and_is_never_sent() -> None:
    """F-8."""
    wrapped = bytes.fromhex(vectors()["session"]["first_command"]["out"])
    with pytest.raises(Stopped):
        view(wrapped, "FOUND_LOCKERS", None)
    desk = Desk()
    for row in vectors()["negative"]["list"]:
        if row["session"] is None:
            answered = desk.receive(bytes.fromhex(row["in"])).frame
            desk.failures = 0
            assert 7 not in read_message(answered), row["id"]


def test_a_number_beyond_32_bits_or_of_another_kind_is_missing() -> None:
    """F-3: so a tower sends none in a field that the SDK reads."""
    for fields in ({2: 2**31, 5: 1}, {2: True, 5: 1}, {2: "x", 5: 1}, {2: -(2**31) - 1, 5: 1}):
        assert view(tower_frame({1: 3, **fields}), "ACK", None) == "undecodable"
    assert view(session_error(202, 2**31 - 1), "ACK", None) == "session_error 202"


def test_the_answer_to_a_command_without_a_session_is_a_refusal_to_the_sdk() -> None:
    """F-10: it sends an empty map."""
    answered = Desk().receive(bytes.fromhex(vectors()["framing"]["phone"][0]["out"]))
    assert view(answered.frame, "LOCKER_OPENED", None) == "session_error 202"


def test_a_code_that_the_tower_draws_is_still_an_ack_to_the_sdk() -> None:
    """11.4: #80 in the ACK is for this project's phone side alone."""
    desk = Desk()
    desk.only_session("A")
    desk.use("A", "drop-off, locker 1")
    question = ask(desk.phones["A"], Packet.SET_KEYPAD_CODE, {80: "auto", 81: False, 82: b"", 83: True}, bytes(16))
    assert view(desk.receive(question.frame).frame, "ACK", keys_of("A")) == "ok sequence 5"


@pytest.mark.parametrize("row", vectors()["sync"]["pull_walks"], ids=lambda row: str(row["batch_sizes"]))
def test_the_sdk_pulls_as_the_vectors_say(row: dict[str, Any]) -> None:
    sizes, last = list(row["batch_sizes"]), row["last"]

    def pull(start: int) -> tuple[int, int]:
        size = sizes.pop(0) if len(sizes) > 1 else sizes[0]
        return start, max(0, min(size, last + 1 - start))

    assert sync_walk(row["first"], last - row["first"] + 1, pull) == row["sdk_asks_for"]


@pytest.mark.parametrize("notes", [0, 1, 8, 20])
def test_the_sdk_pulls_every_event_of_a_tower_and_comes_to_an_end(notes: int) -> None:
    desk = Desk()
    desk.only_session("A")
    for _ in range(notes):
        desk.say("A", Packet.ADD_CLIENT_EVENT, {62: b"x" * 100})
    status = desk.say("A", Packet.REQUEST_SYNC_STATUS)
    assert isinstance(status, Reply)
    covered: list[int] = []

    def pull(start: int) -> tuple[int, int]:
        reply = desk.say("A", Packet.SYNC_PULL, {31: start})
        assert isinstance(reply, Reply)
        covered.extend(range(reply.fields[31], reply.fields[31] + reply.fields[32]))
        return reply.fields[31], reply.fields[32]

    sync_walk(status.fields[31], status.fields[32], pull)
    assert covered == list(range(1, 13 + notes))
