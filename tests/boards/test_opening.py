"""Opening one door, against the emulated cabinet, by the table of outcomes (lock-boards.md 4.2, 4.6, 6.6)."""

import asyncio
from functools import partial
from itertools import pairwise
from typing import Any

import pytest

from boards.rig import FAMILIES, MAY_STAY_SILENT, QUICK, Rig, address, allowed, drivers, each, rig
from openharbor.boards.emulator.emulator import Emulator


async def test_a_door_that_springs_open_is_opened_and_confirmed() -> None:
    async def scenario(it: Rig) -> None:
        outcome = await it.open(3)
        assert (outcome.outcome, outcome.confirmed, outcome.pulse) == ("opened", True, "sent")
        assert (outcome.door_before, outcome.door_after) == ("closed", "open")
        assert outcome.ack == ("none" if it.family == "kerong-cu24" else "positive")
        assert it.pulses() == [3]
        assert it.board.doors()[3].state == "open"

    await each(scenario)


@pytest.mark.slow
async def test_every_lock_number_fires_exactly_that_coil() -> None:
    async def scenario(it: Rig) -> None:
        for lock in it.locks:
            await it.open(lock, ignore_sensor=True)
            assert it.pulses()[-1] == lock
            assert it.locks[lock].door in ("closed", "open")
        assert it.pulses() == list(it.locks)

    await each(scenario, locks=None, url="unlock_ms=120&pulse_ms=60", pulse_ms=50, release_ms=20)


async def test_a_lock_the_board_does_not_have_is_refused_before_anything_is_sent() -> None:
    async def scenario(it: Rig) -> None:
        for lock in (0, -1, 5, 1000):
            with pytest.raises(ValueError, match="lock"):
                await it.open(lock)
        assert it.pulses() == []

    await each(scenario)


async def test_a_stuck_door_is_jammed_after_the_window_with_one_pulse() -> None:
    async def scenario(it: Rig) -> None:
        it.emu.faults.add("stuck_door", lock=2)
        begun = it.clock.monotonic()
        outcome = await it.open(2)
        assert (outcome.outcome, outcome.retry, outcome.confirmed) == ("jammed", False, False)
        assert it.clock.monotonic() - begun >= 0.9
        assert it.pulses() == [2]
        await it.told_of("jammed", 2)

    await each(scenario)


async def test_a_pulse_whose_answer_is_lost_is_opened_by_the_sensor_and_not_repeated() -> None:
    async def scenario(it: Rig) -> None:
        it.emu.faults.add("acts_without_reply", lock=1, count=1)
        outcome = await it.open(1)
        assert (outcome.outcome, outcome.ack, outcome.retry) == ("opened", "none", False)
        assert it.pulses() == [1]

    await each(scenario)


async def test_an_ignored_request_may_be_repeated_once_the_door_is_proven_shut() -> None:
    """Row 7; the total is one pulse."""

    async def scenario(it: Rig) -> None:
        it.emu.faults.add("ignores_request", on="unlock", lock=1, count=1)
        outcome = await it.open(1)
        assert (outcome.outcome, outcome.pulse, outcome.retry) == ("unreachable", "unknown", True)
        fresh = await it.board.refresh(it.clock.monotonic() + 2)
        assert fresh[1].state == "closed"
        assert (await it.open(1)).outcome == "opened"
        assert it.pulses() == [1]

    await each(scenario, families=set(FAMILIES["tcp"]) - set(MAY_STAY_SILENT))


async def test_a_board_that_may_stay_silent_and_ignores_a_request_leaves_the_door_jammed() -> None:
    """Row 6; never a second pulse."""

    async def scenario(it: Rig) -> None:
        it.emu.faults.add("ignores_request", on="unlock", lock=1, count=1)
        outcome = await it.open(1)
        assert (outcome.outcome, outcome.ack, outcome.retry) == ("jammed", "none", False)
        assert it.pulses() == []

    await each(scenario, families=MAY_STAY_SILENT)


