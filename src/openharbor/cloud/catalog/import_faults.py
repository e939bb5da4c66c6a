"""What is wrong with a catalog file, and where: `FILE:LINE: place: what is wrong`."""

from collections.abc import Iterable

import msgspec

from openharbor.cloud.catalog.toml_lines import Path, line_of, lines_of


class Fault(msgspec.Struct, frozen=True):
    """`path` of table, positions from 0 and key; () is the whole file. `line`: where it is known without the path."""

    path: Path
    message: str
    line: int | None = None

    def __str__(self) -> str:
        return f"{place(self.path)}: {self.message}" if self.path else self.message


def place(path: Path) -> str:
    """In words, positions from 1: `locations[1].towers[2].id`."""
    text = ""
    for step in path:
        text += f"[{step + 1}]" if isinstance(step, int) else f".{step}"
    return text.removeprefix(".")


def told(faults: Iterable[Fault], file: str, text: str) -> str:
    """Each on a line of its own, in the order of the file."""
    lines = lines_of(text)
    placed = [(line_of(lines, fault.path) if fault.line is None else fault.line, str(fault)) for fault in faults]
    return "\n".join(f"{file}:{line}: {said}" for line, said in sorted(set(placed)))
