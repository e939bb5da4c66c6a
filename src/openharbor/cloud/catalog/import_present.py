"""What the database has of a catalog, and how that is compared with what a file asks for. Pure."""

from collections.abc import Iterator, Mapping, Sequence, Set
from itertools import count
from typing import Any

import msgspec

from openharbor.cloud.catalog.import_faults import Fault
from openharbor.cloud.catalog.toml_lines import Path

Columns = dict[str, Any]


class Present(msgspec.Struct, frozen=True):
    """Rows by what they are found again by. `lockers`: of the file's towers, by tower and number.

    `keyless_organizations` were made by a command. `locker_places`: tower and number of the ids that the file gives.
    `provisioned`: the file's towers that have a key. `next_ids`: the first number by table that nobody has or had.
    """

    organizations: Mapping[str, Columns]
    keyless_organizations: Sequence[Columns]
    locker_types: Mapping[int, Columns]
    locations: Mapping[str, Columns]
    towers: Mapping[str, Columns]
    organizations_of: Mapping[str, frozenset[int]]
    provisioned: Set[str]
    lockers: Mapping[tuple[str, int], Columns]
    locker_places: Mapping[int, tuple[str, int]]
    next_ids: Mapping[str, int]


class Difference(msgspec.Struct, frozen=True):
    """Rows of one table. `missing`: by name, what the file leaves out."""

    create: tuple[Columns, ...] = ()
    change: tuple[Columns, ...] = ()
    unchanged: int = 0
    missing: tuple[str, ...] = ()


def differing(wanted: Sequence[Columns], known: Mapping[Any, Columns], key: str) -> Difference:
    """The wanted rows sorted into new, changed and unchanged by their `key`."""
    create = tuple(row for row in wanted if row[key] not in known)
    change = tuple(row for row in wanted if row[key] in known and row != known[row[key]])
    asked = {row[key] for row in wanted}
    missing = tuple(sorted(_name(row, key) for found, row in known.items() if found not in asked))
    return Difference(create, change, len(wanted) - len(create) - len(change), missing)


def _name(row: Columns, key: str) -> str:
    """What people call it: a locker type by its name, all else by what it is found by."""
    return str(row["name"]) if isinstance(row[key], int) else str(row[key])


def drawn(first: int, taken: Set[int]) -> Iterator[int]:
    """Numbers from `first` on that are not taken."""
    return (number for number in count(first) if number not in taken)


def name_faults(wanted: Sequence[tuple[Path, Any, str]], known: Mapping[Any, Columns], what: str) -> Iterator[Fault]:
    """Names (place, found by, name) that something else keeps which the file leaves as it is."""
    changing = {key for _, key, _ in wanted}
    kept = {row["name"]: key for key, row in known.items() if key not in changing}
    for path, _, name in wanted:
        if name in kept:
            yield Fault(path, f"{name} is the name of {what} {kept[name]} already")
