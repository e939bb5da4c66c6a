"""Whose turn it is on a line, and on a power supply (lock-boards.md 2.6, 4.2, 4.4)."""

import asyncio

import pytest

from openharbor.boards.supply import Supply
from openharbor.boards.turns import Priority, Turns
from openharbor.kit.clock import SteppedClock


async def test_the_more_urgent_goes_first_and_equals_in_the_order_they_came() -> None:
    turns, order = Turns(SteppedClock()), list[str]()

    async def take(name: str, priority: Priority) -> None:
        await turns.take(priority)
        order.append(name)
        turns.give_up()

    await turns.take(Priority.POLL)
    wanted = [("poll", 3), ("refresh", 2), ("open 1", 1), ("open 2", 1), ("safe", 0)]
    waiting = [asyncio.create_task(take(name, Priority(priority))) for name, priority in wanted]
    await asyncio.sleep(0)
    turns.give_up()
    await asyncio.gather(*waiting)
    assert order == ["safe", "open 1", "open 2", "refresh", "poll"]


async def test_a_turn_that_does_not_come_before_the_deadline_is_not_taken() -> None:
    clock = SteppedClock()
    turns = Turns(clock)
    await turns.take(Priority.POLL)
    late = asyncio.create_task(turns.take(Priority.OPEN, deadline=1.0))
    await clock.advance(1.0)
    assert await late is False
    turns.give_up()
    assert await turns.take(Priority.OPEN, deadline=1.0)


async def test_who_gives_up_waiting_is_passed_over() -> None:
    turns = Turns(SteppedClock())
    await turns.take(Priority.POLL)
    gone, there = (asyncio.create_task(turns.take(Priority.OPEN)) for _ in range(2))
    await asyncio.sleep(0)
    gone.cancel()
    await asyncio.sleep(0)
    turns.give_up()
    assert await there


@pytest.mark.parametrize("deadline", [None, 5.0])
async def test_a_turn_handed_to_one_who_is_cancelled_in_that_very_step_goes_on(deadline: float | None) -> None:
    turns = Turns(SteppedClock())
    await turns.take(Priority.POLL)
    first, second = (asyncio.create_task(turns.take(Priority.OPEN, deadline)) for _ in range(2))
    for _ in range(3):
        await asyncio.sleep(0)
    turns.give_up()
    first.cancel()
    assert await second


async def test_a_supply_is_reserved_for_the_pulse_and_100_ms() -> None:
    clock = SteppedClock()
    supply = Supply(clock)
    assert await supply.take(deadline=10.0)
    supply.give_back(pulse_ends_at=0.5)
    second = asyncio.create_task(supply.take(deadline=10.0))
    await clock.advance(0.59)
    assert not second.done()
    await clock.advance(0.02)
    assert second.done()


async def test_a_reservation_that_fired_nothing_leaves_the_supply_free() -> None:
    supply = Supply(SteppedClock())
    assert await supply.take(deadline=1.0)
    supply.give_back()
    assert await supply.take(deadline=1.0)


async def test_a_supply_that_is_free_too_late_is_not_taken_and_stays_for_the_next() -> None:
    clock = SteppedClock()
    supply = Supply(clock)
    await supply.take(deadline=10.0)
    supply.give_back(pulse_ends_at=5.0)
    assert not await supply.take(deadline=2.0)
    await clock.advance(5.2)
    assert await supply.take(deadline=10.0)


async def test_a_wait_for_a_supply_that_is_cancelled_frees_it() -> None:
    clock = SteppedClock()
    supply = Supply(clock)
    await supply.take(deadline=10.0)
    supply.give_back(pulse_ends_at=1.0)
    waiting = asyncio.create_task(supply.take(deadline=10.0))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    await clock.advance(1.2)
    assert await supply.take(deadline=10.0)
