"""One lock board: outputs, inputs, pulse timers, registers, power (lock-boards.md 6.2)."""

from collections.abc import Callable, Iterable
from functools import partial
from typing import Literal

from openharbor.boards.emulator.coil import Coil
from openharbor.boards.emulator.fault_kinds import SENSOR_KINDS
from openharbor.boards.emulator.lock import Lock, Parts
from openharbor.boards.emulator.sensing import bounce_edges, raw_bit
from openharbor.boards.emulator.supply import Supply
from openharbor.boards.emulator.timeline import chance

Verdict = Literal["done", "cooldown"]
SEQUENCE_PULSE_MS, SEQUENCE_GAP_MS = 300, 100  # of a native open-all: 24 locks in under 10 s (3.4)


class Board:
    """Electronics of one address. Locks are numbered from 1, whatever the family writes in its frames."""

    def __init__(self, address: int, count: int, supply: Supply, parts: Parts) -> None:
        self.address = address
        self.supply = supply
        self.locks = {number: Lock(number, self, parts) for number in range(1, count + 1)}
        self.coils = {number: Coil(address, lock, supply, parts) for number, lock in self.locks.items()}
        self.items = dict.fromkeys(self.locks, False)  # item sensors: something inside
        self.modes = dict.fromkeys(range(1, 33), 0)  # Waveshare: what drives each relay
        self.epoch = 0  # counts starts: what was pending before one is lost
        self.busy = False  # CU16: hears nothing but a reset
        self.on_input: Callable[[int, bool | None], None] = lambda _lock, _bit: None
        self.on_release: Callable[[Lock], None] = lambda _lock: None
        self.on_pulse: Callable[[int], None] = lambda _lock: None
        self._parts = parts
        self._deaf_until = 0
        self._following: set[int] = set()  # relays that their input switched on
        self._fired: dict[int, int] = {}  # when each lock was last fired, us
        spread = chance(parts.seed, "pulse", address).uniform(-1, 1) * parts.model.pulse_tolerance_percent / 100
        self._timer = 1 + spread
        self._bits = {number: self.bit(number) for number in self.locks}
        supply.feed(self)

    # ------------------------------------------------------------------ power

    @property
    def listens(self) -> bool:
        """Powered and started."""
        return self.supply.on and self._parts.timeline.now >= self._deaf_until

    def power_lost(self) -> None:
        self.epoch += 1
        self.busy = False
        self._fired.clear()
        for coil in self.coils.values():
            coil.off()

    def boot(self) -> None:
        self._deaf_until = self._parts.timeline.now + round(self._parts.model.boot_ms * 1000)

    def reboot(self) -> None:
        """Starts again by itself."""
        self._parts.trace.add("power", board=self.address, detail="reboot")
        self.power_lost()
        self.boot()

    # ------------------------------------------------------------------ outputs

    def unlock(self, number: int, ms: float | None = None) -> Verdict:
        """One pulse, as an unlock command asks for it; `ms` None: the board's own time. Truth faults act here."""
        faults, address = self._parts.faults, self.address
        if self.cooling(number):
            return "cooldown"
        if faults.take("replies_without_acting", address, number):
            return "done"
        wrong = faults.take("fires_wrong_lock", address, number)
        if wrong:
            self._fire(self._other(number, int(wrong.number("fires"))), ms, by_fault=True)
        else:
            self._fire(number, ms)
        twice = faults.take("fires_twice", address, number)
        if twice:
            wait = self._real(ms or self._parts.model.pulse_ms) + twice.number("gap_ms")
            self._later(wait, lambda: self._fire(number, ms, by_fault=True))
        self._fired[number] = self._parts.timeline.now
        self.busy = faults.take("busy_after_unlock", address, number) is not None
        return "done"

    def cooling(self, number: int) -> bool:
        """Whether the duty-cycle protection refuses this lock now."""
        fault = self._parts.faults.active("cooldown", self.address, number)
        limit = self._parts.model.cooldown_ms if fault is None else fault.number("ms")
        since = self._fired.get(number)
        cooling = since is not None and (self._parts.timeline.now - since) / 1000 < limit
        if cooling and fault is not None:
            self._parts.faults.strike(fault, self.address, number)
        return cooling

    def sequence(self, numbers: Iterable[int]) -> float:
        """A native open-all: one after another. Gives the ms until the last pulse has ended."""
        at, pulse = 0.0, min(self._parts.model.pulse_ms, SEQUENCE_PULSE_MS)
        for number in numbers:
            self._later(at, partial(self._fire, number, pulse))
            at += self._real(pulse) + SEQUENCE_GAP_MS
        return at

    def together(self, numbers: Iterable[int]) -> None:
        """Several coils at once, as a `never` frame asks for it."""
        for number in numbers:
            if self.supply.on and self.listens:
                self._fire(number, None)

    def hold(self, number: int, *, by_fault: bool = False) -> None:
        """Output on, with no timer to end it."""
        self.coils[number].hold(by_fault=by_fault)

    def release(self, number: int) -> None:
        """Output off by command."""
        if self.coils[number].on:
            self.coils[number].time_out()

    def all_off(self) -> None:
        for number in self.coils:
            self.release(number)

    # ------------------------------------------------------------------ inputs

    def bit(self, number: int) -> bool | None:
        """The input bit as it is now."""
        return raw_bit(self.address, self.locks, number, self._parts)

    def reading(self, numbers: Iterable[int] | None = None) -> list[bool | None]:
        """The input bits for an answer, all by default; sensor faults with a count strike once an answer."""
        wanted = list(self.locks if numbers is None else numbers)
        bits = [self.bit(number) for number in wanted]
        for fault in self._parts.faults.counted(SENSOR_KINDS, self.address):
            if fault.lock is None or fault.lock in wanted:
                self._parts.faults.strike(fault, self.address, fault.lock)
        return bits

    def lock_moved(self, lock: Lock) -> None:
        before, lock.shown = lock.shown, lock.contact
        if before != lock.shown:
            lock.edge_us = self._parts.timeline.now
            for edge in bounce_edges(self.address, lock, self._parts):
                self._parts.timeline.after(edge, self.inputs_changed)
        self.inputs_changed()

    def lock_released(self, lock: Lock) -> None:
        self.on_release(lock)

    def inputs_changed(self) -> None:
        """Compares the input bits with what they were, and tells of each that changed."""
        for number in self.locks:
            bit = self.bit(number)
            if bit != self._bits[number]:
                self._bits[number] = bit
                self._follow_input(number)
                self.on_input(number, bit)

    def set_mode(self, number: int, mode: int) -> None:
        """What drives a relay: 0 commands, 1 its input, as boards of Waveshare can be set."""
        self.modes[number] = mode
        if number in self.locks:
            self._follow_input(number)

    def unstick(self) -> None:
        """Welded contacts come free."""
        for coil in self.coils.values():
            coil.unstick()

    def reset(self) -> None:
        """Coils off, doors shut, no cooldown."""
        self._fired.clear()
        self.busy = False
        for coil in self.coils.values():
            coil.off()
        for lock in self.locks.values():
            lock.reset()

    # ------------------------------------------------------------------ inside

    def _fire(self, number: int, ms: float | None, *, by_fault: bool = False) -> None:
        ordered = self._parts.model.pulse_ms if ms is None else ms
        drift = self._parts.faults.take("pulse_timer_drift", self.address, number)
        real = self._real(ordered) * (1 + drift.number("percent") / 100 if drift else 1)
        self.coils[number].pulse(ordered, real_ms=real, by_fault=by_fault)
        self.on_pulse(number)

    def _follow_input(self, number: int) -> None:
        linked, coil = self.modes.get(number) == 1, self.coils[number]
        if linked and self.bit(number) and self.listens and not coil.on:
            self._following.add(number)
            coil.hold(by_fault=True)
        elif number in self._following and not (linked and self.bit(number)):
            self._following.discard(number)
            coil.off()

    def _real(self, ms: float) -> float:
        return ms * self._timer

    def _later(self, ms: float, act: Callable[[], None]) -> None:
        """Plans something that a restart of the board forgets."""
        epoch = self.epoch
        if ms <= 0:
            act()
        else:
            self._parts.timeline.after(ms, lambda: act() if self.epoch == epoch else None)

    def _other(self, number: int, told: int) -> int:
        return told if told in self.locks else number % len(self.locks) + 1
