"""What boards tell of their doors by themselves (lock-boards.md 4.5, 6.6)."""

import asyncio

from boards.rig import Rig, each, rig


async def test_a_door_that_opens_by_itself_is_told_within_a_second_of_the_read_that_saw_it() -> None:
    async def scenario(it: Rig) -> None:
        begun = it.clock.now()
        it.emu.faults.add("opens_by_itself", lock=2)
        event = await it.told_of("uncommanded_open", 2)
        assert event.at - begun < 1000 + 200
        assert (event.since_pulse_ms, event.during) == (None, None)
        assert it.told(2) == ["door_opened", "uncommanded_open"]

    await each(scenario)


async def test_an_opening_that_we_commanded_raises_no_alarm() -> None:
    async def scenario(it: Rig) -> None:
        await it.open(2)
        await it.told_of("door_opened", 2)
        it.locks[2].push_shut()
        await it.told_of("door_closed", 2)
        assert it.told(2) == ["door_opened", "door_closed"]

    await each(scenario)


async def test_a_bouncing_contact_gives_no_pair_of_events() -> None:
    async def scenario(it: Rig) -> None:
        it.emu.faults.add("bounce", n=9, ms=40)
        await it.open(1)
        await asyncio.sleep(0.4)
        assert it.told(1) == ["door_opened"]

    await each(scenario)


async def test_crossed_wires_show_as_an_opening_during_the_pulse_of_another_lock() -> None:
    async def scenario(it: Rig) -> None:
        it.emu.faults.add("fires_wrong_lock", board=it.board.address.board, lock=1, fires=3)
        await it.open(1, ignore_sensor=True)
        event = await it.told_of("uncommanded_open", 3)
        assert event.during == 1

    await each(scenario)


async def test_an_opening_long_after_our_pulse_tells_how_long() -> None:
    async with rig("waveshare", detection_s=0.3) as it:
        await it.open(1)
        it.locks[1].push_shut()
        await it.told_of("door_closed", 1)
        await asyncio.sleep(1)
        it.emu.faults.add("opens_by_itself", lock=1)
        event = await it.told_of("uncommanded_open", 1)
        assert event.since_pulse_ms is not None
        assert event.since_pulse_ms >= 1000


async def test_a_door_that_was_opened_while_the_board_was_away_is_told_when_it_returns() -> None:
    async def scenario(it: Rig) -> None:
        away = it.emu.faults.add("no_reply")
        await it.told_of("board_offline")
        it.locks[4].force()
        it.emu.faults.remove(away)
        await it.told_of("opened_unseen", 4, 10)
        assert "uncommanded_open" not in it.told(4)
        assert "opened_unseen" not in it.told(1)

    await each(scenario, boards=None)


async def test_a_pushed_change_is_seen_sooner_than_the_next_poll() -> None:
    async with rig("wkly", url="poll_ms=3000") as it:
        begun = it.clock.now()
        it.locks[2].force()
        event = await it.told_of("door_opened", 2)
        assert event.at - begun < 1000


async def test_a_push_that_is_lost_is_made_good_by_the_polls() -> None:
    async with rig("wkly") as it:
        it.emu.faults.add("push_lost")
        it.locks[2].force()
        await it.told_of("door_opened", 2)


async def test_a_push_inside_an_answer_spoils_neither() -> None:
    async with rig("wkly") as it:
        it.emu.faults.add("push_inside_reply")
        assert (await it.open(1)).outcome == "opened"
        assert it.told(1) == ["door_opened"]


async def test_a_flood_of_pushes_delays_an_open_by_no_more_than_a_frame() -> None:
    async def scenario(it: Rig) -> None:
        it.emu.faults.add("push_flood", every_ms=15)
        await asyncio.sleep(0.2)
        begun = it.clock.monotonic()
        assert (await it.open(1, ignore_sensor=True)).ack == "positive"
        assert it.clock.monotonic() - begun < 0.3

    await each(scenario, families=["wkly"])


async def test_a_sensor_that_never_moves_while_its_board_acknowledges_is_suspect() -> None:
    async with rig("waveshare", detection_s=0.3) as it:
        it.emu.faults.add("sensor_stuck", lock=1)
        for _ in range(3):
            assert (await it.open(1)).outcome == "jammed"
        event = await it.told_of("sensor_suspect", 1)
        assert "3 opens in a row" in event.detail
        it.emu.faults.add("ignores_request", on="unlock", lock=1)
        outcome = await it.open(1)
        assert (outcome.outcome, outcome.retry) == ("unreachable", False)  # what it shows proves nothing


async def test_an_unreadable_door_is_unknown_and_an_open_of_it_is_unreadable() -> None:
    async with rig("wkly") as it:
        it.emu.faults.add("unreadable", lock=1)
        await it.told_of("door_unknown", 1)
        outcome = await it.open(1)
        assert (outcome.outcome, outcome.reason, outcome.door_after) == ("unconfirmed", "unreadable", "unknown")


async def test_item_sensors_are_told_apart_from_doors() -> None:
    async with rig("kerong-cu16") as it:
        it.emu.cabinet.boards[0].items[2] = True
        await it.until(lambda: it.board.items().get(2, False))
        assert it.board.items()[1] is False
        assert it.board.doors()[2].state == "closed"


async def test_wrong_polarity_shows_every_door_as_its_opposite() -> None:
    """What the walk test finds by the first door that is opened by hand (5.4)."""
    async with rig("kerong-cu16", feedback="open_is_1", url="feedback=closed_is_1") as it:
        assert {door.state for door in it.board.doors().values()} == {"open"}
        it.locks[1].force()
        await it.told_of("door_closed", 1)
