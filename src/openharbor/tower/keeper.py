"""The one owner of a tower's state: applies an input, makes it durable, then carries out what follows (device.py).

Nothing is answered and nothing fires before what it rests on is on flash. A message waits while an opening is on its
way; a reading, a second that passed and a pulse's outcome do not. What could not be stored ends as in a power cut.
"""

import asyncio
import secrets
from collections import deque
from collections.abc import Callable
from functools import partial

import structlog

from openharbor.kit.clock import Clock
from openharbor.kit.database.face import Database
from openharbor.kit.errors import Closed, StorageUnavailable
from openharbor.kit.waiting import Signal, done_within
from openharbor.tower import device, flash, power_up
from openharbor.tower.asks import ANSWER_S, FIRE_WITHIN_S, LEAST_TO_FIRE_S, Ask, Told
from openharbor.tower.cabinet import Cabinet, Shot
from openharbor.tower.power_up import COMMAND, FAULT, POWER
from openharbor.tower.state import Answer, Effect, Fire, Hardware, KeypadSays, Restart, Step, Tap, Tower

log = structlog.get_logger("openharbor.tower")

Input = Callable[[Tower, int], Step]

AGAIN_S = 1.0  # between two tries to start from flash
CHALLENGE_BYTES = 8


class Keeper:
    """Give it a cabinet (`use`) and `run` it; `start` before that. `on_restart`: every link has to be cut.

    `fired_at`: when the last pulse left, in monotonic seconds. `starts`: how often the tower began.
    """

    def __init__(self, database: Database, hardware: Hardware, clock: Clock) -> None:
        self.on_restart: Callable[[], None] = lambda: None
        self.on_keypad: Callable[[KeypadSays], None] = lambda _: None
        self.fired_at: float | None = None
        self.starts = 0
        self._database, self._hardware, self._clock = database, hardware, clock
        self._began = clock.monotonic()
        self._inputs: deque[Input] = deque()
        self._asks: deque[Ask] = deque()
        self._asker: Ask | None = None  # whose opening is on its way
        self._news = Signal()
        self._restart: int | None = None  # the cause, when it has to begin again
        self._stopping = False
        self._drained: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._shots: set[asyncio.Task[None]] = set()

    @property
    def state(self) -> Tower:
        """The tower as it was stored last."""
        return self._tower

    def uptime_ms(self) -> int:
        return round((self._clock.monotonic() - self._began) * 1000)

    def use(self, cabinet: Cabinet) -> None:
        """What its locks are fired with."""
        self._cabinet = cabinet

    async def start(self, cause: int = POWER) -> None:
        """Begins from flash. Raises StorageUnavailable, Failed."""
        stored = await self._database.read(flash.load)
        if stored is None:
            raise ValueError("there is no tower on this flash")
        tower = power_up.started(
            stored,
            self._hardware,
            wall_s=self._clock.now() // 1000,
            at_ms=self.uptime_ms(),
            challenge=secrets.token_bytes(CHALLENGE_BYTES),
            cause=cause,
        )
        await self._database.write(partial(flash.save, before=stored, after=tower), essential=True)
        self._tower, self.starts = tower, self.starts + 1

    def tell(self, given: Input) -> None:
        """Takes a reading, a tick or a report; it is applied before any waiting message."""
        self._inputs.append(given)
        self._news.give()

    async def ask(self, ask: Ask) -> Told:
        """What becomes of a message or a code. Raises Closed when nothing will: the link is cut."""
        if self._stopping:
            raise Closed("the tower stops")
        self._asks.append(ask)
        self._news.give()
        try:
            return await ask.told
        except asyncio.CancelledError:
            if ask.given_up:
                raise Closed("the tower starts again") from None
            raise

    async def run(self) -> None:
        """Works for ever; cancel it after `drain`."""
        while True:
            if self._restart is not None:
                await self._begin_again(self._restart)
            elif self._inputs:
                await self._take(self._inputs.popleft())
            elif self._asks and self._tower.pending is None:
                await self._serve(self._asks.popleft())
            else:
                if self._stopping and self._tower.pending is None and not self._drained.done():
                    self._drained.set_result(None)
                await self._news.wait()

    async def drain(self) -> None:
        """Takes no new message; returns when no opening is on its way any more, or none can be ended."""
        self._stopping = True
        while self._asks:
            self._asks.popleft().give_up()
        self._cabinet.end_taps()
        self._news.give()
        await done_within(self._drained, ANSWER_S, self._clock)

    # One input

    async def _take(self, given: Input) -> None:
        try:
            step = given(self._tower, self.uptime_ms())
            await self._store(step.tower, essential=True)
        except StorageUnavailable:
            log.error("What happened could not be stored: the tower starts again, as after a power cut")  # noqa: TRY400
            self._restart = FAULT
        except Exception:
            log.exception("An input failed unexpectedly: the tower starts again, as after a power cut")
            self._restart = FAULT
        else:
            self._carry_out(step, self._asker)

    async def _serve(self, ask: Ask) -> None:
        if ask.told.done():  # its link is gone
            return
        try:
            step = await self._stored(ask)
        except Exception:
            log.exception("A message failed unexpectedly: its link is cut")
            ask.give_up()
            return
        ask.counted = step.counted
        self._carry_out(step, ask)

    async def _stored(self, ask: Ask) -> Step:
        """The step that a message makes, on flash; what it makes instead when it is late or cannot be stored."""
        before, at_ms = self._tower, self.uptime_ms()
        step = ask.decide(before, at_ms)
        left = ask.arrived + FIRE_WITHIN_S - self._clock.monotonic()
        if left < LEAST_TO_FIRE_S and any(isinstance(one, Fire) for one in step.effects):
            step = ask.put_off(before, at_ms)
        try:
            await self._store(step.tower)
        except StorageUnavailable:
            step = ask.unwritten(before, at_ms)
            self._tower = step.tower
        return step

    async def _store(self, tower: Tower, *, essential: bool = False) -> None:
        if tower is not self._tower and flash.differs(self._tower, tower):
            await self._database.write(partial(flash.save, before=self._tower, after=tower), essential=essential)
        self._tower = tower

    # What follows

    def _carry_out(self, step: Step, asker: Ask | None) -> None:
        self._asker = asker if step.tower.pending is not None else None
        for effect in step.effects:
            self._do(effect, asker)
        if asker is not None and self._asker is None and not asker.told.done():
            asker.give_up()  # every message has an answer; a silent one would hold its link

    def _do(self, effect: Effect, asker: Ask | None) -> None:
        match effect:
            case Answer():
                if asker is not None:
                    asker.answer(Told(effect.frame, cut=effect.cut, counted=asker.counted))
            case KeypadSays():
                self.on_keypad(effect)
                if asker is not None:
                    asker.answer(Told(says=effect))
            case Fire():
                self._fire(effect, asker)
            case Tap():
                self._cabinet.tap(effect.port, effect.times, effect.interval_ms / 1000)
            case Restart():
                self._restart = COMMAND

    def _fire(self, fire: Fire, asker: Ask | None) -> None:
        arrived = self._clock.monotonic() if asker is None else asker.arrived
        task = asyncio.create_task(self._shoot(fire.port, arrived + FIRE_WITHIN_S))
        self._shots.add(task)
        task.add_done_callback(self._shots.discard)

    async def _shoot(self, port: int, deadline: float) -> None:
        """Fires, and reports it once, unless the tower has started again: then the journal has told it."""
        starts = self.starts
        shot = await self._cabinet.fire(port, deadline, lambda: self.starts == starts and self._restart is None)
        log.info("A pulse was asked for", port=port, pulse=shot.outcome)
        if self.starts == starts:
            self.tell(partial(self._fired, shot))

    def _fired(self, shot: Shot, tower: Tower, at_ms: int) -> Step:
        self.fired_at = shot.at
        return device.fired(tower, shot.outcome, at_ms)

    # Starting again

    async def _begin_again(self, cause: int) -> None:
        """As after a power cut: from flash, with every link cut; tried until it works."""
        self.starts += 1  # from now on nothing of before is fired or reported
        self._cabinet.end_taps()
        self._forget()
        self.on_restart()
        if cause == FAULT:  # one that comes back at once must not wear the flash out
            await self._clock.sleep(AGAIN_S)
        try:
            await self.start(cause)
        except Exception as error:
            log.error("The tower cannot start from its flash; it tries again", reason=str(error))  # noqa: TRY400
            await self._clock.sleep(AGAIN_S)
            return
        self._restart = None

    def _forget(self) -> None:
        self._inputs.clear()
        waiting = [*self._asks, *([] if self._asker is None else [self._asker])]
        self._asks.clear()
        self._asker = None
        for ask in waiting:
            ask.give_up()
