"""The room with its default limits, served once for each file of tests."""

from collections.abc import AsyncIterator

import pytest

from .room import Room, serving


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
async def served_room() -> AsyncIterator[Room]:
    async with serving() as room:
        yield room


@pytest.fixture
def room(served_room: Room) -> Room:
    """The room, with nothing done in it yet."""
    served_room.doings.calls.clear()
    served_room.door.told.clear()
    for event in (served_room.doings.opening, served_room.doings.go_on, served_room.doings.opened):
        event.clear()
    return served_room
