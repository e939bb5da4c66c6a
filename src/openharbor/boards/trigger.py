"""What happens at the moment a lock is fired: the caller's journal, then our own notes (lock-boards.md 4.2)."""

from collections.abc import Awaitable, Callable

from openharbor.boards.bus import Bus
from openharbor.boards.door_events import DoorWatch
from openharbor.boards.doors import Doors
from openharbor.boards.exchange import Withheld
from openharbor.kit.clock import Clock


class Trigger:
    """Pulled by the bus immediately before the frame leaves. `at`: when, in monotonic seconds; None: not yet.

    `lasts_s`: how long after that the last of several locks may fire (native open-all). `held`: fires nothing any more.
    """

    def __init__(
        self,
        bus: Bus,
        doors: Doors,
        clock: Clock,
        locks: tuple[int, ...],
        on_fire: Callable[[], Awaitable[None]],
        held: Callable[[], bool],
        lasts_s: float = 0.0,
    ) -> None:
        self.at: float | None = None
        self.watches: list[DoorWatch] = []
        self._bus, self._doors, self._clock = bus, doors, clock
        self._locks, self._on_fire, self._held, self._lasts_s = locks, on_fire, held, lasts_s

    async def pull(self) -> None:
        await self._on_fire()
        if self._held():
            raise Withheld
        self.at = self._clock.monotonic() + self._lasts_s
        self._doors.pulsed(self._locks, self.at)
        self.watches = [self._doors.watch(lock, self._bus.unlocking_s) for lock in self._locks]

    def take_back(self) -> None:
        """Nothing was sent after all."""
        if self.at is not None:
            self._doors.not_pulsed(self._locks, self.at)
        self.at = None
