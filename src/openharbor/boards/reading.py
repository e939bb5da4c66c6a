"""Keeps one board read: start sequence, polls, refreshes, and whether it is there (lock-boards.md 4.3, 4.4)."""

from collections.abc import Callable
from typing import Any

import msgspec
import structlog

from openharbor.boards import cadence, pulses
from openharbor.boards.asking import Asking
from openharbor.boards.bus import Bus
from openharbor.boards.doors import Doors
from openharbor.boards.outcomes import BoardState, DoorReading, EventKind
from openharbor.boards.protocols.codec import Answer, Push
from openharbor.boards.timing import BoardTimes
from openharbor.boards.turns import Priority
from openharbor.kit.clock import Clock
from openharbor.kit.waiting import Signal

log = structlog.get_logger("openharbor.boards")

FAULT_AGAIN_S = 30.0


class Reading:
    """`fault`: why the board must not be used, if so. `tell` takes an event of the board and its detail."""

    def __init__(
        self,
        bus: Bus,
        asking: Asking,
        doors: Doors,
        times: BoardTimes,
        equal_reads: int,
        *,
        clock: Clock,
        tell: Callable[[EventKind, str], None],
    ) -> None:
        self.fault: str | None = None
        self._state = BoardState(online=False, failure="has not answered yet")
        self._bus, self._asking, self._doors, self._times, self._equal = bus, asking, doors, times, equal_reads
        self._clock, self._tell = clock, tell
        self._wake = Signal()
        self._ready_for = 0  # the generation of the line on which the start sequence was made
        self._checked_for = 0  # likewise, of the family checks
        self._failures, self._tries = 0, 0  # reads in a row without an answer; tries in vain while off line
        self._answered_at = self._started_at = clock.monotonic()
        self._told_absent = False
        self._pushed = False
        asking.on_answer, asking.on_silence = self._answered, self._missed

    @property
    def state(self) -> BoardState:
        if not self._state.online and not self._bus.up:
            return msgspec.structs.replace(self._state, failure=self._bus.failure)
        return self._state

    @property
    def _absent(self) -> bool:
        """Off line, and told so; a board that just started may be neither on line nor absent yet."""
        return not self._state.online and self._told_absent

    def hurry(self) -> None:
        """Reads again at once: something happened, or may have."""
        self._wake.give()

    def pushed(self, push: Push) -> None:
        """A push counts as one read, and causes another when a bouncing contact is at rest (3.5, 4.5)."""
        self._asking.hear(Answer(bits={push.lock: push.raw}))
        self._pushed = True
        self.hurry()

    async def refresh(self, deadline: float, lock: int | None = None) -> dict[int, DoorReading]:
        """Fresh readings. Doors that were not read, or whose last readings disagree, are unknown."""
        begun = self._clock.monotonic()
        while await self._asking.read(Priority.REFRESH, deadline, lock) and self._doors.is_unsettled(lock):
            if self._clock.monotonic() + cadence.AGAIN_S >= deadline:
                break
            await self._clock.sleep(cadence.AGAIN_S)
        return {number: self._if_fresh(number, door, begun) for number, door in self._doors.readings().items()}

    async def run(self) -> None:
        """Reads for ever; cancel it to stop."""
        self._answered_at = self._started_at = self._clock.monotonic()
        while True:
            try:
                await self._round()
            except Exception:
                log.exception("Reading a board failed; it goes on", line=self._bus.name)
                await self._clock.sleep(cadence.DEAD_BOARD_S[0])

    async def _round(self) -> None:
        """One reading, or one start sequence, and the pause after it."""
        if not self._bus.up:
            await self._without_line()
            return
        before, self._started_at = self._started_at, self._clock.monotonic()
        if self._state.online and self._ready_for == self._bus.generation:
            self._doors.period_s = max(self._times.poll_s, self._started_at - before)
            await self._asking.poll()
        elif not await self._start() and self._absent:
            self._tries += 1
        self._doors.expire(self._bus.unlocking_s)
        if self._bus.up:
            await self._wake.within(self._started_at + self._pause() - self._clock.monotonic(), self._clock)
        if self._pushed:
            self._pushed = False
            await self._clock.sleep(cadence.AGAIN_S)

    async def _start(self) -> bool:
        """The start sequence (4.3); also after every reconnect of the board. False: it did not come on line."""
        generation, self._doors.baseline = self._bus.generation, True
        if not await self._asking.learn():
            return False
        if await self._asking.make_safe() == "failed":
            log.warning("A board did not take the command to switch its coils off", line=self._bus.name)
        if not await self._check(Priority.POLL) or not await self._read_baseline():
            return False
        self._ready_for, self._doors.baseline = generation, False
        self._set(online=True, failure=None)
        self._tell("board_online", "")
        return True

    async def may_fire(self, deadline: float) -> bool:
        """Whether the board passed its family checks since it came, made now if they were not made yet."""
        if self.fault is not None:
            return False
        checked = self._bus.up and self._checked_for == self._bus.generation
        return checked or not self._asking.codec.checks() or await self._check(Priority.REFRESH, deadline)

    async def _check(self, priority: Priority, deadline: float | None = None) -> bool:
        """Family checks (3.6)."""
        codec = self._asking.codec
        for request in codec.checks():
            asked = await self._asking.ask(request, priority, deadline)
            if asked is None:
                return False
            fault = codec.fault(request, asked[1])
            if fault is not None:
                self._refuse(fault)
                return False
            firmware = codec.firmware(request, asked[1])
            if firmware is not None:
                self._set(firmware=firmware)
        self.fault, self._checked_for = None, self._bus.generation
        return True

    async def _read_baseline(self) -> bool:
        for _ in range(self._equal + 2):
            if not await self._asking.read(Priority.POLL):
                return False
            if not self._doors.is_unsettled():
                break
            await self._clock.sleep(cadence.AGAIN_S)
        return True

    async def _without_line(self) -> None:
        """Waits for the line; after two seconds without an answer the board is off line."""
        left = self._answered_at + cadence.LOST_AFTER_S - self._clock.monotonic()
        if left > 0 and not self._absent:
            await self._wake.within(left, self._clock)
            return
        self._leave(self._bus.failure)
        await self._wake.wait()

    def _pause(self) -> float:
        """From the start of one round to the next."""
        if self.fault is not None:
            return FAULT_AGAIN_S
        if self._absent:
            return cadence.until_next_try(self._tries)
        last = pulses.latest_at(self._doors.pulses)
        return cadence.period(
            self._times.poll_s,
            self._times.fast_poll_s,
            None if last is None else self._clock.monotonic() - last,
            unsettled=self._doors.is_unsettled(),
            doors=bool(self._asking.codec.reads()) or self._failures > 0,
        )

    def _answered(self) -> None:
        self._failures, self._tries, self._answered_at = 0, 0, self._clock.monotonic()
        self._set(last_seen_at=self._clock.now())

    def _missed(self) -> None:
        self._failures += 1
        why = self._bus.hint_for(self._asking.codec) or "does not answer"
        if cadence.is_lost(self._failures, self._clock.monotonic() - self._answered_at):
            self._leave(why)
        elif not self._state.online:
            self._set(failure=why)

    def _refuse(self, fault: str) -> None:
        if fault != self.fault:
            self.fault, self._told_absent = fault, False
        self._leave(fault)

    def _leave(self, why: str) -> None:
        """Off line: every door unknown, one event."""
        tell = not self._absent
        self._set(online=False, failure=why)
        self._checked_for = 0
        self._doors.lose()
        if tell:
            self._told_absent = True
            self._tell("board_offline", why)

    def _if_fresh(self, lock: int, door: DoorReading, begun: float) -> DoorReading:
        fresh = door.read_at is not None and door.read_at >= begun and not self._doors.is_unsettled(lock)
        return door if fresh else msgspec.structs.replace(door, state="unknown")

    def _set(self, **changed: Any) -> None:
        self._state = msgspec.structs.replace(self._state, **changed)
