"""A tower under fuzzed frames, the suite's share of them; `make fuzz` sends a million (blink-protocol.md 16, T-11)."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.tower.desk import AT_MS, DRAWS, fixture_tower
from fuzz import frames
from fuzz.making import MESSAGES, Maker
from fuzz.world import Sent, World, Wrong, kept
from openharbor.blink.frames import FrameReader
from openharbor.blink.refusals import Rejected
from openharbor.tower import device
from openharbor.tower.state import Answer, Fire, Restart, Step, Tap


def test_no_fuzzed_frame_breaks_the_tower_or_opens_a_door() -> None:
    world = frames.run(20_000, seed=20_260_101)
    assert world.refused > 10_000
    assert world.granted > 50
    assert world.pulses > 20, "frames that get through, or else nothing was tried"


def test_the_same_seed_sends_the_same_frames() -> None:
    def sent(seed: int) -> list[bytes]:
        rng = random.Random(seed)
        maker = Maker(World(rng), rng)
        return [maker.make().frame for _ in range(200)]

    assert sent(7) == sent(7)
    assert sent(7) != sent(8)


@pytest.mark.parametrize("effect", [Fire(1, 0, 400), Tap(1, 0, 400, 3, 100)])
def test_the_judge_finds_a_pulse_without_a_reason(effect: Fire | Tap) -> None:
    world = World(random.Random(1))
    with pytest.raises(Wrong, match="locker 1 was fired"):
        world._carried_out(world.tower, Step(world.tower, (effect,)), Sent(b""))


def test_the_judge_finds_a_refusal_that_changed_something() -> None:
    world, refusal = World(random.Random(1)), device.received(fixture_tower(), b"\x41\x00", AT_MS, DRAWS)
    before = world.tower
    world.tower = device.connected(before).tower
    (answer,) = refusal.effects
    assert isinstance(answer, Answer)
    world._judge_answer(before, answer.frame, pulsed=False)
    world.tower = fixture_tower(disabled=True)
    with pytest.raises(Wrong, match="changed all the same"):
        world._judge_answer(before, answer.frame, pulsed=False)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(MESSAGES), st.data())
def test_any_message_of_the_vectors_cut_anywhere_is_answered_and_changes_nothing(
    message: bytes, data: st.DataObject
) -> None:
    cut = data.draw(st.integers(0, len(message) - 1))
    tower = fixture_tower()
    step = device.received(tower, message[:cut], AT_MS, DRAWS)
    assert [type(one) for one in step.effects] == [Answer]
    assert kept(step.tower) == kept(tower)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from(MESSAGES) | st.binary(max_size=60), max_size=6), st.data())
def test_any_stream_in_any_pieces_is_frames_or_refused_and_never_kept_without_limit(
    parts: list[bytes], data: st.DataObject
) -> None:
    stream, reader, got = b"".join(parts), FrameReader(info=True), list[bytes]()
    refused: set[int] = set()
    while stream:
        size = data.draw(st.integers(1, max(1, len(stream))))
        try:
            reader.feed(stream[:size])
            while (frame := reader.next()) is not None:
                got.append(frame)
        except Rejected as rejected:
            refused.add(rejected.code)
            reader.drop()
        stream = stream[size:]
    assert refused <= {108, 208}
    for frame in got:
        step = device.received(fixture_tower(), frame, AT_MS, DRAWS)
        assert not any(isinstance(one, Fire | Tap | Restart) for one in step.effects)
