"""Power supplies: one lock pulse at a time on each (lock-boards.md 2.6, 4.2)."""

from openharbor.boards.turns import Priority, Turns
from openharbor.kit.clock import Clock

RESERVE_S = 0.1  # after a pulse


class Supply:
    """What feeds the coils of one or more boards, perhaps on several lines. Who asks first pulses first."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._turns = Turns(clock)
        self._free_at = 0.0

    async def take(self, deadline: float) -> bool:
        """Reserves the supply. False: not to be had before the deadline (monotonic seconds)."""
        if not await self._turns.take(Priority.OPEN, deadline):
            return False
        try:
            if self._free_at <= deadline:
                await self._clock.sleep(self._free_at - self._clock.monotonic())
                return True
        except BaseException:
            self._turns.give_up()
            raise
        self._turns.give_up()
        return False

    def give_back(self, pulse_ends_at: float | None = None) -> None:
        """Ends a reservation: at once if nothing was sent, else for others from `RESERVE_S` after the pulse."""
        if pulse_ends_at is not None:
            self._free_at = max(self._free_at, pulse_ends_at + RESERVE_S)
        self._turns.give_up()