@pytest.mark.parametrize("reads", [0, 1])
async def test_a_cut_wire_never_keeps_a_lock_from_being_fired(reads: int) -> None:
    async def scenario(it: Rig) -> None:
        it.emu.faults.add("wire_cut", lock=1)
        reads_open = bool(reads) == (it.board.info.feedback == "open_is_1")
        await it.until(lambda: it.board.doors()[1].state == ("open" if reads_open else "closed"))
        outcome = await it.open(1)
        expected = ("unconfirmed", "already_open") if reads_open else ("jammed", "")
        assert (outcome.outcome, outcome.reason) == expected
        assert not outcome.confirmed
        assert it.pulses() == [1]

    await each(scenario, cut_reads=reads)


async def test_with_the_sensor_ignored_the_answer_of_the_board_is_all_there_is() -> None:
    async def scenario(it: Rig) -> None:
        outcome = await it.open(1, ignore_sensor=True)
        assert (outcome.outcome, outcome.reason, outcome.confirmed) == ("unconfirmed", "ignored", False)
        assert (outcome.door_before, outcome.door_after) == ("unknown", "unknown")

    await each(scenario)


async def test_without_feedback_doors_read_unknown_and_opens_end_unconfirmed() -> None:
    async def scenario(it: Rig) -> None:
        assert {door.state for door in it.board.doors().values()} == {"unknown"}
        outcome = await it.open(1)
        assert (outcome.outcome, outcome.reason) == ("unconfirmed", "no_sensor")
        assert it.pulses() == [1]

    await each(scenario, url="feedback=none")


async def test_a_lock_that_is_not_wired_reads_unknown_beside_those_that_are() -> None:
    async def scenario(it: Rig) -> None:
        assert [it.board.doors()[lock].state for lock in (1, 2, 3, 4)] == ["closed", "unknown", "unknown", "closed"]
        assert (await it.open(2)).reason == "no_sensor"
        assert (await it.open(1)).outcome == "opened"

    await each(scenario, url="sensors=1,4")


async def test_a_door_that_stands_open_is_fired_all_the_same() -> None:
    async def scenario(it: Rig) -> None:
        it.locks[1].force()
        await it.until(lambda: it.board.doors()[1].state == "open")
        outcome = await it.open(1)
        assert (outcome.outcome, outcome.reason, outcome.door_after) == ("unconfirmed", "already_open", "open")
        assert it.pulses() == [1]

    await each(scenario)


async def test_an_expired_deadline_lets_no_byte_out() -> None:
    async def scenario(it: Rig) -> None:
        fired: list[int] = []

        async def on_fire() -> None:
            fired.append(1)

        outcome = await it.open(1, deadline=it.clock.monotonic() - 0.001, on_fire=on_fire)
        assert (outcome.outcome, outcome.pulse, outcome.reason) == ("unreachable", "not_sent", "expired")
        assert not outcome.retry
        assert (fired, it.pulses()) == ([], [])

    await each(scenario)


async def test_a_deadline_that_passes_while_the_journal_writes_lets_no_byte_out() -> None:
    async def scenario(it: Rig) -> None:
        outcome = await it.open(1, deadline=it.clock.monotonic() + 0.3, on_fire=partial(asyncio.sleep, 0.5))
        assert (outcome.pulse, outcome.reason) == ("not_sent", "expired")
        assert it.pulses() == []

    await each(scenario)


async def test_a_journal_that_fails_lets_no_byte_out() -> None:
    async def on_fire() -> None:
        raise OSError("no space left")

    async def scenario(it: Rig) -> None:
        outcome = await it.open(1, on_fire=on_fire)
        assert (outcome.outcome, outcome.pulse, outcome.reason) == ("unreachable", "not_sent", "journal")
        assert not outcome.retry
        assert it.pulses() == []
        assert (await it.open(1)).outcome == "opened"

    await each(scenario)


