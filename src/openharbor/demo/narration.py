"""Telling a story: numbered steps, and what was seen at each."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from openharbor.kit.clock import Clock

T = TypeVar("T")

PATIENCE_S = 20.0
LOOK_EVERY_S = 0.05


class Unseen(Exception):
    """Something that the story tells was not seen to happen."""


class Narration:
    """Prints the steps; `see` and `await_sight` are what makes a step true."""

    def __init__(self, say: Callable[[str], None], clock: Clock) -> None:
        self._say, self._clock = say, clock
        self.steps = 0

    def tell(self, text: str) -> None:
        """Begins the next step."""
        self.steps += 1
        self._say(f"{self.steps:2}. {text}")

    def note(self, text: str) -> None:
        self._say(f"    {text}")

    def see(self, text: str, seen: bool) -> None:
        """Says what was seen. Raises Unseen when it was not."""
        if not seen:
            raise Unseen(text)
        self._say(f"    seen: {text}")

    async def await_sight(self, text: str, look: Callable[[], Awaitable[bool]]) -> None:
        """Waits until something is seen. Raises Unseen after PATIENCE_S."""
        end = self._clock.monotonic() + PATIENCE_S
        while not await look():
            if self._clock.monotonic() > end:
                raise Unseen(text)
            await self._clock.sleep(LOOK_EVERY_S)
        self._say(f"    seen: {text}")
