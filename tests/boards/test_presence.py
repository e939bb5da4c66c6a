"""Whether boards and lines are there: the start, dead boards, lost lines (lock-boards.md 4.3, 4.4, 4.7, 6.6)."""

import asyncio
from itertools import pairwise
from statistics import mean, quantiles

import pytest

from boards.rig import Rig, address, allowed, drivers, each, rig, run, step, stepped
from openharbor.boards.address import Address
from openharbor.boards.emulator.emulator import Emulator
from openharbor.boards.line import CannotConnect, connector
from openharbor.boards.outcomes import Board
from openharbor.kit.clock import SteppedClock

SAFE_STATE = {"wkly": " 89 ", "waveshare": " 05 00 FF 00 00 ", "modbus-tcp": " 05 00 FF 00 00"}


async def test_a_board_that_is_there_comes_on_line_with_its_doors_and_without_edges() -> None:
    async def scenario(it: Rig) -> None:
        await it.told_of("board_online")
        assert it.told() == ["bus_up", "board_online"]
        assert {door.state for door in it.board.doors().values()} == {"closed"}
        assert it.board.state.failure is None
        assert it.board.state.last_seen_at is not None
        assert it.pulses() == []

    await each(scenario)


async def test_at_the_start_every_coil_is_switched_off_where_the_family_can() -> None:
    async def scenario(it: Rig) -> None:
        sent = [entry.hex for entry in it.emu.trace.of("in")]
        assert sum(SAFE_STATE[it.family] in f"{frame} " for frame in sent) == (4 if it.family == "wkly" else 1)
        assert await it.board.safe_state() == "done"

    await each(scenario, families=SAFE_STATE)


async def test_a_family_without_such_a_command_has_no_safe_state() -> None:
    async with rig("kerong-cu16") as it:
        assert await it.board.safe_state() == "not_applicable"


async def test_the_safe_state_never_ends_a_pulse_of_ours() -> None:
    async with rig("waveshare", url="pulse_ms=600", pulse_ms=600) as it:
        opening = asyncio.create_task(it.open(1))
        await it.until(lambda: it.pulses() == [1])
        assert await it.board.safe_state() == "done"
        assert it.emu.pulses[0].ms is not None
        assert it.emu.pulses[0].ms >= 590
        assert (await opening).outcome == "opened"


async def test_a_board_without_power_goes_off_line_and_its_doors_are_unknown() -> None:
    async def scenario(it: Rig) -> None:
        fault = it.emu.faults.add("power_off")
        event = await it.told_of("board_offline")
        assert event.detail
        assert {door.state for door in it.board.doors().values()} == {"unknown"}
        assert "door_unknown" not in it.told()
        it.emu.faults.remove(fault)
        await it.online(8)
        assert {door.state for door in it.board.doors().values()} == {"closed"}

    await each(scenario)


async def test_one_failed_read_changes_nothing() -> None:
    async def scenario(it: Rig) -> None:
        it.emu.faults.add("no_reply", on="read", count=1)
        await it.until(lambda: it.counters.timeouts == 1)
        await asyncio.sleep(0.3)
        assert it.told() == ["bus_up", "board_online"]
        assert {door.state for door in it.board.doors().values()} == {"closed"}

    await each(scenario)


async def test_an_open_to_a_board_off_line_is_tried_at_once() -> None:
    async with rig("kerong-cu48") as it:
        fault = it.emu.faults.add("power_off")
        await it.told_of("board_offline")
        await asyncio.sleep(1.2)  # it is in its longer pauses now
        it.emu.faults.remove(fault)
        await asyncio.sleep(0.9)  # it starts
        begun = it.clock.monotonic()
        outcome = await it.open(1)
        assert outcome.ack == "positive"
        assert it.pulses() == [1]
        assert it.clock.monotonic() - begun < 1.5
        await it.online(1)


async def test_a_dead_board_among_five_slows_neither_the_reads_nor_the_opens_of_the_others() -> None:
    url = "read_ms=300&poll_ms=500&unlock_ms=1500&min_repeat_ms=0"
    async with stepped("kerong-cu16", boards=[0, 1, 2, 3, 4], url=url, answer_delay_ms=20) as (it, clock):
        await step(clock, 10)
        healthy = _periods(it, 1)
        it.emu.faults.add("no_reply", board=4)
        await step(clock, 2)
        assert it.boards[0].state.online
        waits = await _waits(it, clock, 4)  # before the dead board is off line
        await step(clock, 60)
        assert not it.boards[4].state.online
        disturbed = _periods(it, 1)[len(healthy) :]
        waits += await _waits(it, clock, 40)
        assert mean(disturbed) <= 1.2 * mean(healthy)
        assert quantiles(waits, n=100)[98] < 0.3 + 0.2
        assert all(it.boards[number].state.online for number in (0, 1, 2, 3))


