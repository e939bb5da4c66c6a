"""The commands of owners and technicians that read, and those that configure in a session (blink-protocol.md 3.1)."""

from openharbor.blink.packets import Packet
from openharbor.blink.refusals import MSG_INVALID_ID, Rejected
from openharbor.tower import activity, keypad, rotations
from openharbor.tower.answers import answered
from openharbor.tower.codes import HW_PORT
from openharbor.tower.configuration import APPLY, Order, locker_of, with_code
from openharbor.tower.state import Step, Tower, now
from openharbor.tower.visits import Ask


def device_info(tower: Tower, ask: Ask) -> Step:
    """GET_DEVICE_INFO."""
    parts, identity = tower.hardware, tower.identity
    fields = {
        129: now(tower, ask.at_ms),
        61: identity.tower_id,
        60: identity.name,
        126: parts.model,
        127: parts.serial,
        138: identity.serial,
        125: parts.firmware,
        135: parts.mainboard,
        136: parts.shield1,
        137: parts.shield2,
        154: tower.settings.solenoid_delay_ms,
    }
    return answered(tower, ask.asked, fields, ask.draws.iv)


def device_status(tower: Tower, ask: Ask) -> Step:
    """READ_DEVICE_STATUS."""
    parts, identity = tower.hardware, tower.identity
    fields = {
        143: parts.temperature,
        129: now(tower, ask.at_ms),
        124: parts.battery_percent,
        147: parts.battery_mv,
        155: identity.disabled,
        156: identity.reason,
    }
    return answered(tower, ask.asked, fields, ask.draws.iv)


def key_info(tower: Tower, ask: Ask) -> Step:
    """GET_KEY_INFO. Raises Rejected 203 for a rotation that is unknown or revoked."""
    rotation = rotations.find(tower.keys, ask.asked.fields[40], ask.asked.fields[43])
    fields = {47: True, 45: rotation.state == "sunset", 46: rotation.expires, 44: rotation.locator}
    return answered(tower, ask.asked, fields, ask.draws.iv)


def locker_info(tower: Tower, ask: Ask) -> Step:
    """GET_LOCKER_INFO; a code is never shown. Raises Rejected 502."""
    locker = locker_of(tower, ask.asked.fields[70])
    code = locker.code
    fields = {
        70: locker.number,
        72: locker.port,
        71: locker.type_id,
        73: locker.available,
        75: locker.locker_token,
        74: locker.disabled,
        80: keypad.SHOWN if code else "",
        82: code.next_token if code else b"",
        83: code.next_available if code else False,
        81: code.persists if code else False,
    }
    return answered(tower, ask.asked, fields, ask.draws.iv)


def port_status(tower: Tower, ask: Ask) -> Step:
    """READ_PORT_STATUS; there are no lights. Raises Rejected 301 when its door cannot be read."""
    port = ask.asked.fields[72]
    number = next((one.number for one in tower.lockers.values() if one.port == port), None)
    is_open = None if number is None else tower.doors.get(number)
    if number is None or is_open is None:
        raise Rejected(HW_PORT, f"the door at port {port} cannot be read")
    firing = tower.pulses.get(number, ask.at_ms) > ask.at_ms
    return answered(tower, ask.asked, {103: False, 104: firing, 76: is_open}, ask.draws.iv)


def set_keypad(tower: Tower, ask: Ask) -> Step:
    """SET_LOCKER_KEYPAD in a session; a code that the tower draws is told (11.4). Raises Rejected 106, 502."""
    fields = ask.asked.fields
    order = Order(ask.at_ms, ask.draws.seed)
    tower, made_up = with_code(tower, locker_of(tower, fields[70]), fields, order)
    return answered(tower, ask.asked, {} if made_up is None else {80: made_up}, ask.draws.iv)


def read_counter(tower: Tower, ask: Ask) -> Step:
    """READ_COUNTER: what was counted since the last reset; 0 as its time says that there was none."""
    number = ask.asked.fields[144]
    counter = activity.of(tower.activity, number)
    return answered(tower, ask.asked, {144: number, 145: counter.total, 146: counter.reset_at}, ask.draws.iv)


def configured(tower: Tower, ask: Ask) -> Step:
    """A command that a technician may send as the server may. Raises Rejected 101 for a part that is not there."""
    apply = APPLY.get(Packet(ask.asked.packet_type))
    if apply is None:
        raise Rejected(MSG_INVALID_ID, "this tower has no such part")
    tower = apply(tower, ask.asked.fields, Order(ask.at_ms, ask.draws.seed))
    return answered(tower, ask.asked, {}, ask.draws.iv)
