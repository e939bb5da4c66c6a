"""What is the same for every board of a family, as the tables of lock-boards.md 1, 3 and 4.8 give it."""

import math
from dataclasses import dataclass
from typing import Literal

Transport = Literal["tcp", "pty", "pipe"]
ANY_LINE: tuple[Transport, ...] = ("tcp", "pty", "pipe")


@dataclass(frozen=True, slots=True)
class Family:
    """`read_ms` and `unlock_ms`: how long a driver waits for the answer. `baud` None: no serial form."""

    name: str
    baud: int | None
    boards: range
    most_locks: int
    locks: int
    default_locks: int | None  # what the connection URL may leave out
    feedback: str
    read_ms: int
    unlock_ms: int
    address_name: Literal["board", "unit"] = "board"
    default_board: int = 0
    lines: tuple[Transport, ...] = ANY_LINE


FAMILIES = {
    family.name: family
    for family in (
        Family("kerong-cu16", 19200, range(10), 16, 16, 16, "closed_is_1", 300, 1500),
        Family("kerong-cu24", 19200, range(10), 24, 24, 24, "closed_is_1", 300, 1500),
        Family("kerong-cu48", 19200, range(256), 48, 48, 48, "closed_is_1", 300, 1500),
        Family("xor8a80", 9600, range(1, 32), 56, 24, None, "closed_is_1", 750, 2000, default_board=1),
        Family("wkly", 9600, range(32), 64, 24, None, "closed_is_1", 300, 1500),
        Family("waveshare", 9600, range(1, 248), 32, 8, 8, "closed_is_1", 300, 300, "unit", 1),
        Family("modbus-tcp", None, range(1, 248), 32, 8, 8, "closed_is_1", 300, 300, "unit", 1, lines=("tcp", "pipe")),
        Family("winnsen", 9600, range(5), 16, 16, 16, "open_is_1", 500, 3000),
    )
}


def family_named(name: str) -> Family:
    """The family of that driver name. Raises ValueError that lists the names."""
    try:
        return FAMILIES[name]
    except KeyError:
        raise ValueError(f"protocol {name!r} is none of {', '.join(FAMILIES)}") from None


def silence_ms(baud: int, bits_per_character: int = 10) -> int:
    """How long the line must have been silent before a frame (lock-boards.md 2.1)."""
    return math.ceil(pause_ms(baud, bits_per_character) + 1)


def pause_ms(baud: int, bits_per_character: int = 10) -> float:
    """The pause a board needs to see, without the margin of 2.1; what a measurement is held to."""
    return 1.75 if baud > 19200 else 3.5 * bits_per_character * 1000 / baud
