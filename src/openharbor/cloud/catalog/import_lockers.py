"""The lockers of a catalog file: groups told apart into single ones, and what must be unique in a tower."""

from collections.abc import Iterable, Iterator
from typing import Any

from openharbor.cloud.catalog.catalog import Locker
from openharbor.cloud.catalog.import_faults import Fault, place
from openharbor.cloud.catalog.import_tables import Values, given
from openharbor.cloud.catalog.toml_lines import Path

MOST_NUMBER = 1023
MOST_PORT = 4095
NO_PORT = -1


def locker_group(values: Values, path: Path, tower_id: str, faults: list[Fault]) -> list[Locker]:
    """The lockers of one table; none where it has a fault. `values` are those of a whole table."""
    first, last = _span(values["numbers"])
    names, id_, port = given(values["names"]), given(values["id"]), values["first_port"]
    before = len(faults)
    faults += _group_faults(path, first, last, names, id_, port)
    if len(faults) > before:
        return []
    return [
        Locker(
            at=path,
            tower_id=tower_id,
            number=number,
            name=str(number) if names is None else names[number - first],
            id=id_,
            type=values["type"],
            low=values["low"],
            port=port if port == NO_PORT else port + number - first,
            door_sensor=values["door_sensor"],
        )
        for number in range(first, last + 1)
    ]


def _span(numbers: str) -> tuple[int, int]:
    first, _, last = numbers.partition("-")
    return int(first), int(last or first)


def _group_faults(
    path: Path, first: int, last: int, names: list[str] | None, id_: int | None, port: int
) -> Iterator[Fault]:
    count = last - first + 1
    if not first <= last <= MOST_NUMBER:
        yield Fault((*path, "numbers"), f'must be "n" or "first-last", of numbers 1 to {MOST_NUMBER}, first to last')
        return
    if names is not None and len(names) != count:
        yield Fault((*path, "names"), f"has {len(names)} names for {count} numbers; it must have one for each")
    if id_ is not None and count > 1:
        yield Fault((*path, "id"), f"is for one locker only; the table has {count} numbers")
    if port + count - 1 > MOST_PORT and port != NO_PORT:
        message = f"leaves no room for {count} lockers: the last would have port {port + count - 1}, beyond {MOST_PORT}"
        yield Fault((*path, "first_port"), message)


def lockers_twice(lockers: Iterable[Locker]) -> Iterator[Fault]:
    """Numbers, names and ports that two lockers of one tower share; one fault for each table and key."""
    first: dict[tuple[str, str, Any], Locker] = {}
    told: set[Path] = set()
    for locker in lockers:
        for key, value in _unique(locker):
            known = first.setdefault((locker.tower_id, key, value), locker)
            path = (*locker.at, key)
            if known is not locker and path not in told:
                told.add(path)
                yield Fault(path, f"{_word(key)} {value} is taken by locker {known.number} of {place(known.at)}")


def _unique(locker: Locker) -> Iterator[tuple[str, Any]]:
    yield "numbers", locker.number
    yield "names", locker.name
    if locker.port != NO_PORT:
        yield "first_port", locker.port


def _word(key: str) -> str:
    return {"numbers": "number", "names": "name", "first_port": "port"}[key]
