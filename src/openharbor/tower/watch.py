"""Tells the keeper what doors do, as soon as their boards show it, and each second that passes."""

from openharbor.kit.clock import Clock
from openharbor.kit.waiting import Signal
from openharbor.tower import device
from openharbor.tower.cabinet import Cabinet
from openharbor.tower.door_news import news
from openharbor.tower.keeper import Keeper
from openharbor.tower.openings import SEEN_WITHIN_MS
from openharbor.tower.state import Step, Tower

TICK_S = 1.0
LOOK_S = 0.5
LOOK_CLOSELY_S = 0.04  # while an opening is on its way: a door that stood open tells no event


class Watch:
    """`moved` may be called whenever something may have happened; `run` looks, also without it."""

    def __init__(self, keeper: Keeper, clock: Clock) -> None:
        self._keeper, self._clock = keeper, clock
        self._signal = Signal()
        self._told: dict[int, bool | None] = {}
        self._starts = 0
        self._looking = self._ticking = False

    def use(self, cabinet: Cabinet) -> None:
        """Whose doors are looked at."""
        self._cabinet = cabinet

    def moved(self) -> None:
        self._signal.give()

    async def run(self) -> None:
        """Looks for ever; cancel it to stop."""
        tick_at = self._clock.monotonic()
        while True:
            if self._starts != self._keeper.starts:  # it began anew: it knows of no door and has heard of no tick
                self._starts, self._told = self._keeper.starts, {}
                self._looking = self._ticking = False
            if not self._looking:
                self._looking = True
                self._keeper.tell(self._doors)
            if not self._ticking and (self._clock.monotonic() >= tick_at or self._jam_is_due()):
                self._ticking = True
                self._keeper.tell(self._ticked)
                tick_at = self._clock.monotonic() + TICK_S
            await self._signal.within(self._pause(tick_at), self._clock)

    def _pause(self, tick_at: float) -> float:
        if self._keeper.state.pending is not None:
            return LOOK_CLOSELY_S
        return min(LOOK_S, max(tick_at - self._clock.monotonic(), 0.01))

    def _jam_is_due(self) -> bool:
        pending = self._keeper.state.pending
        if pending is None or pending.fired_ms is None:
            return False
        return self._keeper.uptime_ms() - pending.fired_ms >= SEEN_WITHIN_MS

    def _doors(self, tower: Tower, at_ms: int) -> Step:
        self._looking = False
        readings = news(tower, self._cabinet.contacts(), self._told, self._keeper.fired_at)
        if not readings:
            return Step(tower)
        self._told |= readings
        return device.doors(tower, readings, at_ms)

    def _ticked(self, tower: Tower, at_ms: int) -> Step:
        """The second that passed, and whether each board answers."""
        self._ticking = False
        for look in self._cabinet.looks():
            if look.answers is not None:
                tower = device.board_seen(tower, look.ports, at_ms, reachable=look.answers).tower
        return device.ticked(tower, at_ms)
