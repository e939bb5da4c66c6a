"""From addresses to boards: which share a line, which share a power supply (lock-boards.md 4.1, 4.2)."""

from collections.abc import Mapping
from random import Random

from openharbor.boards.address import Address, Line, conflicts
from openharbor.boards.board import LockBoard
from openharbor.boards.bus import Bus
from openharbor.boards.line import connector
from openharbor.boards.outcomes import Board
from openharbor.boards.supply import Supply
from openharbor.boards.timing import BoardSettings, Settings, line_times
from openharbor.boards.traffic import Counters
from openharbor.kit.clock import Clock

__all__ = ["BoardSettings", "Settings", "Wiring", "wire"]


class Wiring:
    """The boards of one process by controller id, their lines and supplies."""

    def __init__(self, *, clock: Clock, settings: Settings, random: Random) -> None:
        self.boards: dict[int, Board] = {}
        self._clock, self._settings, self._random = clock, settings, random
        self._addresses: dict[int, Address] = {}
        self._drivers: dict[int, LockBoard] = {}
        self._buses: dict[Line, Bus] = {}
        self._supplies: dict[Line, Supply] = {}
        self._started = False

    async def start(self) -> None:
        """Returns at once; hardware that is absent comes when it comes."""
        self._started = True
        for bus in self._buses.values():
            bus.start()
        for board in self._drivers.values():
            await board.start()

    async def stop(self) -> None:
        """No frame after it returns."""
        self._started = False
        for board in self._drivers.values():
            await board.stop()
        for bus in self._buses.values():
            await bus.stop()

    async def add(self, controller_id: int, address: Address) -> Board:
        """One more board, started if the others are. Raises ValueError where it cannot stand beside them (5.1)."""
        found = conflicts({**self._addresses, controller_id: address}) if self._addresses else []
        if controller_id in self._drivers or found:
            raise ValueError(found[0].message if found else f"controller {controller_id} has a board")
        board = self.place(controller_id, address)
        if self._started:
            await board.start()
        return board

    async def remove(self, controller_id: int) -> None:
        """Takes a board away; its line is closed with its last board. Raises KeyError."""
        board = self._drivers.pop(controller_id)
        del self.boards[controller_id]
        line = self._addresses.pop(controller_id).line
        await board.stop()
        if all(address.line != line for address in self._addresses.values()):
            await self._buses.pop(line).stop()

    def counters(self) -> dict[str, Counters]:
        """What passed on each line, by its name."""
        return {bus.name: bus.counters for bus in self._buses.values()}

    def place(self, controller_id: int, address: Address) -> LockBoard:
        """Puts a board on its line and its supply; it is not started."""
        self._addresses[controller_id] = address
        bus = self._bus(address)
        supply = self._supplies.setdefault(address.supply_key, Supply(self._clock))
        board = LockBoard(address, bus, supply, settings=self._settings, clock=self._clock)
        self._drivers[controller_id] = self.boards[controller_id] = board
        return board

    def _bus(self, address: Address) -> Bus:
        times = line_times(one for one in self._addresses.values() if one.line == address.line)
        bus = self._buses.get(address.line)
        if bus is not None:
            bus.times = times
            return bus
        bus = Bus(":".join(address.line), connector(address), times, clock=self._clock, random=self._random)
        self._buses[address.line] = bus
        if self._started:
            bus.start()
        return bus


def wire(addresses: Mapping[int, Address], *, clock: Clock, settings: Settings, random: Random) -> Wiring:
    """The boards at these addresses, by controller id; nothing is connected before `start`. Raises ValueError where two
    cannot stand beside each other (5.1)."""
    clashes = conflicts(addresses)
    if clashes:
        raise ValueError("; ".join(f"controller {clash.second}: {clash.message}" for clash in clashes))
    wiring = Wiring(clock=clock, settings=settings, random=random)
    for controller_id, address in addresses.items():
        wiring.place(controller_id, address)
    return wiring
