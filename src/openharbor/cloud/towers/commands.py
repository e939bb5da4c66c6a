"""The queue of commands to a tower: numbered without gaps, kept until it reports them (blink-protocol.md 8.3)."""

from collections.abc import Sequence
from typing import Any

import msgspec

from openharbor.blink.cbor import Fields
from openharbor.blink.keys import ID_OF_KEY
from openharbor.blink.packets import Packet
from openharbor.blink.provisioning import SENSORS, DoorSensor
from openharbor.cloud.lockers.change import Disable, Retire, SetClock, SetCode, TowerCommand
from openharbor.cloud.scope import TenantScope
from openharbor.cloud.towers import queue_store, store
from openharbor.cloud.towers.store import NewCommand
from openharbor.kit.database.face import Transaction

LARGEST_COMMAND = 2**31 - 1
FORMS: dict[str, tuple[bool, bool]] = {"unused": (True, True), "keep": (False, False), "empty": (True, False)}


class WireCommand(msgspec.Struct, frozen=True):
    """A command as the tower gets it: packet type and fields. `locker_number`: whom it concerns, None for the tower."""

    packet_type: int
    fields: dict[int, Any]
    locker_number: int | None = None


def queue(
    scope: TenantScope, tx: Transaction, tower_id: str, commands: Sequence[TowerCommand | SetClock], now: int
) -> None:
    """Queues what a decision numbered. `now`: ms since 1970.

    Raises ValueError when the numbers do not follow the tower's last one: the decision saw another state.
    """
    if not commands:
        return
    first = store.take_numbers(scope, tx, tower_id, len(commands))
    numbers = [command.command_id for command in commands]
    if numbers != list(range(first, first + len(commands))):
        raise ValueError(f"commands {numbers} of tower {tower_id} must be numbered from {first} on")
    wired = [(command.command_id, wire(command)) for command in commands]
    store.insert_commands(scope, tx, tower_id, [_row(number, one, now) for number, one in wired])


def queue_next(scope: TenantScope, tx: Transaction, tower_id: str, commands: Sequence[WireCommand], now: int) -> int:
    """Queues commands under the tower's next numbers; the first of them. `now`: ms since 1970."""
    first = store.take_numbers(scope, tx, tower_id, len(commands))
    rows = [_row(number, command, now) for number, command in enumerate(commands, first)]
    store.insert_commands(scope, tx, tower_id, rows)
    return first


def _row(number: int, command: WireCommand, now: int) -> NewCommand:
    if number > LARGEST_COMMAND:
        raise ValueError(f"command {number} is beyond {LARGEST_COMMAND}, the largest number that a phone can carry")
    return NewCommand(number, command.packet_type, command.fields, command.locker_number, now)


def wire(command: TowerCommand | SetClock) -> WireCommand:
    """Packet type and fields of a decision's command."""
    if isinstance(command, Retire):
        available, matched = FORMS[command.form]
        fields: Fields = {70: command.number, 73: available, 91: matched, 249: command.generation}
        return WireCommand(Packet.SET_LOCKER_AVAILABLE, fields, command.number)
    if isinstance(command, Disable):
        return WireCommand(Packet.SET_LOCKER_DISABLED, {70: command.number, 74: command.disabled}, command.number)
    if isinstance(command, SetClock):
        # #129 is the moment of sealing, so it is filled in then (13.5)
        return WireCommand(Packet.SET_CLOCK, {229: bytes.fromhex(command.challenge)})
    if isinstance(command, SetCode):
        token = bytes.fromhex(command.locker_token) if command.persists else b""
        fields = {70: command.number, 80: command.code, 81: command.persists, 82: token, 83: not command.persists}
        return WireCommand(Packet.SET_LOCKER_KEYPAD, fields, command.number)
    fields = {70: command.number, 80: "", 81: False, 82: b"", 83: True}
    return WireCommand(Packet.SET_LOCKER_KEYPAD, fields, command.number)


def configure_locker(number: int, port: int, type_id: int, door_sensor: DoorSensor) -> WireCommand:
    """CONFIGURE_LOCKER (11.3). `port` -1: none."""
    fields: Fields = {70: number, 71: type_id, 72: port, 246: SENSORS.index(door_sensor)}
    return WireCommand(Packet.CONFIGURE_LOCKER, fields, number)


def install_key(rotation: int) -> WireCommand:
    """INSTALL_KEY (11.1), never expiring. The key itself is filled in when the packet is sealed: no row holds it."""
    fields: Fields = {40: ID_OF_KEY, 43: rotation, 44: f"rotation {rotation}", 46: 0}
    return WireCommand(Packet.INSTALL_KEY, fields)


def sunset_key(rotation: int) -> WireCommand:
    """SUNSET_KEY (11.1)."""
    return WireCommand(Packet.SUNSET_KEY, {40: ID_OF_KEY, 43: rotation})


def revoke_key(rotation: int) -> WireCommand:
    """REVOKE_KEY (11.1)."""
    return WireCommand(Packet.REVOKE_KEY, {40: ID_OF_KEY, 43: rotation})


def mark_seen(next_event: int) -> WireCommand:
    """SYNC_MARK_SEEN_EVENTS (8.4): the tower may forget every event below `next_event`."""
    return WireCommand(Packet.SYNC_MARK_SEEN_EVENTS, {31: next_event})


def queue_mark_seen(
    scope: TenantScope, tx: Transaction, tower_id: str, next_event: int, now: int, *, lost: bool
) -> None:
    """One SYNC_MARK_SEEN_EVENTS waits, for the newest frontier (13.4): one that waits already is raised in its place.

    Packets are sealed when a phone asks. One that left with a smaller number is true as well, and does less. `lost`:
    events were, so what seems to wait may be done, and the tower be silent about it; only a new command tells then.
    """
    waits = None if lost else queue_store.waiting_command(scope, tx, tower_id, Packet.SYNC_MARK_SEEN_EVENTS)
    if waits is None:
        queue_next(scope, tx, tower_id, [mark_seen(next_event)], now)
    elif waits.fields[31] < next_event:
        queue_store.set_fields(scope, tx, tower_id, waits.command_id, mark_seen(next_event).fields)


def reset_event_counter(start: int) -> WireCommand:
    """RESET_EVENT_COUNTER (8.5): ids go on from `start`, in a new epoch."""
    return WireCommand(Packet.RESET_EVENT_COUNTER, {31: start})


def adjust_clock(seconds: int) -> WireCommand:
    """ADJUST_CLOCK (10.4), -3,600 to 3,600: a negative one makes the clock run at half speed until it has lost it."""
    return WireCommand(Packet.ADJUST_CLOCK, {152: seconds})


def complete(command: WireCommand, *, now_s: int, root: bytes | None = None) -> Fields:
    """The map that goes into a [214] sealed now: with the time of a SET_CLOCK, and the key of an INSTALL_KEY (13.5)."""
    fields: Fields = {1: command.packet_type, **command.fields}
    if command.packet_type == Packet.SET_CLOCK:
        fields[129] = now_s
    if command.packet_type == Packet.INSTALL_KEY and root is not None:
        fields[41] = root
    return fields
