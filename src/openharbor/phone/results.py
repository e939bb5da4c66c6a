"""Answers of a tower as structs (blink-protocol.md 3.1, 7.5). Lockers have the numbers on their doors."""

import msgspec

from openharbor.blink.cbor import Fields


class Opened(msgspec.Struct, frozen=True):
    """A lock was fired. `seen`: its door was seen open; False: it was seen shut, None: nobody can tell."""

    locker: int
    seen: bool | None


class SyncStatus(msgspec.Struct, frozen=True):
    """`event_start`: the first event the server has not confirmed, `event_count` of them; `command`: the last taken."""

    event_start: int
    event_count: int
    command: int


class SyncEvents(msgspec.Struct, frozen=True):
    """A sealed batch. It is shown without its bytes."""

    start: int
    count: int
    payload: bytes
    auth: bytes

    def __repr__(self) -> str:
        return f"SyncEvents(start={self.start}, count={self.count})"


class DeviceInfo(msgspec.Struct, frozen=True):
    """`clock`: s since 1970. `solenoid_delay`: ms."""

    clock: int
    tower_id: bytes
    name: str
    model: str
    serial: str
    tower_serial: str
    firmware: str
    mainboard: int
    shield1: int
    shield2: int
    solenoid_delay: int


class DeviceStatus(msgspec.Struct, frozen=True):
    """`temperature`: °C. `clock`: s since 1970. `charge`: percent."""

    temperature: int
    clock: int
    charge: int
    millivolt: int
    disabled: bool
    reason: str


class KeyInfo(msgspec.Struct, frozen=True):
    """`expires`: s since 1970, 0 for never."""

    valid: bool
    sunset: bool
    expires: int
    locator: str


class LockerInfo(msgspec.Struct, frozen=True):
    """`port` -1: none. `keypad_set`: a code is set. Shown without its tokens."""

    locker: int
    port: int
    type_id: int
    available: bool
    disabled: bool
    keypad_set: bool
    code_persists: bool
    next_available: bool


class PortStatus(msgspec.Struct, frozen=True):
    light_on: bool
    firing: bool
    door_open: bool


class CounterValue(msgspec.Struct, frozen=True):
    """`last_reset`: s since 1970, 0 for never."""

    counter: int
    value: int
    last_reset: int


class Configured(msgspec.Struct, frozen=True):
    """`done`: how many commands the tower took. `refused`: names of those it did not."""

    done: int
    refused: tuple[str, ...]


def opened(fields: Fields) -> Opened:
    seen = fields.get(234)
    return Opened(fields[70], seen if isinstance(seen, bool) else None)


def found(fields: Fields) -> dict[int, int]:
    """How many lockers of each type."""
    return {int(kind): int(count) for kind, count in fields[78].items()}


def open_doors(fields: Fields) -> tuple[int, ...]:
    """The lockers whose doors are open; those that cannot be read are not among them."""
    return tuple(8 * place + bit for place, byte in enumerate(fields[79]) for bit in range(8) if byte & 1 << bit)


def device_info(fields: Fields) -> DeviceInfo:
    return DeviceInfo(*(fields[number] for number in (129, 61, 60, 126, 127, 138, 125, 135, 136, 137, 154)))


def device_status(fields: Fields) -> DeviceStatus:
    return DeviceStatus(*(fields[number] for number in (143, 129, 124, 147, 155, 156)))


def key_info(fields: Fields) -> KeyInfo:
    return KeyInfo(*(fields[number] for number in (47, 45, 46, 44)))


def locker_info(fields: Fields) -> LockerInfo:
    return LockerInfo(
        locker=fields[70],
        port=fields[72],
        type_id=fields[71],
        available=fields[73],
        disabled=fields[74],
        keypad_set=bool(fields[80]),
        code_persists=fields[81],
        next_available=fields[83],
    )


def port_status(fields: Fields) -> PortStatus:
    return PortStatus(*(fields[number] for number in (103, 104, 76)))


def counter_value(fields: Fields) -> CounterValue:
    return CounterValue(*(fields[number] for number in (144, 145, 146)))
