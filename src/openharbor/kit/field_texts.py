"""Values out of text, strictly: what a path, a query, a header or an environment variable says of a typed field."""

import math
import re
from collections.abc import Callable

from msgspec import inspect

Reader = Callable[[str], object]

INTEGER = re.compile(r"-?(0|[1-9][0-9]{0,999})")
NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")


def reader_of(node: inspect.Type) -> Reader | None:
    """What reads text for a field of this type, raising ValueError; None: the text is the value."""
    if isinstance(node, inspect.Metadata):
        return reader_of(node.type)
    readers: dict[type, Reader] = {inspect.IntType: integer, inspect.BoolType: boolean, inspect.FloatType: number}
    return readers.get(type(node))


def integer(text: str) -> int:
    """Decimal digits as JSON has them, at most 1,000."""
    if not INTEGER.fullmatch(text):
        raise ValueError(text)
    return int(text)


def boolean(text: str) -> bool:
    """`true` or `false` and nothing else."""
    if text not in ("true", "false"):
        raise ValueError(text)
    return text == "true"


def number(text: str) -> float:
    """A finite number as JSON has them."""
    if not NUMBER.fullmatch(text) or not math.isfinite(value := float(text)):
        raise ValueError(text)
    return value
