"""Opening many locks of one board, one after another (lock-boards.md 4.2)."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial

from openharbor.boards.aftermath import Shot
from openharbor.boards.opening import Opening
from openharbor.boards.outcomes import OnResult, OpenOutcome

BETWEEN_S = 0.3  # after a pulse, before the next

OnFireLock = Callable[[int], Awaitable[None]]


async def open_all(
    opening: Opening,
    locks: tuple[int, ...],
    deadline: float,
    on_fire: OnFireLock,
    on_result: OnResult,
    ignore_sensor: frozenset[int],
) -> dict[int, OpenOutcome]:
    """Fires each lock through the path of a single open; the doors are judged while the next ones are fired.

    A single open that waits for the supply goes in between. Cancellation stops before the next pulse.
    """
    wanted = tuple(dict.fromkeys(locks))
    for lock in wanted:
        opening.request(lock)  # raises ValueError before anything is sent
    run = _Run(opening, on_result)
    try:
        shots = await opening.fire_natively(wanted, deadline, on_fire)
        if shots is None:
            await _in_turn(run, opening, wanted, deadline, on_fire, ignore_sensor)
        else:
            _at_once(run, opening, wanted, shots, ignore_sensor)
        await run.finish()
    finally:
        await run.abandon()
    return run.results


async def _in_turn(
    run: "_Run",
    opening: Opening,
    locks: tuple[int, ...],
    deadline: float,
    on_fire: OnFireLock,
    ignore_sensor: frozenset[int],
) -> None:
    answers = True
    for lock in locks:
        if not answers:
            run.take(lock, opening.not_sent("offline"))
            continue
        shot = await opening.fire(lock, deadline, partial(on_fire, lock), ignore_sensor=lock in ignore_sensor)
        if isinstance(shot, OpenOutcome):
            run.take(lock, shot)
            answers = bool(shot.reason) or await opening.board_answers(deadline)
            continue
        if shot.ack == "none":
            answers = await opening.aftermath.board_answers(shot)
        run.judge(shot)
        if lock != locks[-1]:
            await opening.pause_until(shot.sent_at + opening.pulse_s + BETWEEN_S)


def _at_once(
    run: "_Run",
    opening: Opening,
    locks: tuple[int, ...],
    shots: list[Shot] | OpenOutcome,
    ignore_sensor: frozenset[int],
) -> None:
    """After a native open-all the doors alone tell."""
    if isinstance(shots, OpenOutcome):
        for lock in locks:
            run.take(lock, shots)
        return
    for shot in shots:
        shot.sensor = opening.sensor(shot.lock, ignore=shot.lock in ignore_sensor)
        run.judge(shot)


class _Run:
    """The results of one open-all as they come in."""

    def __init__(self, opening: Opening, on_result: OnResult) -> None:
        self.results: dict[int, OpenOutcome] = {}
        self._opening, self._on_result = opening, on_result
        self._judging: list[asyncio.Task[None]] = []

    def take(self, lock: int, outcome: OpenOutcome) -> None:
        self.results[lock] = outcome
        self._on_result(lock, outcome)

    def judge(self, shot: Shot) -> None:
        self._judging.append(asyncio.create_task(self._conclude(shot)))

    async def finish(self) -> None:
        await asyncio.gather(*self._judging)

    async def abandon(self) -> None:
        for task in self._judging:
            task.cancel()
        await asyncio.gather(*self._judging, return_exceptions=True)

    async def _conclude(self, shot: Shot) -> None:
        self.take(shot.lock, await self._opening.aftermath.conclude(shot))
