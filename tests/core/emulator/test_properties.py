"""What holds for every cabinet, whatever is done to it."""

from hypothesis import given, settings
from hypothesis import strategies as st

from core.emulator.rig import Rig
from openharbor.boards.emulator.families import FAMILIES
from openharbor.boards.emulator.wire import crc16, summed, xored

OPENS = {
    "kerong-cu16": lambda lock: summed(bytes([2, lock - 1, 0x31, 3])),
    "kerong-cu24": lambda lock: summed(bytes([2, 0, lock - 1, 0x51, 3])),
    "kerong-cu48": lambda lock: summed(bytes([2, 0, lock - 1, 0x61, 3])),
    "xor8a80": lambda lock: xored(bytes([0x8A, 1, lock, 0x11])),
    "wkly": lambda lock: xored(b"WKLY" + bytes([9, 0, 0x82, lock])),
    "waveshare": lambda lock: (body := bytes([1, 5, 2, lock - 1, 0, 5])) + crc16(body),
    "modbus-tcp": lambda lock: bytes([0, 1, 0, 0, 0, 6, 1, 5, 2, lock - 1, 0, 5]),
    "winnsen": lambda lock: bytes([0x90, 6, 5, 0, lock, 3]),
}

moments = st.integers(0, 1500)
locks = st.integers(1, 8)
families = st.sampled_from(sorted(FAMILIES))
steps = st.lists(st.tuples(moments, locks, st.sampled_from(("open", "open", "pull", "shut", "force"))), max_size=25)


def play(rig: Rig, family: str, story: list[tuple[int, int, str]]) -> None:
    for wait, lock, what in story:
        rig.advance(wait)
        if what == "open":
            rig.cable.receive(OPENS[family](lock), rig.client)
        else:
            {"pull": rig.lock(lock).pull, "shut": rig.lock(lock).push_shut, "force": rig.lock(lock).force}[what]()


@given(families, steps)
@settings(max_examples=60, deadline=None)
def test_two_coils_of_a_supply_are_on_together_only_in_the_moment_of_a_brown_out(
    family: str, story: list[tuple[int, int, str]]
) -> None:
    rig = Rig(family, None, 8)
    play(rig, family, story)
    rig.advance(2000)
    loads = [entry.ma or 0 for entry in rig.cabinet.trace.of("current")]
    broke_down = [e.detail for e in rig.cabinet.trace.of("power")].count("main brown-out")
    assert sum(load > 2500 for load in loads) == broke_down == rig.violations().count("two_coils")
    assert not any(coil.on for coil in next(iter(rig.cabinet.boards.values())).coils.values())


@given(families, st.lists(st.tuples(st.integers(600, 2000), locks), max_size=15), st.integers(0, 700))
@settings(max_examples=60, deadline=None)
def test_a_coil_goes_off_by_its_boards_timer_although_nobody_is_connected_any_more(
    family: str, story: list[tuple[int, int]], leaves_after: int
) -> None:
    rig = Rig(family, None, 8)
    for wait, lock in story:
        rig.advance(wait)
        rig.cable.receive(OPENS[family](lock), rig.client)
    rig.advance(leaves_after)
    rig.cable.detach(rig.client)
    rig.advance(600)
    assert all(pulse.ms == 500 for pulse in rig.cabinet.trace.pulses)
    assert [broken for broken in rig.violations() if broken != "two_in_flight"] == []


@given(families, steps)
@settings(max_examples=60, deadline=None)
def test_a_door_opens_only_after_a_pulse_or_by_force(family: str, story: list[tuple[int, int, str]]) -> None:
    rig = Rig(family, None, 8)
    play(rig, family, story)
    forced = {lock for _, lock, what in story if what == "force"}
    pulsed = {pulse.lock for pulse in rig.cabinet.trace.pulses}
    assert {entry.lock for entry in rig.cabinet.trace.of("door")} <= forced | pulsed


@given(families, steps, st.integers(0, 99))
@settings(max_examples=40, deadline=None)
def test_the_same_seed_and_the_same_commands_give_the_same_bytes_and_times(
    family: str, story: list[tuple[int, int, str]], seed: int
) -> None:
    told = []
    for _ in range(2):
        rig = Rig(family, None, 8, seed=seed, person="collects", pulse_tolerance_percent=10)
        for type_ in ("noise_before", "bit_flip", "no_reply"):
            rig.cabinet.faults.add(type_, count=2)
        play(rig, family, story)
        rig.advance(20_000)
        told.append((rig.client.chunks, list(rig.cabinet.trace)))
    assert told[0] == told[1]


@given(families, st.lists(st.binary(max_size=20), max_size=10))
@settings(max_examples=150, deadline=None)
def test_no_bytes_whatsoever_bring_the_cabinet_down(family: str, chunks: list[bytes]) -> None:
    rig = Rig(family)
    for chunk in chunks:
        rig.cable.receive(chunk, rig.client)
        rig.advance(10)
    rig.advance(1000)
    assert len(rig.cable._streams[id(rig.client)].buffer) <= 1024


@given(families, locks)
@settings(max_examples=60, deadline=None)
def test_an_unlock_fires_exactly_its_lock(family: str, lock: int) -> None:
    rig = Rig(family, None, 8)
    rig.cable.receive(OPENS[family](lock), rig.client)
    rig.advance(3000)
    assert [pulse.lock for pulse in rig.cabinet.trace.pulses] == [lock]
    assert [
        door.number for door in rig.cabinet.locks()[rig.cabinet.family.default_board].values() if door.door == "open"
    ] == [lock]


@given(st.lists(st.integers(0, 3000), max_size=6), st.integers(1, 50))
def test_it_does_not_matter_in_how_many_steps_time_passes(waits: list[int], step: int) -> None:
    coarse, fine = Rig("wkly", person="collects"), Rig("wkly", person="collects")
    for rig, stride in ((coarse, None), (fine, step)):
        for lock, wait in enumerate(waits, 1):
            rig.cable.receive(OPENS["wkly"](lock), rig.client)
            for _ in range(0 if stride is None else wait // stride):
                rig.advance(stride or 0)
            rig.advance(wait if stride is None else wait % stride)
    assert list(coarse.cabinet.trace) == list(fine.cabinet.trace)