async def _waits(it: Rig, clock: SteppedClock, opens: int) -> list[float]:
    """From the call until the frame leaves, over opens at the healthy boards."""
    waits: list[float] = []
    for number in range(opens):
        begun = clock.monotonic()

        async def on_fire(begun: float = begun) -> None:
            waits.append(clock.monotonic() - begun)

        lock = number // 4 % 4 + 1
        opening = it.boards[number % 4].open(lock, deadline=begun + 5, on_fire=on_fire, ignore_sensor=True)
        await run(clock, opening)
        await step(clock, 0.7)  # the supply is free again
    return waits


def _periods(it: Rig, board: int) -> list[float]:
    """Milliseconds between the status requests that one board got."""
    wanted = f"02 {board << 4:02X} 30 03"
    times = [entry.at_ms for entry in it.emu.trace.of("in") if entry.hex.startswith(wanted)]
    return [later - earlier for earlier, later in pairwise(times)]


@pytest.mark.parametrize("family", ["waveshare", "modbus-tcp"])
async def test_a_relay_board_whose_input_drives_its_relay_is_kept_off_line_and_never_fired(family: str) -> None:
    async with rig(family, online=False, locks=8) as it:
        it.emu.faults.add("mode_linked", board=it.board.address.board, ch=2)
        event = await it.told_of("board_offline")
        assert "channel 2" in event.detail
        assert not it.board.state.online
        outcome = await it.open(1)
        assert (outcome.outcome, outcome.pulse, outcome.reason, outcome.retry) == (
            "unreachable",
            "not_sent",
            "offline",
            False,
        )


@pytest.mark.parametrize(("fault", "options"), [("mode_linked", {"ch": 2}), ("old_firmware", {})])
async def test_an_open_does_not_get_ahead_of_the_family_checks(fault: str, options: dict[str, float]) -> None:
    async with rig("waveshare", online=False, locks=8) as it:
        it.emu.faults.add(fault, board=it.board.address.board, **options)  # type: ignore[arg-type]  # options of the fault
        outcome = await it.open(1)
        assert (outcome.pulse, outcome.reason, outcome.retry) == ("not_sent", "offline", False)
        assert not any(entry.hex.startswith("01 05 02") for entry in it.emu.trace.of("in"))


async def test_an_open_of_a_board_that_does_not_answer_its_family_checks_is_not_sent() -> None:
    async with rig("waveshare", online=False, faults=["no_reply"]) as it:
        outcome = await it.open(1)
        assert (outcome.pulse, outcome.reason, outcome.retry) == ("not_sent", "", True)
        assert it.pulses() == []


async def test_a_relay_board_with_old_firmware_is_kept_off_line() -> None:
    async with rig("waveshare", online=False, faults=["old_firmware"]) as it:
        event = await it.told_of("board_offline")
        assert "firmware 1." in event.detail
        assert (await it.open(1)).reason == "offline"


async def test_a_relay_board_tells_its_firmware() -> None:
    async with rig("modbus-tcp") as it:
        assert it.board.state.firmware == "2.00"


async def test_a_board_without_inputs_is_asked_for_its_version_alone() -> None:
    async with rig("waveshare", url="feedback=none") as it:
        await asyncio.sleep(0.5)
        assert not any(entry.hex.startswith("01 02") for entry in it.emu.trace.of("in"))


async def test_the_number_of_locks_is_learnt_from_the_answer_where_only_the_board_knows_it() -> None:
    async with Emulator("wkly", [0], 11) as emu:
        told = address(emu)
        assert told.locks == 11
        unknown = Address(**{name: getattr(told, name) for name in told.__slots__} | {"locks": None})
        async with drivers("wkly", emu, {1: unknown}) as it:
            assert it.board.info.locks == 0
            await it.online()
            assert it.board.info.locks == 11
            assert len(it.board.doors()) == 11


@pytest.mark.parametrize(("family", "named"), [("waveshare", "modbus-tcp"), ("modbus-tcp", "waveshare+tcp")])
async def test_an_adapter_in_the_wrong_mode_is_named(family: str, named: str) -> None:
    async with rig(family, online=False, faults=["header_mode_wrong"]) as it:
        await it.told_of("board_offline")
        await it.until(lambda: named in (it.board.state.failure or ""))


