"""An emulated cabinet on a line that a driver can use."""

import itertools
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Self, Unpack

from openharbor.boards.emulator import addresses, registry
from openharbor.boards.emulator.cabinet import Cabinet
from openharbor.boards.emulator.cable import Cable
from openharbor.boards.emulator.families import Transport, family_named
from openharbor.boards.emulator.faults import Faults
from openharbor.boards.emulator.grammar import wire_of
from openharbor.boards.emulator.lock import Lock
from openharbor.boards.emulator.memory import Duplex, PipeFace
from openharbor.boards.emulator.model import Model, Options
from openharbor.boards.emulator.pty import PtyFace
from openharbor.boards.emulator.runner import Runner, timeline_of
from openharbor.boards.emulator.tcp import TcpFace
from openharbor.boards.emulator.trace import Pulse, Trace, Violation
from openharbor.kit.clock import Clock, SystemClock

_numbers = itertools.count(1)


class Emulator:
    """One line of emulated boards: `async with Emulator(family="wkly", boards=[0], locks=24) as emu`.

    `boards`: addresses on the line; `supplies` names the supply of a board where it is not the common one. `transport`:
    tcp on 127.0.0.1, pty, or pipe (reached as `virtual://name`). Further options as in `Model`. Raises ValueError
    naming an option out of range, and its limit.
    """

    def __init__(
        self,
        family: str = "wkly",
        boards: Sequence[int] | None = None,
        locks: int | Mapping[int, int] | None = None,
        *,
        seed: int = 7,
        transport: Transport = "tcp",
        clock: Clock | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
        name: str | None = None,
        supplies: Mapping[int, str] | None = None,
        **options: Unpack[Options],
    ) -> None:
        self.family = family_named(family)
        if transport not in self.family.lines:
            raise ValueError(f"{family} has no {transport} line, only {', '.join(self.family.lines)}")
        self.clock: Clock = clock or SystemClock()
        self.transport = transport
        self.name = (name or f"emulator-{next(_numbers)}").lower()
        self.cabinet = Cabinet(self.family, timeline_of(self.clock), seed=seed, model=Model(**options), line=transport)
        if boards is not None and not boards:
            raise ValueError("boards must name at least one address")
        for address in [self.family.default_board] if boards is None else boards:
            count = locks.get(address) if isinstance(locks, Mapping) else locks
            self.cabinet.add_board(address, count or self.family.locks, (supplies or {}).get(address, "main"))
        self.cable = Cable(self.cabinet, wire_of(self.cabinet), serial=transport == "pty")
        self.face = self._face(host, port)
        self._runner = Runner(self.cabinet.timeline, self.clock)

    async def start(self) -> Self:
        await self.face.start()
        self._runner.start()
        if isinstance(self.face, PipeFace):
            registry.enter(self.name, self)
        return self

    async def stop(self) -> None:
        """Ends it; connections are cut. May be called again."""
        registry.leave(self.name, self)
        await self.face.stop()
        await self._runner.stop()

    async def __aenter__(self) -> Self:
        return await self.start()

    async def __aexit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _at: TracebackType | None
    ) -> None:
        await self.stop()

    def url(self, board: int | None = None) -> str:
        """The connection URL of a board (default: the first), ready to use as it stands."""
        address = next(iter(self.cabinet.boards)) if board is None else board
        return addresses.url(self.cabinet, address, self.face.place)

    @property
    def locks(self) -> Mapping[int, Mapping[int, Lock]]:
        """Locks by board and number."""
        return self.cabinet.locks()

    @property
    def faults(self) -> Faults:
        return self.cabinet.faults

    @property
    def trace(self) -> Trace:
        self.cabinet.timeline.catch_up()
        return self.cabinet.trace

    @property
    def pulses(self) -> list[Pulse]:
        """Every pulse that reached a solenoid, oldest first."""
        return list(self.trace.pulses)

    @property
    def lost(self) -> bool:
        """The event loop it was started on is gone."""
        return self._runner.lost

    def violations(self, *, all_of_them: bool = False) -> list[Violation]:
        """Rules of lock-boards.md 6.5 that the driver broke; those that an injected fault broke only on request."""
        return self.cabinet.violations(all_of_them=all_of_them)

    def reset(self) -> None:
        """All faults off, power on, doors shut, trace empty."""
        self.cabinet.reset()

    def open_pipe(self) -> Duplex:
        """A driver's end of the line. Only for transport "pipe"; raises TypeError otherwise."""
        if not isinstance(self.face, PipeFace):
            raise TypeError(f"a {self.transport} line has no pipe")
        return self.face.open()

    def _face(self, host: str, port: int) -> TcpFace | PtyFace | PipeFace:
        if self.transport == "tcp":
            return TcpFace(self.cable, self.cabinet.faults, host, port)
        return PtyFace(self.cable, self.cabinet.faults) if self.transport == "pty" else PipeFace(self.cable, self.name)
