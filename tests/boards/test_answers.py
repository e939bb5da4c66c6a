"""Whose answer it is: late, damaged, echoed and doubled ones (lock-boards.md 2.2 to 2.4, 6.6)."""

import asyncio
from collections.abc import Mapping

import pytest

from boards.rig import SERIAL, Rig, allowed, each, rig

DAMAGE: list[tuple[str, Mapping[str, float]]] = [
    ("split", {"n": 1, "gap_ms": 5}),
    ("split", {"n": 3, "gap_ms": 5}),
    ("noise_before", {"n": 7}),
    ("noise_after", {"n": 7}),
]


@pytest.mark.parametrize("late_by", [1.4, 2.0])
async def test_a_late_answer_to_a_read_is_never_taken_for_that_of_another_request(late_by: float) -> None:
    """The unlock that follows must not be acknowledged by a late status frame of before."""

    async def scenario(it: Rig) -> None:
        it.emu.faults.add("late_reply", on="read", ms=late_by * 150, count=1)
        it.emu.faults.add("ignores_request", on="unlock", lock=1)
        await it.until(lambda: it.counters.timeouts == 1)
        outcome = await it.open(1, ignore_sensor=True)
        assert outcome.ack == "none"
        assert it.counters.frames > 2

    await each(scenario)


async def test_a_late_answer_to_an_unlock_does_not_acknowledge_the_next_one() -> None:
    async def scenario(it: Rig) -> None:
        it.emu.faults.add("late_reply", on="unlock", ms=600, count=1)
        it.emu.faults.add("ignores_request", on="unlock", lock=2)
        first, second = await asyncio.gather(it.open(1), it.open(2, ignore_sensor=True))
        assert first.outcome == "opened"
        assert second.ack == "none"
        assert it.pulses() == [1]

    await each(scenario)


@pytest.mark.parametrize(("fault", "options"), DAMAGE)
async def test_answers_in_any_split_and_with_noise_around_them_are_understood(
    fault: str, options: Mapping[str, float]
) -> None:
    async def scenario(it: Rig) -> None:
        it.emu.faults.add(fault, **options)  # type: ignore[arg-type]  # options of the fault
        assert (await it.open(2)).outcome == "opened"
        assert it.pulses() == [2]

    tolerant = ("kerong-cu16", "kerong-cu48", "wkly", "waveshare")
    everyone = fault == "split"
    await each(scenario, families=None if everyone else tolerant)


@pytest.mark.parametrize("fault", ["half_frame", "garbage", "wrong_board"])
async def test_damaged_answers_confirm_nothing(fault: str) -> None:
    async def scenario(it: Rig) -> None:
        it.emu.faults.add(fault, lock=None)
        it.emu.faults.add("ignores_request", on="unlock")
        outcome = await it.open(1)
        assert (outcome.outcome, outcome.ack) == ("unreachable", "none")
        assert not outcome.retry or outcome.pulse == "not_sent"  # a header that makes no sense closes the connection
        assert it.pulses() == []

    await each(scenario)


async def test_an_echoing_adapter_is_found_out_and_its_doors_open_as_usual() -> None:
    async def scenario(it: Rig) -> None:
        await it.told_of("echo_found")
        outcome = await it.open(1)
        assert (outcome.outcome, outcome.pulse) == ("opened", "sent")
        assert it.pulses() == [1]

    await each(scenario, families=SERIAL, faults=["echo"])


async def test_on_an_echoing_adapter_a_dead_board_is_not_a_success() -> None:
    """The acknowledgement of these families is byte for byte the request (2.4)."""

    async def scenario(it: Rig) -> None:
        outcome = await it.open(1, ignore_sensor=True)
        assert (outcome.outcome, outcome.ack) == ("unreachable", "none")
        assert not outcome.retry or outcome.pulse == "not_sent"  # the line may have been given up just then
        assert it.pulses() == []
        assert not it.board.state.online

    await each(scenario, families=("xor8a80", "waveshare"), faults=["echo", "power_off"], online=False)


@pytest.mark.parametrize("doors", ["same", "different"])
async def test_two_boards_on_one_address_are_named(doors: str) -> None:
    async def scenario(it: Rig) -> None:
        it.emu.faults.add("duplicate_address", board=it.board.address.board, doors=doors, answers="follow")
        event = await it.told_of("duplicate_address")
        assert "two boards on one address" in event.detail
        assert it.counters.extra >= 3

    await each(scenario)


async def test_boards_on_one_line_do_not_take_each_others_answers() -> None:
    async with rig("wkly", boards=[0, 3, 7]) as it:
        it.emu.locks[3][2].force()
        await it.until(lambda: it.boards[3].doors()[2].state == "open")
        assert it.boards[0].doors()[2].state == it.boards[7].doors()[2].state == "closed"
        outcome = await it.boards[7].open(4, deadline=it.clock.monotonic() + 5, on_fire=allowed)
        assert outcome.outcome == "opened"
        assert [(pulse.board, pulse.lock) for pulse in it.emu.pulses] == [(7, 4)]
