"""Opening many doors: boards in parallel, on each one lock after another; failures of communication tried again."""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from openharbor.boards.outcomes import Board, OpenOutcome
from openharbor.gateway import opening_rules as rules
from openharbor.gateway.opening import Openings, Progress, take
from openharbor.gateway.opening_journal import Order
from openharbor.gateway.opening_rules import OpenResult
from openharbor.kit.clock import Clock

LONGEST_S = 3600.0  # a bound that no cabinet reaches


@dataclass(slots=True)
class Bank:
    """The lockers of one board in a run, by lock number, and how far each has come."""

    controller_id: int
    orders: Mapping[int, Order]
    progress: dict[int, Progress] = field(default_factory=dict)


def by_board(orders: Iterable[Order]) -> list[Bank]:
    """The selected lockers, board by board, each board's in the order of its locks."""
    banks: dict[int, dict[int, Order]] = {}
    for order in sorted(orders, key=lambda order: order.place.lock):
        banks.setdefault(order.place.controller_id, {})[order.place.lock] = order
    return [Bank(controller_id, orders) for controller_id, orders in banks.items()]


class OpenAll:
    """Runs an open-all. Only one runs at a time; `running_since` is wall time (ms)."""

    def __init__(self, openings: Openings, board: Callable[[int], Board], clock: Clock) -> None:
        self._openings, self._board, self._clock = openings, board, clock
        self._run: asyncio.Task[list[OpenResult]] | None = None
        self.running_since: int | None = None

    async def run(self, orders: Iterable[Order], ignore_sensor: frozenset[int]) -> list[OpenResult]:
        """One result for each locker, by id. `ignore_sensor`: locker ids. The caller has checked that none runs.

        A run goes on when its caller is gone.
        """
        self.running_since = self._clock.now()
        self._run = asyncio.create_task(self._open_banks(by_board(orders), ignore_sensor))
        return await asyncio.shield(self._run)

    async def drain(self) -> None:
        """Returns when no run is under way; `Openings.stopping` keeps it from firing further."""
        if self._run is not None:
            await asyncio.wait({self._run})

    async def _open_banks(self, banks: list[Bank], ignore_sensor: frozenset[int]) -> list[OpenResult]:
        try:
            done = await asyncio.gather(*(self._open_bank(bank, ignore_sensor) for bank in banks))
            return sorted((result for results in done for result in results), key=lambda result: result.locker_id)
        finally:
            self.running_since = None

    async def _open_bank(self, bank: Bank, ignore_sensor: frozenset[int]) -> list[OpenResult]:
        if not self._openings.stopping:
            await self._fire_in_turn(bank, ignore_sensor)
        results = await asyncio.gather(*(self._end(bank, lock) for lock in bank.orders))
        return list(results)

    async def _fire_in_turn(self, bank: Bank, ignore_sensor: frozenset[int]) -> None:
        async def on_fire(lock: int) -> None:
            progress = bank.progress[lock] = Progress(bank.orders[lock], began=self._clock.monotonic())
            await self._openings.fire(progress)

        def on_result(lock: int, outcome: OpenOutcome) -> None:
            take(bank.progress.setdefault(lock, Progress(bank.orders[lock])), outcome)

        await self._board(bank.controller_id).open_all(
            bank.orders,
            deadline=self._clock.monotonic() + LONGEST_S,
            on_fire=on_fire,
            on_result=on_result,
            ignore_sensor=frozenset(
                lock for lock, order in bank.orders.items() if order.place.locker_id in ignore_sensor
            ),
        )

    async def _end(self, bank: Bank, lock: int) -> OpenResult:
        """Judges one locker, after further attempts where the rules of a single open allow them."""
        progress = bank.progress.get(lock)
        if progress is None:
            return await self._openings.not_tried(bank.orders[lock], rules.shutting_down(bank.orders[lock].place))
        return await self._openings.resume(progress)
