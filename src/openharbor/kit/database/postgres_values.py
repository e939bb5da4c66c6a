"""Values on their way to PostgreSQL and back: the same Python values as SQLite takes and gives.

Parameters travel in binary form (a NUL in a text is refused by the server, not cut off here), results as text.
Flags are integers, sums of integers are integers.
"""

import struct
from binascii import unhexlify
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import psycopg

if TYPE_CHECKING:
    from psycopg.pq.abc import PGresult

# Type numbers, the same in every PostgreSQL (pg_type.dat).
BOOL, BYTEA, INT8, INT2, INT4, TEXT, OID, FLOAT4, FLOAT8, NUMERIC = 16, 17, 20, 21, 23, 25, 26, 700, 701, 1700
NULL = 0  # no type of the server's

Encoder = tuple[int, Callable[..., bytes]]
Decoder = Callable[[bytes], object]


class _Encoders(dict[type, Encoder]):
    """By type; a subclass (an enumeration's members, say) is written as what it is derived from."""

    def __missing__(self, kind: type) -> Encoder:
        for parent in kind.__mro__[1:]:
            if parent in self:
                self[kind] = self[parent]
                return self[parent]
        raise psycopg.ProgrammingError(f"a value of type {kind.__name__} cannot be stored")


def _integer(value: int) -> bytes:
    return value.to_bytes(8, "big", signed=True)  # OverflowError beyond 64 bits, as with SQLite


_ENCODERS = _Encoders(
    {
        int: (INT8, _integer),
        bool: (INT8, _integer),
        str: (TEXT, str.encode),
        float: (FLOAT8, struct.Struct(">d").pack),
        bytes: (BYTEA, bytes),
    }
)


def encode(names: tuple[str, ...], values: dict[str, object]) -> tuple[tuple[int, ...], list[bytes]]:
    """The types of the named values, and the bytes of those that are not NULL.

    Raises psycopg.ProgrammingError, OverflowError, UnicodeError.
    """
    types: list[int] = []
    data: list[bytes] = []
    for name in names:
        try:
            value = values[name]
        except KeyError:
            raise psycopg.ProgrammingError(f"the statement has no value for :{name}") from None
        if value is None:
            types.append(NULL)
        else:
            kind, write = _ENCODERS[type(value)]
            types.append(kind)
            data.append(write(value))
    return tuple(types), data


def _numeric(text: bytes) -> object:
    return int(text) if text.lstrip(b"-").isdigit() else float(text)


_DECODERS: dict[int, Decoder] = {
    BOOL: lambda text: int(text == b"t"),
    BYTEA: lambda text: unhexlify(text[2:]),
    INT8: int,
    INT2: int,
    INT4: int,
    OID: int,
    FLOAT4: float,
    FLOAT8: float,
    NUMERIC: _numeric,
}


class Columns:
    """The columns of a statement's rows: their places by name, and how each is read."""

    __slots__ = ("decoders", "places")

    def __init__(self, result: "PGresult") -> None:
        count = range(result.nfields)
        self.places = {(result.fname(column) or b"").decode(): column for column in count}
        self.decoders = [(column, _DECODERS.get(result.ftype(column), bytes.decode)) for column in count]

    def row(self, result: "PGresult", number: int) -> "PostgresRow":
        get = result.get_value
        values = [None if (text := get(number, column)) is None else decode(text) for column, decode in self.decoders]
        return PostgresRow(self.places, values)


class PostgresRow:
    """`face.Row`; like SQLite's also by place, and in order."""

    __slots__ = ("_places", "_values")

    def __init__(self, places: dict[str, int], values: list[object]) -> None:
        self._places, self._values = places, values

    def __getitem__(self, column: str | int, /) -> object:
        if isinstance(column, int):
            return self._values[column]
        try:
            return self._values[self._places[column]]
        except KeyError:
            raise IndexError(f"the row has no column {column}") from None

    def keys(self) -> list[str]:
        return list(self._places)

    def __iter__(self) -> Iterator[object]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)
