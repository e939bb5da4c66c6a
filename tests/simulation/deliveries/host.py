"""A tower in its cabinet: the pure device, its flash, its power, its clock; what the shell does, in virtual time."""

import random
from collections.abc import Callable, Generator
from dataclasses import dataclass

from openharbor.blink.events import DROPPED_OFF, PICKED_UP, RELEASED, REOPENED, REPEATED, Event
from openharbor.tower import device, flash, power_up
from openharbor.tower.lockers import NOT_USABLE
from openharbor.tower.state import (
    DRAWN_BYTES,
    Answer,
    Fire,
    Hardware,
    KeypadSays,
    Opening,
    PulseOutcome,
    Step,
    Tower,
    draws_from,
)
from simulation.deliveries.agenda import Agenda
from simulation.deliveries.cabinet import Cabinet
from simulation.deliveries.flash_chip import FlashChip
from simulation.deliveries.luck import Luck
from simulation.invariants import demand

HARDWARE = Hardware(firmware="1.0.0", serial="OH-1")
BY_TOKEN = (DROPPED_OFF, PICKED_UP, RELEASED, REPEATED)
LEFT_OPEN_MS = 301_000


class PowerCut(Exception):
    """The step ends here; what is in memory is gone."""


@dataclass(slots=True)
class Link:
    """One connection. `failures`: authentication failures on it (blink-protocol.md 6.4)."""

    failures: int = 0