async def test_two_locks_of_one_supply_are_never_pulsed_together() -> None:
    async def scenario(it: Rig) -> None:
        outcomes = await asyncio.gather(*(it.open(lock) for lock in (1, 2, 3, 4)))
        assert {outcome.outcome for outcome in outcomes} == {"opened"}
        assert it.pulses() == [1, 2, 3, 4]
        starts = [pulse.at_ms for pulse in it.emu.pulses]
        assert all(later - earlier >= 250 for earlier, later in pairwise(starts))

    await each(scenario, detection_s=3)


async def test_boards_on_two_lines_with_one_supply_are_never_pulsed_together() -> None:
    async with Emulator("wkly", [0], 4, **QUICK) as first, Emulator("waveshare", [1], 4, **QUICK) as second:
        addresses = {1: address(first, url="supply=main"), 2: address(second, url="supply=main")}
        async with drivers("wkly", first, addresses) as it:
            await it.online()
            deadline = it.clock.monotonic() + 10
            opens = [board.open(1, deadline=deadline, on_fire=allowed) for board in it.wiring.boards.values()]
            assert {outcome.outcome for outcome in await asyncio.gather(*opens)} == {"opened"}
    begun = first.clock.monotonic() - first.trace.pulses[0].at_ms / 1000 - second.clock.monotonic()
    apart_ms = abs((begun + second.trace.pulses[0].at_ms / 1000) * 1000)
    assert apart_ms >= 200


async def test_a_board_that_stays_busy_after_an_unlock_is_freed_where_its_address_asks_for_it() -> None:
    async with rig("kerong-cu16", url="busy_reset=1") as it:
        it.emu.faults.add("busy_after_unlock")
        assert (await it.open(1)).outcome == "opened"
        assert (await it.open(2)).outcome == "opened"
        assert any(entry.hex == "02 00 38 03 3D" for entry in it.emu.trace.of("in"))


async def test_the_same_lock_is_not_pulsed_twice_within_its_repeat_time() -> None:
    async with rig("waveshare", url="min_repeat_ms=700") as it:
        await asyncio.gather(it.open(1), it.open(1))
        first, second = (pulse.at_ms for pulse in it.emu.pulses)
        assert second - first >= 700


async def test_more_than_fifteen_pulses_of_a_lock_in_a_minute_are_refused() -> None:
    async with rig("modbus-tcp", url="min_repeat_ms=0&pulse_ms=1&gap_ms=0", answer_delay_ms=0, pulse_ms=1) as it:
        outcomes = [await it.open(1, ignore_sensor=True) for _ in range(16)]
        assert [outcome.reason for outcome in outcomes] == ["ignored"] * 15 + ["rate"]
        assert (outcomes[-1].pulse, outcomes[-1].retry) == ("not_sent", False)
        assert len(it.pulses()) == 15
        assert (await it.open(2)).outcome == "opened"


@pytest.mark.parametrize(
    ("family", "fault", "options", "reason"),
    [
        ("wkly", "status_code", {"v": 0xFF}, "failed"),
        ("wkly", "status_code", {"v": 0xFF, "short": True}, "failed"),
        ("wkly", "status_code", {"v": 1}, "failed"),
        ("winnsen", "status_code", {"v": 0}, "failed"),
        ("winnsen", "cooldown", {"ms": 60000}, "cooldown"),
        ("waveshare", "exception", {"code": 6}, "busy"),
        ("modbus-tcp", "exception", {"code": 4}, "exception-04"),
    ],
)
async def test_a_board_that_says_no_is_refused_with_its_reason(
    family: str, fault: str, options: dict[str, Any], reason: str
) -> None:
    async with rig(family) as it:
        await it.open(1, ignore_sensor=True)
        it.locks[1].push_shut()
        it.emu.faults.add(fault, lock=1, on="any" if fault == "cooldown" else "unlock", **options)
        outcome = await it.open(1, ignore_sensor=True)
        assert (outcome.outcome, outcome.ack, outcome.reason) == ("refused", "negative", reason)
        assert not outcome.retry
