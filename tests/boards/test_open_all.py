"""Opening many doors of a board (lock-boards.md 4.2, 6.6)."""

import asyncio
from itertools import pairwise

import pytest

from boards.rig import Rig, allowed, each, rig, run, step, stepped
from openharbor.boards.outcomes import OpenOutcome


async def open_all(it: Rig, *locks: int, **options: object) -> dict[int, OpenOutcome]:
    told: dict[int, OpenOutcome] = {}
    given = {"on_fire": allowed, **options}
    results = await it.board.open_all(
        locks or it.locks,
        deadline=it.clock.monotonic() + 30,
        on_result=lambda lock, outcome: told.update({lock: outcome}),
        **given,  # type: ignore[arg-type]  # options of open_all
    )
    assert told == results
    return results


async def test_locks_are_fired_one_after_another_and_judged_each_in_its_own_window() -> None:
    async def scenario(it: Rig) -> None:
        it.emu.faults.add("stuck_door", lock=2)
        results = await open_all(it)
        assert [results[lock].outcome for lock in (1, 2, 3, 4)] == ["opened", "jammed", "opened", "opened"]
        assert it.pulses() == [1, 2, 3, 4]
        starts = [pulse.at_ms for pulse in it.emu.pulses]
        assert all(later - earlier >= 200 + 300 - 5 for earlier, later in pairwise(starts))

    await each(scenario, detection_s=2.5)


async def test_the_next_lock_does_not_wait_for_the_detection_window_of_the_last() -> None:
    async with rig("waveshare", detection_s=2.5) as it:
        it.emu.faults.add("stuck_door")
        begun = it.clock.monotonic()
        results = await open_all(it)
        assert {outcome.outcome for outcome in results.values()} == {"jammed"}
        assert it.clock.monotonic() - begun < 3 * 0.5 + 2.5 + 1


async def test_once_a_board_is_silent_to_an_unlock_and_to_a_read_its_rest_is_left_out() -> None:
    async def scenario(it: Rig) -> None:
        it.emu.faults.add("no_reply", after_ms=700)
        results = await open_all(it)
        left_out = [lock for lock, outcome in results.items() if outcome.reason == "offline"]
        assert left_out
        assert all(results[lock].pulse == "not_sent" and not results[lock].retry for lock in left_out)
        assert max(it.pulses()) < min(left_out)

    await each(scenario)


async def test_a_single_open_goes_in_between_and_waits_for_one_pulse_at_most() -> None:
    async with stepped("kerong-cu48", locks=24, detection_s=10, url="pulse_ms=500", pulse_ms=500) as (it, clock):
        everything = asyncio.create_task(open_all(it, *range(1, 24)))
        while len(it.pulses()) < 8:
            await step(clock, 0.1)
        waited: list[float] = []
        begun = clock.monotonic()

        async def on_fire() -> None:
            waited.append(clock.monotonic() - begun)

        single = await run(clock, it.open(24, on_fire=on_fire))
        assert single.outcome == "opened"
        assert waited[0] <= 0.5 + 0.1 + 0.15  # a pulse, its reserve, the read that was in flight
        while not everything.done():
            await step(clock, 0.1)
        assert {outcome.outcome for outcome in everything.result().values()} == {"opened"}
        assert sorted(it.pulses()) == list(range(1, 25))
        assert it.pulses().index(24) in (8, 9)


async def test_cancellation_stops_before_the_next_pulse() -> None:
    async with rig("waveshare") as it:
        running = asyncio.create_task(open_all(it))
        await it.until(lambda: len(it.pulses()) == 2)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        await asyncio.sleep(0.8)
        assert it.pulses() == [1, 2]


async def test_a_journal_that_fails_leaves_that_lock_unfired_and_the_others_opened() -> None:
    async def on_fire(lock: int) -> None:
        if lock == 2:
            raise OSError("no space left")

    async with rig("waveshare") as it:
        results = await open_all(it, on_fire=on_fire)
        assert (results[2].pulse, results[2].reason) == ("not_sent", "journal")
        assert it.pulses() == [1, 3, 4]


async def test_a_lock_the_board_does_not_have_is_refused_before_anything_is_sent() -> None:
    async with rig("waveshare") as it:
        with pytest.raises(ValueError, match="lock"):
            await open_all(it, 1, 5)
        assert it.pulses() == []


async def test_a_sensor_is_ignored_for_the_locks_named_and_only_for_them() -> None:
    async with rig("waveshare") as it:
        results = await open_all(it, 1, 2, ignore_sensor=frozenset({2}))
        assert [results[lock].reason for lock in (1, 2)] == ["", "ignored"]


@pytest.mark.parametrize("family", ["wkly", "xor8a80"])
async def test_the_boards_own_open_all_is_used_only_where_the_address_allows_it(family: str) -> None:
    fired: list[int] = []

    async def on_fire(lock: int) -> None:
        fired.append(lock)

    async with rig(family, url="native_open_all=1") as it:
        it.emu.faults.add("stuck_door", lock=3)
        results = await open_all(it, on_fire=on_fire)
        assert [results[lock].outcome for lock in (1, 2, 3, 4)] == ["opened", "opened", "jammed", "opened"]
        assert fired == it.pulses() == [1, 2, 3, 4]
        assert "uncommanded_open" not in it.told()
        opens = ("86", "87") if family == "wkly" else ("8A 01 00 11",)
        assert any(mark in entry.hex for entry in it.emu.trace.of("in") for mark in opens)