class Host:
    """`state`: the running tower, None without power. `events`: every one that was stored, by id.

    `drift`: how much faster its oscillator runs. `wall_error_s`: of the machine's clock at a start.
    """

    def __init__(self, agenda: Agenda, rng: random.Random, cabinet: Cabinet, tower: Tower, luck: Luck) -> None:
        self.agenda, self.rng, self.cabinet, self.luck = agenda, rng, cabinet, luck
        self.flash = FlashChip(tower)
        self.state: Tower | None = None
        self.drift = rng.choice((0.0, 0.0, 1e-4, -1e-4, 2e-3, -2e-3))
        self.wall_error_s = 0
        self.starts = 0
        self.since = agenda.now
        self.busy = False
        self.answer: Answer | None = None
        self.shown: KeypadSays | None = None
        self.harmless = False
        self.events: dict[int, Event] = {}
        self.on_event: Callable[[Event], None] = lambda _: None
        self.openings = 0
        self._last_id = tower.log.last
        self._unlogged: Opening | None = None

    @property
    def name(self) -> str:
        return self.cabinet.name

    def uptime(self) -> int:
        return int((self.agenda.now - self.since) * (1 + self.drift))

    def running(self) -> Tower:
        if self.state is None:
            raise PowerCut
        return self.state

    # power

    def power_off(self) -> None:
        self.state, self.busy, self.answer = None, False, None
        self.starts += 1

    def begin_anew(self, tower: Tower) -> None:
        """Another board. What the old one wrote under numbers that begin again is gone."""
        self.flash.close()
        self.flash = FlashChip(tower)
        self.events = {one: event for one, event in self.events.items() if one <= tower.log.last}
        self._last_id = tower.log.last
        self.power_on()

    def power_on(self) -> None:
        """A start, as the shell makes one. Its machine may have lost its time, or be ahead."""
        if self.state is not None:
            return
        stored, self.since = self.flash.read_back(), self.agenda.now
        luck, rng = self.luck, self.rng
        if rng.random() < luck.clock_ahead:
            self.wall_error_s = rng.choice((90, 400, 5000, 90_000, 30_000_000))
        lost = rng.random() < luck.clock_lost
        wall_s = None if lost else self.agenda.now // 1000 + self.wall_error_s
        self.wall_error_s = 0
        started = power_up.started(stored, HARDWARE, wall_s=wall_s, at_ms=0, challenge=rng.randbytes(8))
        self.state = stored
        try:
            self._keep(started)
        except PowerCut:
            self.agenda.after(1000, self.power_on)
            return
        self.read()

    def _cut(self, share: float) -> None:
        if self.rng.random() < share:
            self.power_off()
            self.agenda.after(self.rng.choice((1000, 20_000, 600_000, 7_200_000)), self.power_on)
            raise PowerCut

    # storing

    def _keep(self, after: Tower) -> None:
        """Stores a state before anything of it is seen outside (7.3, 12)."""
        self._cut(self.luck.cut_before_write)
        before, self.flash.lasting, self.state = self.flash.lasting, after, after
        self._log(after)
        self._promises(before, after)
        self._cut(self.luck.cut_after_write)

    def _log(self, after: Tower) -> None:
        for event in reversed(after.log.events):
            if event.event_id < self._last_id:
                break
            if self.events.get(event.event_id) is not event:
                self.events[event.event_id] = event
                self.on_event(event)
        self._last_id = after.log.last

    def _promises(self, before: Tower, after: Tower) -> None:
        """Numbers that only grow (13), and no opening without its event."""
        if after.lockers is not before.lockers:
            for number, locker in after.lockers.items():
                old = before.lockers[number]
                grown = locker.generation >= old.generation and locker.retired >= old.retired
                demand(grown, 13, f"a generation of locker {number} of {self.name} went back")
        demand(after.last_command >= before.last_command, 10, "the tower's command counter went back")
        if before.intent is not None and after.intent is None:
            told = self.events[after.log.last]
            numbers = {getattr(one, "locker_number", None) for one in after.log.events[-3:]}
            demand(before.intent.number in numbers, 9, f"an opening left no event at {self.name}, but {told}")

    # what comes in

    def exchange(self, frame: bytes, link: Link, *, harmless: bool = False) -> Generator[int, None, Answer | None]:
        """The answer to a message; None: the power went. `harmless`: no pulse may come of it."""
        while self.busy:
            yield 40
        starts = self.starts
        if self.state is None:
            return None
        self.busy, self.answer = True, None
        try:
            self.tick()
            self.harmless = harmless
            self._receive(frame, link)
        except PowerCut:
            return None
        finally:
            self.harmless = False
        while self.answer is None and self.starts == starts:
            yield 50
        if self.starts != starts:
            return None
        self.busy = False
        return self.answer

    def _receive(self, frame: bytes, link: Link) -> None:
        before, at_ms, failures = self.running(), self.uptime(), link.failures
        draws = draws_from(self.rng.randbytes(DRAWN_BYTES))
        step = device.received(before, frame, at_ms, draws, failures=failures)
        if self.rng.random() < self.luck.write_fails and flash.differs(before, step.tower):
            step = device.unwritten(before, frame, at_ms, draws, failures=failures)
            demand(not any(isinstance(one, Fire) for one in step.effects), 9, "a pulse without a journal")
        link.failures += step.counted
        self.take(step)

    def enter_code(self, code: str) -> Generator[int, None, KeypadSays | None]:
        """Digits and the confirm key; what the keypad shows, None if the power went."""
        while self.busy:
            yield 100
        if self.state is None:
            return None
        starts, self.busy, self.shown = self.starts, True, None
        try:
            self.tick()
            self.take(device.code_entered(self.running(), code, self.uptime()))
        except PowerCut:
            return None
        while self.shown is None and self.starts == starts:
            yield 50
        if self.starts != starts:
            return None
        self.busy = False
        return self.shown

    def tick(self) -> None:
        """What the shell does every second. Raises PowerCut."""
        self.take(device.ticked(self.running(), self.uptime()))

    def tick_if_on(self) -> None:
        try:
            self.tick()
        except PowerCut:
            return

    def read(self, *numbers: int) -> None:
        """Reads doors, all of them without a number."""
        if self.state is None:
            return
        shown = {}
        for number in numbers or self.state.lockers:
            port = self.state.lockers[number].port
            if port >= 0:
                shown[port] = self.cabinet.compartments[number].contact()
        try:
            self.take(device.doors(self.state, shown, self.uptime()))
        except PowerCut:
            return

    # what goes out

    def take(self, step: Step) -> None:
        """Stores a step, then carries out its effects in their order. Raises PowerCut."""
        if step.tower is not self.state:
            self._keep(step.tower)
        for effect in step.effects:
            if isinstance(effect, Answer):
                self.answer = effect
            elif isinstance(effect, KeypadSays):
                self.shown = effect
            elif isinstance(effect, Fire):
                self._fire(effect)

    def _fire(self, fire: Fire) -> None:
        self._may_fire(fire.number)
        outcome = self._pulse(fire.number)
        self._cut(self.luck.cut_after_pulse)
        self.take(device.fired(self.running(), outcome, self.uptime()))
        starts = self.starts

        def if_still_on(number: int | None) -> None:
            if self.starts == starts:
                self.read(number) if number is not None else self.tick_if_on()

        self.agenda.after(self.rng.choice((120, 250, 600)), lambda: if_still_on(fire.number))
        self.agenda.after(3200, lambda: if_still_on(None))

    def _may_fire(self, number: int) -> None:
        """Invariants 13 and 14, and that the intent is in the journal, at the moment of the pulse."""
        tower = self.running()
        demand(not self.harmless, 14, f"a message that must do nothing fired locker {number} of {self.name}")
        opening = self.flash.lasting.intent
        if opening is None or opening.number != number:
            demand(False, 9, f"locker {number} of {self.name} is fired without an intent")
            return
        locker, retry = tower.lockers[number], opening.reason == REOPENED and opening.change is not None
        if opening.reason in BY_TOKEN or retry:
            alive = opening.generation > locker.retired and opening.generation >= locker.generation
            demand(alive, 14, f"token {opening.token_id}, which is dead, opens locker {number} of {self.name}")
        self.openings += 1

    def _pulse(self, number: int) -> PulseOutcome:
        """What the lock board does, and what it says."""
        luck, rng = self.luck, self.rng
        door = self.cabinet.compartments[number]
        door.unreadable = door.sensor != NOT_USABLE and rng.random() < luck.unreadable
        if rng.random() < luck.pulse_fails:
            return "failed"
        in_doubt = rng.random() < luck.pulse_in_doubt
        if not door.jams and rng.random() < luck.jams and door.sensor != NOT_USABLE:
            door.jams = rng.choice((1, 1, 2, 5))
        if not in_doubt or rng.random() < 0.5:
            self.cabinet.pulse(number)
        return "unknown" if in_doubt else "sent"
