"""Opening one door: wait for the turn, journal the pulse, ask the board, judge, journal the outcome."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import structlog
from msgspec.structs import replace

from openharbor.boards.outcomes import Board, DoorState, OpenOutcome
from openharbor.gateway import opening_rules as rules
from openharbor.gateway.opening_journal import GivenAway, KeyTaken, OpeningJournal, Order
from openharbor.gateway.opening_rules import OpenResult
from openharbor.kit.clock import Clock
from openharbor.kit.errors import Closed, StorageUnavailable

log = structlog.get_logger("openharbor.opening")

LOOK_S = 2.0  # for one fresh read before a repeat
DID_NOTHING = ("journal", "rate", "expired", "offline")


class Stopping(Exception):
    """The gateway is stopping: nothing is fired any more."""


@dataclass(slots=True)
class Progress:
    """How far one open has come, over its attempts. Times in monotonic seconds."""

    order: Order
    began: float | None = None
    waited: float = 0.0
    attempts: int = 0
    opening_id: int | None = None
    may_have_fired: bool = False
    was_closed: bool = False
    last: OpenOutcome | None = None
    blocked: Exception | None = None
    ended: bool = False

    def duration_ms(self, now: float) -> int:
        return round((now - self.began) * 1000) if self.began is not None else 0


class Openings:
    """Opens doors: those of one locker one after another, and each to its end, whatever its caller does."""

    def __init__(
        self,
        journal: OpeningJournal,
        board: Callable[[int], Board],
        clock: Clock,
        count: Callable[[OpenResult], None],
    ) -> None:
        """`board` by controller id; `count` is told of each result (the metrics)."""
        self._journal, self._board, self._clock, self._count = journal, board, clock, count
        self._turns: dict[int, asyncio.Lock] = {}
        self._running: set[asyncio.Task[OpenResult]] = set()
        self.stopping = False

    async def open(self, order: Order) -> OpenResult:
        """Opens the locker of `order`; the result is journaled when this returns."""
        task = asyncio.create_task(self._open(order))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return await asyncio.shield(task)

    async def drain(self) -> None:
        """No open is begun any more; returns when those under way have ended their present attempt."""
        self.stopping = True
        while self._running:
            await asyncio.wait(self._running)

    async def resume(self, progress: Progress) -> OpenResult:
        """Goes on with an open whose first attempt was made by an open-all, under the same rules."""
        return await self._finish(progress, await self._until_done(progress))

    async def not_tried(self, order: Order, result: OpenResult) -> OpenResult:
        """Journals that a locker of an open-all was left out."""
        return await self._finish(Progress(order), result)

    async def _open(self, order: Order) -> OpenResult:
        progress = Progress(order)
        try:
            async with self._turn(progress):
                return await self._finish(progress, await self._attempts(progress))
        except TimeoutError:
            return await self._finish(progress, rules.judge(order.place, _EXPIRED, attempts=0, duration_ms=0))

    @asynccontextmanager
    async def _turn(self, progress: Progress) -> AsyncIterator[None]:
        """The locker to itself. Raises TimeoutError after MAX_WAIT_S."""
        asked = self._clock.monotonic()
        turn = self._turns.setdefault(progress.order.place.locker_id, asyncio.Lock())
        await _within(turn.acquire(), rules.MAX_WAIT_S, self._clock)
        progress.waited += self._clock.monotonic() - asked
        try:
            yield
        finally:
            turn.release()

    async def _attempts(self, progress: Progress) -> OpenResult:
        if self.stopping:
            return rules.shutting_down(progress.order.place)
        await self.attempt(progress)
        return await self._until_done(progress)

    async def _until_done(self, progress: Progress) -> OpenResult:
        while (step := self._step(progress)) != "done":
            await self._clock.sleep(rules.RETRY_DELAY_S)
            if step == "look":
                verdict = rules.after_look(await self._look(progress))
                if verdict == "found_open":
                    return self._found_open(progress)
                if verdict == "done":
                    break
            if self.stopping:
                break
            await self.attempt(progress)
        return self._judge(progress)

    def _step(self, progress: Progress) -> rules.Step:
        if progress.last is None or progress.blocked is not None or progress.ended or self.stopping:
            return "done"
        return rules.next_step(progress.last, progress.attempts, may_have_fired=progress.may_have_fired)

    async def attempt(self, progress: Progress) -> None:
        """One attempt; what it came to is in `progress`. An attempt that did nothing leaves the last one's outcome."""
        place, asked = progress.order.place, self._clock.monotonic()
        progress.began = asked if progress.began is None else progress.began

        async def on_fire() -> None:
            progress.waited += self._clock.monotonic() - asked
            await self.fire(progress)

        outcome = await self._board(place.controller_id).open(
            place.lock,
            deadline=asked + rules.MAX_WAIT_S - progress.waited,
            on_fire=on_fire,
            ignore_sensor=self._journal.ignores_sensor(place.locker_id),
        )
        take(progress, outcome)

    async def fire(self, progress: Progress) -> None:
        """Journals the pulse that is about to leave; raises when it must not leave, and `progress` says why."""
        try:
            progress.opening_id = await self._pulse(progress)
        except (Stopping, KeyTaken, GivenAway, StorageUnavailable, Closed) as why:
            progress.blocked = why
            raise

    async def _pulse(self, progress: Progress) -> int:
        if self.stopping:
            raise Stopping
        return await self._journal.pulse(progress.order, progress.opening_id, progress.attempts + 1)

    async def _look(self, progress: Progress) -> DoorState:
        place = progress.order.place
        board = self._board(place.controller_id)
        reading = (await board.refresh(self._clock.monotonic() + LOOK_S)).get(place.lock)
        return reading.state if reading is not None else "unknown"

    def _found_open(self, progress: Progress) -> OpenResult:
        progress.attempts += 1
        duration = progress.duration_ms(self._clock.monotonic())
        place = progress.order.place
        return rules.found_open(place, was_closed=progress.was_closed, attempts=progress.attempts, duration_ms=duration)

    def _judge(self, progress: Progress) -> OpenResult:
        place, duration = progress.order.place, progress.duration_ms(self._clock.monotonic())
        if not progress.may_have_fired and progress.blocked is not None:
            return _nothing_fired(progress.order, progress.blocked)
        outcome = progress.last or _EXPIRED
        return rules.judge(place, outcome, attempts=progress.attempts, duration_ms=duration)

    async def _finish(self, progress: Progress, result: OpenResult) -> OpenResult:
        order, result = progress.order, replace(result, at=self._clock.now())
        try:
            await self._journal.finish(order, progress.opening_id, result)
        except StorageUnavailable:
            if progress.opening_id is not None:
                self._journal.finish_later(order, progress.opening_id, result)
                return rules.not_journaled(result) if result.stored else result
        self._count(result)
        _tell(order, result)
        return result


