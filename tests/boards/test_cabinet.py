"""The basic suite: the same on emulated cabinets and, with --board URL, on a real one (style.md, python-kasa)."""

import asyncio

import pytest

from boards.rig import Rig, allowed


async def test_a_board_that_answers_tells_what_it_is(cabinet: Rig) -> None:
    info = cabinet.board.info
    assert info.locks >= 1
    assert set(cabinet.board.doors()) == set(range(1, info.locks + 1))
    assert cabinet.board.state.failure is None


async def test_a_refresh_reads_every_wired_door(cabinet: Rig) -> None:
    doors = await cabinet.board.refresh(cabinet.clock.monotonic() + 5)
    for lock, door in doors.items():
        wired = cabinet.board.address.senses(lock) and (lock <= 8 or "waveshare" not in cabinet.board.info.driver)
        assert (door.state != "unknown") == wired, lock


async def test_reads_go_on_without_a_missing_or_a_strange_answer(cabinet: Rig) -> None:
    frames = cabinet.counters.frames
    await cabinet.until(lambda: cabinet.counters.frames >= frames + 5, 30)
    counters = cabinet.counters
    assert (counters.timeouts, counters.extra, counters.reconnects) == (0, 0, 0)


async def test_nothing_is_fired_for_a_lock_that_is_not_there_or_after_the_deadline(cabinet: Rig) -> None:
    with pytest.raises(ValueError, match="lock"):
        await cabinet.open(cabinet.board.info.locks + 1)
    outcome = await cabinet.open(1, deadline=cabinet.clock.monotonic() - 1)
    assert (outcome.pulse, outcome.reason) == ("not_sent", "expired")


async def test_the_safe_state_is_done_where_the_family_has_one(cabinet: Rig) -> None:
    assert await cabinet.board.safe_state() in ("done", "not_applicable")


async def test_one_lock_opens_and_no_other_door_moves(cabinet: Rig, fired_lock: int) -> None:
    before = {lock: door.state for lock, door in cabinet.board.doors().items()}
    outcome = await cabinet.open(fired_lock, deadline=cabinet.clock.monotonic() + 5, on_fire=allowed)
    expected = "opened" if before[fired_lock] == "closed" else "unconfirmed"
    assert outcome.outcome == expected
    await asyncio.sleep(0.3)
    after = {lock: door.state for lock, door in cabinet.board.doors().items()}
    assert {lock for lock in before if before[lock] != after[lock]} <= {fired_lock}
