"""Model time: what happens when, in whole microseconds, so that the same inputs give the same times."""

import heapq
import itertools
from collections.abc import Callable
from random import Random

Act = Callable[[], object]


def chance(seed: int, *purpose: object) -> Random:
    """A source of chance for one purpose; what one purpose draws never shifts another."""
    return Random(":".join(map(str, (seed, *purpose))))  # noqa: S311 - a model, and it must repeat


class Timer:
    """One thing that will happen, unless it is cancelled."""

    __slots__ = ("act", "due")

    def __init__(self, due: int, act: Act) -> None:
        self.due = due
        self.act: Act | None = act

    def cancel(self) -> None:
        self.act = None


class Timeline:
    """Events by time. Each runs at its own nominal moment, however late the program gets to it.

    `read` gives the clock's microseconds. Public actions on the model call `catch_up` first. `on_change` is told
    when something was planned from outside, so that a runner can wait for it.
    """

    def __init__(self, read: Callable[[], int]) -> None:
        self.now = 0
        self.read = read
        self.on_change: Act = lambda: None
        self._order = itertools.count()
        self._events: list[tuple[int, int, Timer]] = []
        self._running = False

    @property
    def next_due(self) -> int | None:
        """When the next event is due; None: nothing moves."""
        while self._events and self._events[0][2].act is None:
            heapq.heappop(self._events)
        return self._events[0][0] if self._events else None

    @property
    def ms(self) -> float:
        """Milliseconds since the model began."""
        return self.now / 1000

    def after(self, ms: float, act: Act) -> Timer:
        """Plans `act` in that many milliseconds from the model's now."""
        timer = Timer(self.now + round(ms * 1000), act)
        heapq.heappush(self._events, (timer.due, next(self._order), timer))
        if not self._running:
            self.on_change()
        return timer

    def catch_up(self) -> None:
        """Runs all that is due by the clock and moves now to the clock. Inside an event it does nothing."""
        if self._running:
            return
        until = max(self.read(), self.now)
        self._running = True
        try:
            self._run(until)
        finally:
            self._running = False
        self.now = until
        self.on_change()

    def _run(self, until: int) -> None:
        while (due := self.next_due) is not None and due <= until:
            _, _, timer = heapq.heappop(self._events)
            self.now = due
            if timer.act is not None:
                timer.act()