# Lines


@pytest.mark.parametrize("fault", ["tcp_half_open", "tcp_reset"])
async def test_a_line_that_is_lost_comes_back_by_itself(fault: str) -> None:
    async def scenario(it: Rig) -> None:
        if fault == "tcp_half_open":
            broken = it.emu.faults.add(fault)
            await it.told_of("bus_down")
            assert it.counters.timeouts <= 4
            it.emu.faults.remove(broken)
        else:
            it.emu.faults.add(fault, count=1)
            await it.told_of("bus_down")
        await it.until(lambda: it.told().count("bus_up") == 2, 8)
        await it.until(lambda: it.told().count("board_online") == 2, 8)
        assert it.counters.reconnects == 1
        assert (await it.open(1)).outcome == "opened"

    await each(scenario, lines=["tcp"])


async def test_an_unplugged_adapter_is_opened_again_by_its_configured_path() -> None:
    async def scenario(it: Rig) -> None:
        unplugged = it.emu.faults.add("pty_unplug")
        await it.told_of("bus_down")
        begun = it.clock.monotonic()
        outcome = await it.open(1)
        assert (outcome.outcome, outcome.pulse, outcome.retry, outcome.reason) == ("unreachable", "not_sent", True, "")
        assert it.clock.monotonic() - begun < 0.5  # nobody waits a minute for an unplugged adapter
        await it.told_of("board_offline")
        it.emu.faults.remove(unplugged)
        await it.online(8)
        assert (await it.open(1)).outcome == "opened"

    await each(scenario, lines=["pty"])


async def test_an_open_while_the_line_is_down_connects_at_once() -> None:
    async with rig("waveshare") as it:
        refused = it.emu.faults.add("tcp_refuse")
        await it.told_of("bus_down")
        await asyncio.sleep(1.5)  # the pauses grow
        it.emu.faults.remove(refused)
        await asyncio.sleep(0.05)
        begun = it.clock.monotonic()
        assert (await it.open(1)).ack == "positive"
        assert it.clock.monotonic() - begun < 1.5
        assert it.pulses() == [1]


async def test_a_serial_port_is_taken_exclusively_and_another_user_is_told_so() -> None:
    async with rig("wkly", "pty") as it:
        with pytest.raises(CannotConnect, match="already in use"):
            await connector(it.board.address)(lambda _: None, lambda _: None)


async def test_a_missing_port_is_a_state_and_not_an_error() -> None:
    async with rig("wkly", "pty") as it:
        elsewhere = Address(
            **{name: getattr(it.board.address, name) for name in it.board.address.__slots__} | {"path": "/dev/none"}
        )
        async with drivers("wkly", it.emu, {1: elsewhere}) as absent:
            await absent.told_of("board_offline")
            assert "No such file" in (absent.board.state.failure or "")
            assert (await absent.open(1)).retry


async def test_no_frame_leaves_after_a_board_was_stopped() -> None:
    async def scenario(it: Rig) -> None:
        opening = asyncio.create_task(it.open(1, on_fire=lambda: asyncio.sleep(0.2)))
        await asyncio.sleep(0.05)
        await it.board.stop()
        frames = it.counters.frames
        outcome = await opening
        assert (outcome.pulse, outcome.retry) == ("not_sent", False)
        assert (await it.open(1)).pulse == "not_sent"
        await it.board.refresh(it.clock.monotonic() + 1)
        await it.board.safe_state()
        await asyncio.sleep(0.3)
        assert it.counters.frames == frames
        assert it.pulses() == []

    await each(scenario, lines=["tcp"])


async def test_events_end_when_the_board_is_stopped() -> None:
    async with rig("waveshare") as it:
        events = it.board.events()
        await it.board.stop()
        assert [event async for event in events] == []


async def test_boards_are_added_and_taken_away_while_others_run() -> None:
    async with rig("wkly", boards=[0, 1]) as it:
        second = it.wiring.boards[2]
        await it.wiring.remove(2)
        assert not await _opens(second)
        assert list(it.wiring.boards) == [1]
        with pytest.raises(ValueError, match="taken"):
            await it.wiring.add(3, it.board.address)
        await it.wiring.add(3, address(it.emu, 1))
        await it.online()
        assert await _opens(it.wiring.boards[3])


async def _opens(board: Board) -> bool:
    deadline = asyncio.get_running_loop().time() + 3
    return (await board.open(1, deadline=deadline, on_fire=allowed)).outcome in ("opened", "unconfirmed")
