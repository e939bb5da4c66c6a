"""What a tower keeps over a power cut, on SQLite: one row a part, one an event (blink-protocol.md 12).

A step is stored as the difference of two states in one unit of work, so a cut leaves the old state or the new
one. The schema is in `migrations`.
"""

from collections.abc import Iterable
from typing import Any, TypeVar

import msgspec

from openharbor.blink.cbor import decode, encode
from openharbor.blink.event_maps import read_event, write_event
from openharbor.blink.events import Event
from openharbor.blink.provisioning import Settings
from openharbor.blink.refusals import Rejected
from openharbor.kit.database.face import Transaction
from openharbor.kit.errors import Failed
from openharbor.tower.activity import Activity
from openharbor.tower.device_clock import Clock
from openharbor.tower.event_log import EventLog
from openharbor.tower.lockers import Locker
from openharbor.tower.rotations import Rotation, keys_of
from openharbor.tower.state import Faults, Identity, Late, Opening, Tower

T = TypeVar("T")
Rows = list[dict[str, object]]


class Counters(msgspec.Struct, frozen=True, kw_only=True):
    """The numbers that only rise, and the clock's floor. `seal_with`: a rotation."""

    last_command: int
    boot_count: int
    first_event: int
    last_event: int
    epoch: int
    floor: int
    seal_with: int


class _Secret(msgspec.Struct, frozen=True):
    code_key: bytes

    def __repr__(self) -> str:
        return "_Secret()"


def _parts(tower: Tower) -> dict[str, msgspec.Struct]:
    parts: dict[str, msgspec.Struct] = {
        "identity": tower.identity,
        "settings": tower.settings,
        "secret": _Secret(tower.code_key),
        "counters": _counters(tower),
    }
    if tower.intent is not None:
        parts["intent"] = tower.intent
    if tower.faults != Faults():
        parts["faults"] = tower.faults
    parts |= {f"key:{number}": one for number, one in tower.keys.rotations.items()}
    parts |= {f"locker:{number}": one for number, one in tower.lockers.items()}
    parts |= {f"late:{number}": one for number, one in tower.late.items()}
    return parts


def _counters(tower: Tower) -> Counters:
    return Counters(
        last_command=tower.last_command,
        boot_count=tower.boot_count,
        first_event=tower.log.first,
        last_event=tower.log.last,
        epoch=tower.log.epoch,
        floor=tower.clock.floor,
        seal_with=tower.keys.seal_with,
    )


def differs(before: Tower, after: Tower) -> bool:
    """Whether anything that is kept changed: if not, a step needs no write."""
    return before.log.events is not after.log.events or _parts(before) != _parts(after)


def save(tx: Transaction, before: Tower | None, after: Tower) -> None:
    """Stores what is different. `before`: what is stored now; None: nothing is."""
    old = _parts(before) if before is not None else {}
    new = _parts(after)
    gone: Rows = [{"name": name} for name in old.keys() - new.keys()]
    # what is counted is no reason to write, and goes along
    changed = {name: part for name, part in new.items() if old.get(name) != part} | {"activity": after.activity}
    written: Rows = [{"name": name, "value": msgspec.json.encode(part).decode()} for name, part in changed.items()]
    if gone:
        tx.execute_many("DELETE FROM parts WHERE name = :name", gone)
    tx.execute_many(
        "INSERT INTO parts (name, value) VALUES (:name, :value)"
        " ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        written,
    )
    _save_events(tx, before.log.events if before is not None else (), after.log.events)


def _save_events(tx: Transaction, before: tuple[Event, ...], after: tuple[Event, ...]) -> None:
    if before is after:
        return
    old, new = _by_id(before), _by_id(after)
    gone: Rows = [{"event_id": number} for number in old.keys() - new.keys()]
    written: Rows = [
        {"event_id": number, "value": encode(write_event(event))}
        for number, event in new.items()
        if old.get(number) is not event
    ]
    if gone:
        tx.execute_many("DELETE FROM events WHERE event_id = :event_id", gone)
    if written:
        tx.execute_many(
            "INSERT INTO events (event_id, value) VALUES (:event_id, :value)"
            " ON CONFLICT (event_id) DO UPDATE SET value = excluded.value",
            written,
        )


def _by_id(events: Iterable[Event]) -> dict[int, Event]:
    return {one.event_id: one for one in events}


def load(tx: Transaction) -> Tower | None:
    """What is stored, for `power_up.started`; None in a new file. Raises Failed for a part that cannot be read."""
    rows = {str(row["name"]): str(row["value"]) for row in tx.all("SELECT name, value FROM parts")}
    if not rows:
        return None
    counters = _part(rows, "counters", Counters)
    keys = {one.number: one for one in _all(rows, "key:", Rotation)}
    log = EventLog(
        first=counters.first_event,
        last=counters.last_event,
        epoch=counters.epoch,
        pulled=counters.last_event,
        events=_events(tx),
    )
    return Tower(
        identity=_part(rows, "identity", Identity),
        keys=keys_of(keys, counters.seal_with),
        lockers={one.number: one for one in _all(rows, "locker:", Locker)},
        clock=Clock(base_ms=counters.floor * 1000, since_ms=0, floor=counters.floor),
        code_key=_part(rows, "secret", _Secret).code_key,
        settings=_part(rows, "settings", Settings),
        last_command=counters.last_command,
        log=log,
        boot_count=counters.boot_count,
        intent=_part(rows, "intent", Opening) if "intent" in rows else None,
        late={one.opening.number: one for one in _all(rows, "late:", Late)},
        activity=_part(rows, "activity", Activity) if "activity" in rows else Activity(),
        faults=_part(rows, "faults", Faults) if "faults" in rows else Faults(),
    )


def _events(tx: Transaction) -> tuple[Event, ...]:
    rows = tx.all("SELECT value FROM events ORDER BY event_id")
    try:
        return tuple(read_event(decode(bytes(row["value"]))) for row in rows)
    except Rejected as rejected:
        raise Failed(f"the tower's store has an event that cannot be read: {rejected.reason}") from None


def _all(rows: dict[str, str], prefix: str, kind: type[T]) -> list[T]:
    return [_part(rows, name, kind) for name in rows if name.startswith(prefix)]


def _part(rows: dict[str, str], name: str, kind: type[T]) -> T:
    value: Any = rows.get(name)
    if value is None:
        raise Failed(f"the tower's store has no {name}")
    try:
        return msgspec.json.decode(value, type=kind)
    except msgspec.MsgspecError:
        # the error would quote the value, which may be a key
        raise Failed(f"the tower's store has a {name} that cannot be read") from None
