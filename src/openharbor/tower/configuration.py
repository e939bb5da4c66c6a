"""Commands that change what a tower is: lockers, keys, clock, names (blink-protocol.md 3.1, 8, 10.4, 11).

The same functions serve sealed packets of the server and, where the group allows it, a technician's session.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec
from msgspec.structs import replace

from openharbor.blink.events import KeyChanged
from openharbor.blink.keys import ID_OF_KEY
from openharbor.blink.packets import Packet
from openharbor.blink.refusals import MSG_ITEM_RANGE, Rejected
from openharbor.tower import activity, device_clock, event_log, keypad, rotations
from openharbor.tower.clock_steps import with_clock
from openharbor.tower.codes import (
    BY_CONFIGURATION,
    BY_SERVER,
    BY_STAFF_COMMAND,
    KEY_INSTALLED,
    KEY_REVOKED,
    KEY_SUNSET,
    SYS_LOCKER_NOT_FOUND,
    SYS_LOCKERS_BUSY,
)
from openharbor.tower.locker_events import updated
from openharbor.tower.lockers import NO_PORT, NORMAL, Locker
from openharbor.tower.rotations import Rotation
from openharbor.tower.state import Tower, logged, now, with_locker

Values = Mapping[int, Any]


class Order(msgspec.Struct, frozen=True):
    """Where a command comes from: a packet, with the command's id, or a session, without. `seed`: random bytes."""

    at_ms: int
    seed: bytes
    command_id: int | None = None

    def __repr__(self) -> str:
        return f"Order(command_id={self.command_id})"


def locker_of(tower: Tower, number: int) -> Locker:
    """The locker with a number. Raises Rejected 502."""
    locker = tower.lockers.get(number)
    if locker is None:
        raise Rejected(SYS_LOCKER_NOT_FOUND, f"there is no locker {number}")
    return locker


def with_record(
    tower: Tower, locker: Locker, order: Order, reason: int | None = None, *, made_up: str | None = None
) -> Tower:
    """With a changed record and its LOCKER_UPDATE_EVENT. An opening that waits for its door to open late is over."""
    if reason is None:
        reason = BY_STAFF_COMMAND if order.command_id is None else BY_SERVER
    late = {number: one for number, one in tower.late.items() if number != locker.number}
    event = updated(locker, reason, now(tower, order.at_ms), command_id=order.command_id, made_up=made_up)
    return logged(with_locker(replace(tower, late=late), locker), event, order.at_ms)


def _set_token(tower: Tower, values: Values, order: Order) -> Tower:
    return with_record(tower, replace(locker_of(tower, values[70]), locker_token=values[75]), order)


def _set_available(tower: Tower, values: Values, order: Order) -> Tower:
    locker, retire = locker_of(tower, values[70]), values.get(249, 0)
    if values.get(91, locker.available) != locker.available:
        raise Rejected(SYS_LOCKER_NOT_FOUND, "the availability is another")
    if 249 in values and retire < locker.generation:
        raise Rejected(MSG_ITEM_RANGE, "a later assignment has the locker")
    generations = {"generation": max(locker.generation, retire), "retired": max(locker.retired, retire)}
    if values[73]:
        locker = replace(locker, available=True, locker_token=b"", used=(), code=None, **generations)
    else:
        locker = replace(locker, available=False, **generations)
    return with_record(tower, locker, order)


def _set_keypad(tower: Tower, values: Values, order: Order) -> Tower:
    return with_code(tower, locker_of(tower, values[70]), values, order)[0]


def with_code(
    tower: Tower, locker: Locker, values: Values, order: Order, reason: int | None = None
) -> tuple[Tower, str | None]:
    """With the code of #80 to #83 set or removed; and the code if the tower drew it. Raises Rejected 106, 502."""
    after = (values[81], values[82], values[83])
    seed = order.seed + (order.command_id or 0).to_bytes(4)
    new = keypad.new_code(tower.lockers, locker, values[80], tower.code_key, seed, after)
    tower = with_record(tower, replace(locker, code=new.code), order, reason, made_up=new.made_up)
    return tower, new.made_up


def _set_disabled(tower: Tower, values: Values, order: Order) -> Tower:
    return with_record(tower, replace(locker_of(tower, values[70]), disabled=values[74]), order)


def _configure(tower: Tower, values: Values, order: Order) -> Tower:
    number, port = values[70], values[72]
    old = tower.lockers.get(number)
    if old is not None and not old.available:
        raise Rejected(SYS_LOCKERS_BUSY, "the locker is taken")
    if port != NO_PORT and any(one.port == port for one in tower.lockers.values() if one.number != number):
        raise Rejected(SYS_LOCKERS_BUSY, "another locker has this port")
    base = old or Locker(number=number, type_id=values[71], port=port)
    locker = replace(base, type_id=values[71], port=port, sensor=values.get(246, NORMAL))
    if (locker.port, locker.sensor) != (base.port, base.sensor):
        locker = replace(locker, watched=None)  # another door would end that access
    doors = {one: is_open for one, is_open in tower.doors.items() if one != number}
    return with_record(replace(tower, doors=doors), locker, order, BY_CONFIGURATION)


def _disable_tower(tower: Tower, values: Values, _: Order) -> Tower:
    return replace(tower, identity=replace(tower.identity, disabled=values[155], reason=values[156]))


