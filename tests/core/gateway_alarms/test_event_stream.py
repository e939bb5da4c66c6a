"""The stream of events: bounded, in order, and honest about what was lost."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from openharbor.gateway.event_stream import Event, EventStream, FellBehind, TooManyListeners


async def take(stream: EventStream, count: int, last_id: int | None = None) -> list[int]:
    """The ids of the next events; with a gap before the first it begins at what is kept."""
    found = []
    async for event in stream.listen(last_id):
        found.append(event.event_id)
        if len(found) == count:
            break
    return found


async def read_on(listener: AsyncIterator[Event]) -> type[Exception] | None:
    """What it ends with."""
    try:
        async for _ in listener:
            pass
    except FellBehind as why:
        return type(why)
    return None


def publish(stream: EventStream, count: int) -> None:
    for number in range(count):
        stream.publish("alarm", b"%d" % number)


async def test_ids_rise_by_one_from_the_first() -> None:
    stream = EventStream(100)
    assert stream.publish("alarm", b"{}") == Event(100, "alarm", b"{}")
    assert stream.publish("door", b"{}").event_id == 101


async def test_a_listener_gets_what_happens_from_now_on() -> None:
    stream = EventStream(1)
    publish(stream, 3)
    listening = asyncio.create_task(take(stream, 2))
    await asyncio.sleep(0)
    publish(stream, 2)
    assert await listening == [4, 5]


async def test_one_that_comes_back_first_gets_what_it_missed() -> None:
    stream = EventStream(1)
    publish(stream, 300)
    assert await take(stream, 200, last_id=100) == list(range(101, 301))


async def test_what_is_kept_is_bounded_and_a_jump_tells_of_the_rest() -> None:
    stream = EventStream(1, kept=10)
    publish(stream, 100)
    assert await take(stream, 10, last_id=3) == list(range(91, 101))


async def test_an_id_of_an_earlier_run_gets_all_of_this_one() -> None:
    stream = EventStream(1000)
    publish(stream, 2)
    assert await take(stream, 2, last_id=7) == [1000, 1001]


async def test_an_id_that_was_never_given_gets_what_happens_from_now_on() -> None:
    stream = EventStream(1)
    publish(stream, 2)
    listening = asyncio.create_task(take(stream, 1, last_id=10**9))
    await asyncio.sleep(0)
    publish(stream, 1)
    assert await listening == [3]


async def test_a_listener_that_is_too_slow_is_let_go_and_the_others_are_not() -> None:
    stream = EventStream(1, kept=10)
    slow, quick = stream.listen(), asyncio.create_task(take(stream, 30))
    first = asyncio.ensure_future(anext(slow))
    await asyncio.sleep(0)
    for _ in range(6):
        publish(stream, 5)
        for _ in range(5):
            await asyncio.sleep(0)
    assert (await first).event_id == 1
    assert await read_on(slow) is FellBehind
    assert await quick == list(range(1, 31))


async def test_listeners_are_bounded_and_one_that_leaves_makes_room() -> None:
    stream = EventStream(1, most_listeners=2)
    publish(stream, 1)
    first, second = stream.listen(0), stream.listen(0)
    await anext(first)
    await anext(second)
    with pytest.raises(TooManyListeners):
        await anext(stream.listen(0))
    await first.aclose()  # type: ignore[attr-defined]  # a generator, though only promised as an iterator
    assert (await anext(stream.listen(0))).event_id == 1


async def test_at_the_end_listeners_get_what_they_lack_and_stop() -> None:
    stream = EventStream(1)
    listening = asyncio.create_task(take(stream, 99))
    await asyncio.sleep(0)
    publish(stream, 2)
    stream.end()
    assert await listening == [1, 2]
    assert stream.listeners == 0


async def test_nobody_who_listens_costs_no_memory_of_its_own() -> None:
    stream = EventStream(1, kept=100)
    listeners = [stream.listen(0) for _ in range(100)]
    publish(stream, 1)
    events = [await anext(one) for one in listeners]
    assert all(event is events[0] for event in events)
