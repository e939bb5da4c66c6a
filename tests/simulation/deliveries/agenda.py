"""Virtual time: what happens when. Doings are generators that yield how long they wait, in ms."""

import heapq
from collections.abc import Callable, Generator

Doing = Generator[int, None, None]
Act = Callable[[], None]


class Agenda:
    """`now`: ms since 1970. What falls on one moment happens in the order in which it was planned."""

    def __init__(self, now: int) -> None:
        self.now = now
        self._order = 0
        self._due: list[tuple[int, int, Act]] = []

    def at(self, moment: int, act: Act) -> None:
        self._order += 1
        heapq.heappush(self._due, (max(moment, self.now), self._order, act))

    def after(self, wait_ms: int, act: Act) -> None:
        self.at(self.now + wait_ms, act)

    def begin(self, doing: Doing, wait_ms: int = 0) -> None:
        """Lets a doing run, from now or later on."""
        self.after(wait_ms, lambda: self._go_on(doing))

    def _go_on(self, doing: Doing) -> None:
        try:
            wait_ms = next(doing)
        except StopIteration:
            return
        self.after(wait_ms, lambda: self._go_on(doing))

    def run_until(self, moment: int) -> None:
        """Everything that is due up to a moment, that moment included."""
        while self._due and self._due[0][0] <= moment:
            self.now, _, act = heapq.heappop(self._due)
            act()
        self.now = moment

    def idle(self) -> bool:
        """Whether nothing is planned any more."""
        return not self._due