def _set_id(tower: Tower, values: Values, _: Order) -> Tower:
    return replace(tower, identity=replace(tower.identity, tower_id=values[61]))


def _set_serial(tower: Tower, values: Values, _: Order) -> Tower:
    return replace(tower, identity=replace(tower.identity, serial=values[138]))


def _set_name(tower: Tower, values: Values, _: Order) -> Tower:
    return replace(tower, identity=replace(tower.identity, name=values[60]))


def _set_solenoid_delay(tower: Tower, values: Values, _: Order) -> Tower:
    return replace(tower, settings=replace(tower.settings, solenoid_delay_ms=values[154]))


def _set_clock(tower: Tower, values: Values, order: Order) -> Tower:
    time = values[129]
    if order.command_id is None:
        clock = device_clock.set_by_technician(tower.clock, order.at_ms, time)
    elif 229 in values:
        fresh = keypad.code_mac(order.seed, f"challenge {order.command_id}")[:8]
        clock = device_clock.answered(tower.clock, order.at_ms, time, values[229], fresh)
    else:
        clock = device_clock.set_by_server(tower.clock, order.at_ms, time)
    return with_clock(tower, clock, order.at_ms)


def _adjust_clock(tower: Tower, values: Values, order: Order) -> Tower:
    return with_clock(tower, device_clock.adjusted(tower.clock, order.at_ms, values[152]), order.at_ms)


def _install_key(tower: Tower, values: Values, order: Order) -> Tower:
    rotation = Rotation(number=values[43], state="active", root=values[41], expires=values[46], locator=values[44])
    keys = rotations.installed(tower.keys, values[40], rotation)
    if keys is tower.keys:
        return tower
    return _with_keys(tower, keys, KEY_INSTALLED, rotation, order)


def _sunset_key(tower: Tower, values: Values, order: Order) -> Tower:
    keys = rotations.sunset(tower.keys, values[40], values[43], now(tower, order.at_ms))
    if keys is tower.keys:
        return tower
    return _with_keys(tower, keys, KEY_SUNSET, keys.rotations[values[43]], order)


def _revoke_key(tower: Tower, values: Values, order: Order) -> Tower:
    keys = rotations.revoked(tower.keys, values[40], values[43])
    return _with_keys(tower, keys, KEY_REVOKED, keys.rotations[values[43]], order)


def _with_keys(tower: Tower, keys: rotations.Keys, action: int, rotation: Rotation, order: Order) -> Tower:
    event = key_changed(rotation, action, now(tower, order.at_ms))
    return logged(replace(tower, keys=keys), event, order.at_ms)


def key_changed(rotation: Rotation, action: int, at: int) -> KeyChanged:
    """The KEY_UPDATE_EVENT of a rotation. `at`: s since 1970."""
    return KeyChanged(
        event_id=0,
        at=at,
        key_id=ID_OF_KEY,
        rotation=rotation.number,
        action=action,
        expires=rotation.expires,
        valid=rotation.state != "revoked",
    )


def _mark_seen(tower: Tower, values: Values, _: Order) -> Tower:
    return replace(tower, log=event_log.marked_seen(tower.log, values[31]))


def _reset_events(tower: Tower, values: Values, _: Order) -> Tower:
    return replace(tower, log=event_log.restarted(tower.log, values[31]))


def _reset_commands(tower: Tower, values: Values, order: Order) -> Tower:
    # the command's own id counts: L has not moved to it yet
    if values[33] < (order.command_id or 0) - 1:
        raise Rejected(MSG_ITEM_RANGE, "the counter does not go back")
    if values[33] > event_log.LARGEST_RESTART:
        raise Rejected(MSG_ITEM_RANGE, f"command ids may go on from {event_log.LARGEST_RESTART} at most")
    return replace(tower, last_command=values[33])


def _reset_counter(tower: Tower, values: Values, order: Order) -> Tower:
    return replace(tower, activity=activity.reset(tower.activity, values[144], now(tower, order.at_ms)))


def _restart(tower: Tower, _: Values, __: Order) -> Tower:
    return replace(tower, restart=True)


APPLY: Final[dict[Packet, Callable[[Tower, Values, Order], Tower]]] = {
    Packet.INSTALL_KEY: _install_key,
    Packet.SUNSET_KEY: _sunset_key,
    Packet.REVOKE_KEY: _revoke_key,
    Packet.SYNC_MARK_SEEN_EVENTS: _mark_seen,
    Packet.RESET_EVENT_COUNTER: _reset_events,
    Packet.RESET_COMMAND_COUNTER: _reset_commands,
    Packet.SET_CLOCK: _set_clock,
    Packet.ADJUST_CLOCK: _adjust_clock,
    Packet.SET_SOLENOID_DELAY: _set_solenoid_delay,
    Packet.SET_LOCKER_TOKEN: _set_token,
    Packet.SET_LOCKER_AVAILABLE: _set_available,
    Packet.SET_LOCKER_KEYPAD: _set_keypad,
    Packet.SET_LOCKER_DISABLED: _set_disabled,
    Packet.RESET_COUNTER: _reset_counter,
    Packet.SET_TOWER_ID: _set_id,
    Packet.SET_TOWER_SERIAL: _set_serial,
    Packet.SET_TOWER_NAME: _set_name,
    Packet.SET_TOWER_DISABLED: _disable_tower,
    Packet.CONFIGURE_LOCKER: _configure,
    Packet.REBOOT_DEVICE: _restart,
}
