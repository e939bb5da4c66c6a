"""`virtual://name`: a cabinet inside this process (lock-boards.md 6.1)."""

from typing import Protocol

from openharbor.boards.emulator import registry
from openharbor.boards.emulator.emulator import Emulator
from openharbor.boards.emulator.families import family_named
from openharbor.boards.emulator.memory import Duplex
from openharbor.boards.emulator.model import Feedback, Options
from openharbor.kit.clock import Clock

__all__ = ["Duplex", "VirtualAddress", "open_virtual", "virtual_cabinet"]

LOCKERS = 16


class VirtualAddress(Protocol):
    """What a connection URL `virtual://name?lockers=16` tells: `family` is the protocol it speaks."""

    @property
    def name(self) -> str: ...

    @property
    def family(self) -> str: ...

    @property
    def board(self) -> int: ...

    @property
    def locks(self) -> int | None: ...

    @property
    def feedback(self) -> Feedback | None: ...


async def open_virtual(address: VirtualAddress) -> Duplex:
    """The driver's end of a pipe to the cabinet of that name. The same name is the same cabinet in one process."""
    options: Options = {} if address.feedback is None else {"feedback": address.feedback}
    cabinet = await virtual_cabinet(
        address.name, lockers=address.locks or LOCKERS, speaks=address.family, board=address.board, options=options
    )
    return cabinet.open_pipe()


async def virtual_cabinet(
    name: str,
    *,
    lockers: int = LOCKERS,
    speaks: str = "wkly",
    board: int | None = None,
    clock: Clock | None = None,
    options: Options | None = None,
) -> Emulator:
    """The cabinet of that name, with this board on its line; made when it does not exist yet.

    A cabinet lives until its event loop ends, and keeps its doors as they are. Raises ValueError when it exists with
    another protocol or another number of lockers.
    """
    address = family_named(speaks).default_board if board is None else board
    found = registry.find(name)
    if found is None:
        made = Emulator(speaks, [address], lockers, transport="pipe", name=name, clock=clock, **(options or {}))
        return await made.start()
    if found.family.name != speaks:
        raise ValueError(f"virtual cabinet {name!r} speaks {found.family.name}, not {speaks}")
    if address not in found.cabinet.boards:
        found.cable.connect(found.cabinet.add_board(address, lockers))
    elif len(found.cabinet.boards[address].locks) != lockers:
        raise ValueError(f"virtual cabinet {name!r} has {len(found.cabinet.boards[address].locks)} lockers")
    return found
