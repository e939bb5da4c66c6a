"""The cabinets in memory of this process, by name: the same name is the same cabinet."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from openharbor.boards.emulator.emulator import Emulator

_cabinets: "dict[str, Emulator]" = {}


def enter(name: str, cabinet: "Emulator") -> None:
    """Names a cabinet. Raises ValueError when the name is taken by a living one."""
    taken = find(name)
    if taken is not None and taken is not cabinet:
        raise ValueError(f"a virtual cabinet {name!r} exists already")
    _cabinets[name] = cabinet


def leave(name: str, cabinet: "Emulator") -> None:
    """Takes the name away, if it is this cabinet's."""
    if _cabinets.get(name) is cabinet:
        del _cabinets[name]


def find(name: str) -> "Emulator | None":
    """The cabinet of that name; one whose event loop has ended is gone."""
    cabinet = _cabinets.get(name)
    if cabinet is not None and cabinet.lost:
        del _cabinets[name]
        return None
    return cabinet
