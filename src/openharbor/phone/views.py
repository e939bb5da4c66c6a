"""What the commands of a phone print: for programs (keys in camelCase), and for people."""

from typing import Any

from openharbor.phone.commands import Visit
from openharbor.phone.results import DeviceInfo, DeviceStatus, LockerInfo, Opened
from openharbor.phone.sync import Synced
from openharbor.phone.transport import Found

View = dict[str, Any]


def tower(one: Found) -> View:
    tower_id = None if one.tower_id is None else one.tower_id.hex()
    return {"towerId": tower_id, "name": one.name, "firmware": one.firmware, "address": one.address}


def tower_line(one: Found) -> str:
    shown = "?" * 16 if one.tower_id is None else one.tower_id.hex()
    # a name comes from whoever advertises: it must not move the cursor
    name = one.name if one.name.isprintable() else ascii(one.name)
    return f"{shown}  {name:<16}  {one.firmware or '-':<10}  {one.address}"


def opened(what: Opened) -> View:
    return {"locker": what.locker, "seen": what.seen}


def opened_line(what: Opened) -> str:
    if what.seen is None:
        return f"locker {what.locker} was fired; whether its door is open cannot be seen"
    if what.seen:
        return f"locker {what.locker} is open"
    return f"locker {what.locker} was fired, but its door did not open: pull it, or `openharbor phone reopen`"


def synced(what: Synced | None) -> View | None:
    if what is None:
        return None
    return {
        "pushed": what.pushed,
        "refused": what.refused,
        "pulled": what.pulled,
        "waiting": what.waiting,
        "failure": what.failure,
    }


def sync_lines(what: Synced | None) -> list[str]:
    if what is None:
        return []
    lines = [f"synced: {what.pushed} command packets to the tower, {what.pulled} batches of events from it"]
    if what.refused:
        lines.append(f"the tower refused {what.refused} command packets")
    if what.failure is not None:
        lines.append(f"{what.waiting} batches wait for the next sync: {what.failure}")
    return lines


def visit(what: Visit) -> View:
    return {
        **opened(what.opened),
        "closed": what.closed,
        "sync": synced(what.synced),
        "ended": what.ended,
        "failure": what.failure,
    }


def visit_lines(what: Visit) -> list[str]:
    """What followed the opening."""
    door = {None: [], True: ["the door is shut"], False: ["the door is still open: shut it"]}[what.closed]
    return [*door, *sync_lines(what.synced)]


def status(info: DeviceInfo, now: DeviceStatus) -> View:
    return {
        "towerId": info.tower_id.hex(),
        "name": info.name,
        "serial": info.tower_serial,
        "model": info.model,
        "firmware": info.firmware,
        "clock": now.clock,
        "solenoidDelay": info.solenoid_delay,
        "disabled": now.disabled,
        "reason": now.reason,
        "temperature": now.temperature,
        "millivolt": now.millivolt,
    }


def locker(info: LockerInfo) -> View:
    return {
        "locker": info.locker,
        "type": info.type_id,
        "port": None if info.port < 0 else info.port,
        "available": info.available,
        "disabled": info.disabled,
        "keypadSet": info.keypad_set,
    }


def as_lines(view: View) -> list[str]:
    """Name and value, one a line."""
    return [f"{name}: {value if str(value).isprintable() else ascii(value)}" for name, value in view.items()]
