"""What an import comes to for lockers: rows, and what a tower that is in service must be told. Pure."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

import msgspec

from openharbor.cloud.catalog.catalog import Locker
from openharbor.cloud.catalog.import_faults import Fault
from openharbor.cloud.catalog.import_lockers import NO_PORT
from openharbor.cloud.catalog.import_present import Columns, Difference, Present, drawn
from openharbor.cloud.catalog.views import decode_locker
from openharbor.cloud.lockers.locker import HELD, Status
from openharbor.cloud.lockers.locker import Locker as State
from openharbor.cloud.lockers.states import as_of
from openharbor.cloud.towers.commands import WireCommand, configure_locker

WIRED = ("port", "type_id", "door_sensor")  # what the tower has to know
KEYS = {"port": "first_port", "type_id": "type", "door_sensor": "door_sensor"}
SHOWN = ("name", "type_id", "low", "port", "door_sensor")


class LockerPlan(msgspec.Struct, frozen=True):
    """`commands` by tower, in their order. `clashes` with lockers that the file leaves out are faults too."""

    difference: Difference
    commands: Mapping[str, Sequence[WireCommand]]
    faults: tuple[Fault, ...]
    clashes: tuple[Fault, ...]


def plan_lockers(
    wanted: Sequence[Locker], present: Present, type_ids: Mapping[str, int], now: int
) -> tuple[LockerPlan, int]:
    """The plan, and the first id that nobody has after it. A type that is not known is told elsewhere."""
    asked = [one for one in wanted if one.type in type_ids]
    chosen = frozenset(one.id for one in asked if one.id is not None)
    ids = drawn(present.next_ids["lockers"], chosen)
    create, change, commands = [], [], defaultdict[str, list[Columns]](list)
    for one in asked:
        before = present.lockers.get((one.tower_id, one.number))
        if before is None:
            row = _new(one, type_ids[one.type], next(ids) if one.id is None else one.id, present)
            create.append(row)
        else:
            row = _changed(one, type_ids[one.type], before)
            if row == before:
                continue
            change.append(row)
        if one.tower_id in present.provisioned and _rewired(row, before):
            commands[one.tower_id].append(row)
    known = {(one.tower_id, one.number) for one in wanted}
    missing = tuple(f"{tower}/{number}" for tower, number in sorted(present.lockers) if (tower, number) not in known)
    unchanged = len(asked) - len(create) - len(change)
    plan = LockerPlan(
        Difference(tuple(create), tuple(change), unchanged, missing),
        {tower: _told(rows, present) for tower, rows in commands.items()},
        tuple(_faults(wanted, present, type_ids, now)),
        tuple(_clashes(wanted, present)),
    )
    return plan, max(next(ids), max(chosen, default=0) + 1)


def _new(one: Locker, type_id: int, locker_id: int, present: Present) -> Columns:
    """Out of service until its tower has a key (locker-states.md, E8)."""
    status = Status.AVAILABLE if one.tower_id in present.provisioned else Status.OUT_OF_SERVICE
    state = State(locker_id=locker_id, tower_id=one.tower_id, number=one.number, type_id=type_id, status=status)
    return {
        "id": locker_id,
        "tower_id": one.tower_id,
        "number": one.number,
        **_shown(one, type_id),
        "status": int(status),
        "state": msgspec.json.encode(state).decode(),
    }


def _changed(one: Locker, type_id: int, before: Columns) -> Columns:
    row = {**before, **_shown(one, type_id)}
    if type_id != before["type_id"]:
        state = msgspec.structs.replace(decode_locker(before["state"]), type_id=type_id)
        row["state"] = msgspec.json.encode(state).decode()
    return row


def _shown(one: Locker, type_id: int) -> Columns:
    return {
        "name": one.name,
        "type_id": type_id,
        "low": int(one.low),
        "port": one.port,
        "door_sensor": one.door_sensor,
    }


def _rewired(row: Columns, before: Columns | None) -> bool:
    return before is None or any(row[column] != before[column] for column in WIRED)


def _told(rows: Sequence[Columns], present: Present) -> tuple[WireCommand, ...]:
    """A port that goes from one locker to another is taken away first: two lockers never share a door in between."""
    wanted = {row["port"] for row in rows} - {NO_PORT}
    freed = []
    for row in rows:
        before = present.lockers.get((row["tower_id"], row["number"]))
        if before is not None and before["port"] in wanted and before["port"] != row["port"]:
            freed.append(_command({**row, "port": NO_PORT}))
    return (*freed, *(_command(row) for row in rows))


def _command(row: Columns) -> WireCommand:
    return configure_locker(row["number"], row["port"], row["type_id"], row["door_sensor"])


def _faults(wanted: Sequence[Locker], present: Present, type_ids: Mapping[str, int], now: int) -> Iterator[Fault]:
    for one in wanted:
        before = present.lockers.get((one.tower_id, one.number))
        yield from _id_faults(one, before, present)
        if before is not None and one.type in type_ids and _has_holder(before, now):
            after = _shown(one, type_ids[one.type])
            for column in WIRED:
                if after[column] != before[column]:
                    message = f"cannot change: locker {one.number} of tower {one.tower_id} has a holder"
                    yield Fault((*one.at, KEYS[column]), message)


def _has_holder(row: Columns, now: int) -> bool:
    return row["status"] in HELD and as_of(decode_locker(row["state"]), now).status in HELD


def _id_faults(one: Locker, before: Columns | None, present: Present) -> Iterator[Fault]:
    if one.id is None:
        return
    taken = present.locker_places.get(one.id)
    if before is not None and one.id != before["id"]:
        yield Fault((*one.at, "id"), f"must be {before['id']} or left out: it never changes")
    elif taken is not None and taken != (one.tower_id, one.number):
        yield Fault((*one.at, "id"), f"{one.id} is taken by locker {taken[1]} of tower {taken[0]}")


def _clashes(wanted: Sequence[Locker], present: Present) -> Iterator[Fault]:
    """Names and ports of lockers that the file leaves out: they keep them."""
    asked = {(one.tower_id, one.number) for one in wanted}
    names, ports = {}, {}
    for (tower, number), row in present.lockers.items():
        if (tower, number) not in asked:
            names[tower, row["name"]] = number
            ports[tower, row["port"]] = number
    for one in wanted:
        if (owner := names.get((one.tower_id, one.name))) is not None:
            yield Fault((*one.at, "names"), f"name {one.name} is taken by locker {owner}, which the file leaves out")
        owner = None if one.port == NO_PORT else ports.get((one.tower_id, one.port))
        if owner is not None:
            yield Fault(
                (*one.at, "first_port"), f"port {one.port} is taken by locker {owner}, which the file leaves out"
            )
