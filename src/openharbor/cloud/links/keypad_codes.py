"""The keypad code that a link gives to a recipient; two lockers of a tower never share one (blink-protocol.md 11.4)."""

from collections.abc import Collection

DIGITS = 6
CODES = 10**DIGITS


def make_code(randomness: bytes, taken: Collection[str]) -> str:
    """Six digits that are not `taken`. `randomness`: 8 random bytes or more.

    Raises ValueError when every code is taken.
    """
    first = int.from_bytes(randomness, "big") % CODES
    for step in range(CODES):
        code = f"{(first + step) % CODES:0{DIGITS}d}"
        if code not in taken:
            return code
    raise ValueError(f"all {CODES} keypad codes of the tower are taken")