def _nothing_fired(order: Order, why: Exception) -> OpenResult:
    if isinstance(why, KeyTaken):
        return rules.key_taken(order.place)
    if isinstance(why, GivenAway):
        return rules.given_away(order.place, order.transaction_id or "")
    if isinstance(why, StorageUnavailable):
        return rules.not_writable(order.place)
    return rules.shutting_down(order.place)


def take(progress: Progress, outcome: OpenOutcome) -> None:
    """Notes what an attempt came to."""
    if outcome.reason in DID_NOTHING and progress.last is not None:
        progress.ended = True
        return
    if progress.last is None:
        progress.was_closed = outcome.door_before == "closed"
    progress.last = outcome
    if outcome.reason not in DID_NOTHING:
        progress.attempts += 1
    progress.may_have_fired = progress.may_have_fired or outcome.pulse != "not_sent"


_EXPIRED = OpenOutcome("unreachable", "not_sent", "none", "unknown", "unknown", False, False, "expired", 0)


async def _within(work: Coroutine[Any, Any, object], seconds: float, clock: Clock) -> None:
    """Awaits `work`, for so long at most on the given clock. Raises TimeoutError."""
    task, timer = asyncio.create_task(work), asyncio.ensure_future(clock.sleep(seconds))
    try:
        await asyncio.wait({task, timer}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise TimeoutError
    finally:
        timer.cancel()
        task.cancel()


def _tell(order: Order, result: OpenResult) -> None:
    facts = {
        "lockerId": result.locker_id,
        "controllerId": result.controller_id,
        "transactionId": order.transaction_id,
        "attempts": result.attempts,
        "durationMs": result.duration_ms,
        "reason": result.reason or None,
    }
    say = log.info if result.success else log.error
    say(result.message, **{name: value for name, value in facts.items() if value is not None})
