"""Whatever bytes arrive: codecs and receiver agree with the checker's own reading, and nothing is a reply by chance."""

import importlib.util
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openharbor.boards import receiver as rx
from openharbor.boards.protocols.codec import Found, More, NoFrame
from openharbor.boards.protocols.families import FAMILIES
from openharbor.boards.protocols.frames import Frame

from .vectors import BOARDS, META, VECTORS, codec, described, play

QUICK = settings(max_examples=80, deadline=None)
GAP = META["quiet_ms"]


def load_checker() -> ModuleType:
    spec = importlib.util.spec_from_file_location("check_boards", VECTORS / "check_boards.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


CHECKER = load_checker()


def replies(family: str) -> list[bytes]:
    return [bytes.fromhex(item["reply_hex"]) for item in BOARDS[family]["commands"] if "reply_hex" in item]


def asked(family: str) -> list[dict[str, Any]]:
    """Streams of the vectors, for what is pending in them."""
    return [item for item in BOARDS[family]["streams"] if not item.get("echo")]


def pieces(family: str) -> st.SearchStrategy[bytes]:
    """Answers, cut answers, answers with a bit turned, and noise made of the family's own marks."""
    whole = st.sampled_from(replies(family))
    cut = st.tuples(whole, st.integers(0, 40)).map(lambda drawn: drawn[0][: drawn[1]])
    turned = st.tuples(whole, st.integers(0, 80), st.integers(1, 255)).map(
        lambda drawn: bytes(b ^ (drawn[2] if at == drawn[1] else 0) for at, b in enumerate(drawn[0]))
    )
    marks = sorted({byte for reply in replies(family) for byte in reply})
    noise = st.lists(st.sampled_from(marks), max_size=6).map(bytes)
    return st.one_of(whole, cut, turned, noise, st.binary(max_size=6))


@pytest.mark.parametrize("family", FAMILIES)
@QUICK
@given(data=st.data())
def test_receiver_and_checker_read_any_stream_alike(family: str, data: st.DataObject) -> None:
    item = data.draw(st.sampled_from(asked(family)))
    chunks = data.draw(st.lists(pieces(family).filter(bool), min_size=1, max_size=6))
    gaps = data.draw(st.lists(st.sampled_from([0, GAP]), min_size=len(chunks), max_size=len(chunks)))
    theirs = CHECKER.play(CHECKER.FAMILIES[family], item, chunks, gaps, GAP)
    assert play(family, item, zip(chunks, gaps, strict=True)) == theirs


@pytest.mark.parametrize("family", FAMILIES)
@QUICK
@given(data=st.data())
def test_any_split_gives_the_same_events(family: str, data: st.DataObject) -> None:
    item = data.draw(st.sampled_from(asked(family)))
    whole = b"".join(data.draw(st.lists(pieces(family), max_size=5)))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=6)))
    split = [(whole[a:b], 0) for a, b in zip([0, *cuts], [*cuts, len(whole)], strict=True)]
    assert play(family, item, split) == play(family, item, [(whole, 0)])


@pytest.mark.parametrize("family", FAMILIES)
@QUICK
@given(noise=st.binary(max_size=200), silent=st.booleans())
def test_looking_at_noise_never_fails_and_never_takes_what_is_no_frame(family: str, noise: bytes, silent: bool) -> None:
    board = codec(family)
    for pending in (None, board.open(1, 500), board.liveness()):
        look = board.look(noise or b"\0", pending, silent=silent)
        if isinstance(look, Found):
            assert isinstance(CHECKER.FAMILIES[family].parse(noise[: look.length], {}), dict)
        elif silent:
            assert not isinstance(look, More)
        if isinstance(look, NoFrame):
            assert look.length >= 1


@pytest.mark.parametrize("family", FAMILIES)
@QUICK
@given(noise=st.lists(st.binary(max_size=40), max_size=8), echo=st.booleans(), fires=st.booleans())
def test_a_reply_is_always_a_whole_valid_frame_for_this_very_request(
    family: str, noise: list[bytes], echo: bool, fires: bool
) -> None:
    board = codec(family)
    pending = board.open(1, 500) if fires else board.liveness()
    receiver = rx.Receiver(board)
    receiver.begin(board, pending, echo=echo)
    events = [event for chunk in noise for event in receiver.feed(chunk)] + receiver.silence()
    answers = [event for event in events if isinstance(event, rx.Replied)]
    assert len(answers) <= 1
    for reply in answers:
        frame = board.parse(reply.frame)
        assert isinstance(frame, Frame)
        assert frame.board == board.board


@pytest.mark.parametrize("family", FAMILIES)
@QUICK
@given(data=st.data())
def test_no_byte_is_lost_or_counted_twice(family: str, data: st.DataObject) -> None:
    board = codec(family)
    receiver = rx.Receiver(board)
    receiver.begin(board, board.liveness(), echo=False)
    chunks = data.draw(st.lists(pieces(family), max_size=8))
    events = [event for chunk in chunks for event in receiver.feed(chunk)] + receiver.silence()
    told = sum(len(bytes.fromhex(described(event)["hex"])) for event in events)
    assert told + receiver.discarded == sum(map(len, chunks))


@pytest.mark.parametrize("family", [name for name in FAMILIES if name not in ("waveshare", "modbus-tcp")])
@QUICK
@given(data=st.data())
def test_what_opens_a_lock_looks_like_an_opening_and_what_reads_does_not(family: str, data: st.DataObject) -> None:
    rules = FAMILIES[family]
    board = codec(family, {"board": data.draw(st.sampled_from(rules.boards))})
    lock = data.draw(st.sampled_from(rules.locks))
    assert CHECKER.opens_something(board.open(lock, 500).data)
    reads = [*board.reads(), board.read(lock), board.liveness(), *board.safe_state(), *board.checks()]
    assert not any(CHECKER.opens_something(read.data) for read in reads if read)
