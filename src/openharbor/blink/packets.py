"""The packets of Blink: types, fields, replies, who may send them (blink-protocol.md 3.1)."""

from enum import IntEnum
from typing import Final, Literal

import msgspec

from openharbor.blink import refusals
from openharbor.blink.fields import INT53, Item, Layout, optional


class Packet(IntEnum):
    """Packet type (#1); numbers and names are fixed."""

    ACK = 0
    REQUEST_SESSION = 1
    GRANT_SESSION = 2
    SESSION_ERROR = 3
    TERMINATE_SESSION = 4
    ERROR = 5
    INSTALL_KEY = 6
    SUNSET_KEY = 7
    REVOKE_KEY = 8
    REQUEST_SYNC_STATUS = 10
    SYNC_STATUS = 11
    SYNC_PULL = 12
    SYNC_EVENTS = 13
    SYNC_PUSH = 14
    SYNC_MARK_SEEN_EVENTS = 16
    RESET_EVENT_COUNTER = 17
    RESET_COMMAND_COUNTER = 18
    ADD_CLIENT_EVENT = 19
    BOOT_EVENT = 20
    ERROR_EVENT = 21
    ERROR_RECOVERY_EVENT = 22
    SYNC_COMMANDS_EVENT = 23
    ACTIVITY_REPORT = 24
    KEY_UPDATE_EVENT = 25
    LOCKER_ACCESS_EVENT = 26
    CROWBAR_EVENT = 27
    WRONG_DOOR_EVENT = 28
    CLIENT_EVENT = 29
    SPECIAL_SESSION_EVENT = 30
    LOCKER_UPDATE_EVENT = 31
    FIND_AVAILABLE_LOCKERS = 40
    FOUND_LOCKERS = 41
    FIND_LOCKERS_WITH_TOKEN = 42
    OPEN_LOCKER_WITH_TOKEN = 43
    OPEN_AVAILABLE_LOCKER = 44
    REOPEN_LOCKER = 45
    LOCKER_OPENED = 46
    CHECK_LOCKER_DOOR = 47
    LOCKER_DOOR_STATE = 48
    REVERT_LOCKER_STATE = 49
    SET_KEYPAD_CODE = 50
    TAP_LOCKER = 51
    CHECK_ALL_LOCKER_DOORS = 52
    ALL_LOCKER_DOOR_STATES = 53
    GET_DEVICE_INFO = 60
    DEVICE_INFO = 61
    GET_KEY_INFO = 62
    KEY_INFO = 63
    GET_LOCKER_INFO = 64
    LOCKER_INFO = 65
    READ_DEVICE_STATUS = 66
    DEVICE_STATUS = 67
    FIRE_LOCK = 68
    CONTROL_LIGHT = 69
    READ_PORT_STATUS = 70
    PORT_STATUS = 71
    SOUND_BUZZER = 72
    SET_CLOCK = 73
    SET_SOLENOID_DELAY = 74
    KEYPAD_READ = 78
    KEYPAD_STATE = 79
    SET_LOCKER_TOKEN = 80
    SET_LOCKER_AVAILABLE = 81
    SET_LOCKER_KEYPAD = 82
    SET_LOCKER_DISABLED = 83
    READ_COUNTER = 84
    COUNTER_VALUE = 85
    RESET_COUNTER = 86
    SET_TOWER_ID = 87
    SET_TOWER_SERIAL = 88
    SET_TOWER_NAME = 89
    SET_TOWER_DISABLED = 90
    RESET_BATTERY_GAUGE = 100
    CONFIGURE_BLE = 101
    CONFIGURE_LOCKER = 102
    ADJUST_CLOCK = 103
    REBOOT_DEVICE = 104
    BEGIN_FIRMWARE_UPDATE = 105
    FACTORY_RESET = 106
    CHANGE_DEVICE_ID = 130
    DUMP_LOCKER_DATA = 131
    VERBOSE_MODE = 132
    FORCE_ERROR_MODE = 133
    REQUEST_SESSION_PAYLOAD = 201
    GRANT_SESSION_PAYLOAD = 202
    SYNC_EVENTS_PAYLOAD = 213
    SYNC_COMMANDS_PAYLOAD = 214
    OPEN_LOCKER_PAYLOAD = 220


EVENTS: Final = range(20, 32)
# Who may send a command: a session with one of these permissions (5.4); SERVER: only a sealed packet may hold it.
SYNC, PICKUP, DELIVERY, OWNER_CLAIM, TECHNICIAN, DEVELOPER = 1, 2, 4, 8, 16, 32
ALL_PERMISSIONS: Final = 63
ANY, USER, OWNER, TECH, DEV, SERVER = 63, 62, 56, 48, 32, 0


class Command(msgspec.Struct, frozen=True):
    """A row of 3.1. `layout` in the SDK's order. `wrapped`: refused with a wrapped ERROR, else in the clear (6.1).

    `queued`: a command packet [214] may hold it.
    """

    reply: Packet
    who: int
    layout: Layout = ()
    wrapped: bool = False
    queued: bool = False


ACK = Packet.ACK
NUMBER: Final = Item(70, 1, 1023)
ROTATION: Final = Item(43, 0, 255)
COUNTER: Final = Item(144, 110, 118)
PORT: Final = Item(72, 0, 4095)
AUTH: Final = Item(10, 33, 33)
CLIENT_INFO: Final = Item(62, 0, 500)
TOKEN: Final = Item(75, 0, 32)


def sealed(most_bytes: int) -> Item:
    """A sealed payload (#9) of 18 bytes to the limit, beyond which it is 208."""
    return Item(9, 18, most_bytes, too_long=refusals.AUTH_SIZE)


REQUEST_SESSION_LAYOUT: Final = (Item(5, -(2**31)), Item(20, 16, 16), AUTH, sealed(1024))
P = Packet
COMMANDS: Final[dict[Packet, Command]] = {
    P.TERMINATE_SESSION: Command(P.TERMINATE_SESSION, ANY, (Item(2, -(2**31)), optional(3, 0, 1024))),
    P.INSTALL_KEY: Command(
        ACK, SERVER, (Item(40), ROTATION, Item(46, 0, INT53), Item(41, 32, 32), Item(44, 0, 32)), queued=True
    ),
    P.SUNSET_KEY: Command(ACK, SERVER, (Item(40), ROTATION), queued=True),
    P.REVOKE_KEY: Command(ACK, SERVER, (Item(40), ROTATION), queued=True),
    P.REQUEST_SYNC_STATUS: Command(P.SYNC_STATUS, ANY, wrapped=True),
    P.SYNC_PULL: Command(P.SYNC_EVENTS, ANY, (Item(31),), wrapped=True),
    P.SYNC_PUSH: Command(ACK, ANY, (sealed(2048), AUTH), wrapped=True),
    P.SYNC_MARK_SEEN_EVENTS: Command(ACK, SERVER, (Item(31),), queued=True),
    P.RESET_EVENT_COUNTER: Command(ACK, SERVER, (Item(31),), queued=True),
    P.RESET_COMMAND_COUNTER: Command(ACK, SERVER, (Item(33),), queued=True),
    P.ADD_CLIENT_EVENT: Command(ACK, USER, (CLIENT_INFO,)),
    P.FIND_AVAILABLE_LOCKERS: Command(P.FOUND_LOCKERS, USER, wrapped=True),
    P.FIND_LOCKERS_WITH_TOKEN: Command(P.FOUND_LOCKERS, USER, (Item(91), Item(90, 0, 32)), wrapped=True),
    P.OPEN_LOCKER_WITH_TOKEN: Command(P.LOCKER_OPENED, USER, (sealed(512), AUTH), wrapped=True),
    P.OPEN_AVAILABLE_LOCKER: Command(
        P.LOCKER_OPENED,
        OWNER,
        (TOKEN, Item(73), CLIENT_INFO, optional(92, -(2**31)), optional(91), optional(90, 0, 32)),
        wrapped=True,
    ),
    P.REOPEN_LOCKER: Command(P.LOCKER_OPENED, USER, wrapped=True),
    P.CHECK_LOCKER_DOOR: Command(P.LOCKER_DOOR_STATE, USER, wrapped=True),
    P.REVERT_LOCKER_STATE: Command(ACK, USER, (CLIENT_INFO,)),
    P.SET_KEYPAD_CODE: Command(ACK, USER, (Item(80, 0, 10), Item(81), Item(82, 0, 32), Item(83))),
    P.TAP_LOCKER: Command(ACK, USER, (Item(101, 50, 2000), Item(102, 0, 10))),
    P.CHECK_ALL_LOCKER_DOORS: Command(P.ALL_LOCKER_DOOR_STATES, USER, wrapped=True),
    P.GET_DEVICE_INFO: Command(P.DEVICE_INFO, OWNER, wrapped=True),
    P.GET_KEY_INFO: Command(P.KEY_INFO, TECH, (Item(40), ROTATION), wrapped=True),
    P.GET_LOCKER_INFO: Command(P.LOCKER_INFO, OWNER, (NUMBER,), wrapped=True),
    P.READ_DEVICE_STATUS: Command(P.DEVICE_STATUS, OWNER, wrapped=True),
    P.FIRE_LOCK: Command(ACK, TECH, (PORT,)),
    P.CONTROL_LIGHT: Command(ACK, TECH, (PORT, Item(103))),
    P.READ_PORT_STATUS: Command(P.PORT_STATUS, TECH, (PORT,), wrapped=True),
    P.SOUND_BUZZER: Command(ACK, TECH, (Item(100, 0, 255),)),
    P.SET_CLOCK: Command(ACK, TECH, (Item(129, 0, INT53), optional(229, 8, 8)), queued=True),
    P.SET_SOLENOID_DELAY: Command(ACK, TECH, (Item(154, 50, 5000),), queued=True),
    P.KEYPAD_READ: Command(P.KEYPAD_STATE, TECH, wrapped=True),
    P.SET_LOCKER_TOKEN: Command(ACK, TECH, (NUMBER, TOKEN), queued=True),
    P.SET_LOCKER_AVAILABLE: Command(
        ACK, TECH, (NUMBER, Item(73), optional(91), optional(249, 0, 2**32 - 1)), queued=True
    ),
    P.SET_LOCKER_KEYPAD: Command(
        ACK, TECH, (NUMBER, Item(80, 0, 10), Item(82, 0, 32), Item(83), Item(81)), queued=True
    ),
    P.SET_LOCKER_DISABLED: Command(ACK, TECH, (NUMBER, Item(74)), queued=True),
    P.READ_COUNTER: Command(P.COUNTER_VALUE, TECH, (COUNTER,), wrapped=True),
    P.RESET_COUNTER: Command(ACK, TECH, (COUNTER,), queued=True),
    P.SET_TOWER_ID: Command(ACK, DEV, (Item(61, 8, 8),), queued=True),
    P.SET_TOWER_SERIAL: Command(ACK, TECH, (Item(138, 0, 32),), queued=True),
    P.SET_TOWER_NAME: Command(ACK, TECH, (Item(60, 0, 16),), queued=True),
    P.SET_TOWER_DISABLED: Command(ACK, TECH, (Item(155), Item(156, 0, 100)), queued=True),
    P.RESET_BATTERY_GAUGE: Command(ACK, TECH, queued=True),
    P.CONFIGURE_LOCKER: Command(
        ACK, TECH, (NUMBER, Item(72, -1, 4095), Item(71, 1, 255), optional(246, 0, 2)), queued=True
    ),
    P.ADJUST_CLOCK: Command(ACK, TECH, (Item(152, -3600, 3600),), queued=True),
    P.REBOOT_DEVICE: Command(ACK, TECH, queued=True),
    P.BEGIN_FIRMWARE_UPDATE: Command(ACK, DEV, (Item(153),), queued=True),
    P.FACTORY_RESET: Command(ACK, DEV, queued=True),
}

# What the answers hold, besides #22 and #25; the SDK knows an answer by its fields, not by its type (F-4).
REPLIES: Final[dict[Packet, tuple[int, ...]]] = {
    P.ACK: (),
    P.TERMINATE_SESSION: (2,),
    P.ERROR: (2,),
    P.SYNC_STATUS: (31, 32, 33),
    P.SYNC_EVENTS: (31, 32, 9, 10),
    P.FOUND_LOCKERS: (78,),
    P.LOCKER_OPENED: (70,),
    P.LOCKER_DOOR_STATE: (76,),
    P.ALL_LOCKER_DOOR_STATES: (79,),
    P.DEVICE_INFO: (129, 61, 60, 126, 127, 138, 125, 135, 136, 137, 154),
    P.KEY_INFO: (47, 45, 46, 44),
    P.LOCKER_INFO: (70, 72, 71, 73, 75, 74, 80, 82, 83, 81),
    P.DEVICE_STATUS: (143, 129, 124, 147, 155, 156),
    P.PORT_STATUS: (103, 104, 76),
    P.KEYPAD_STATE: (140, 141, 142),
    P.COUNTER_VALUE: (144, 145, 146),
}


def is_event(packet_type: int) -> bool:
    """Whether it is one of the log (20 to 31)."""
    return packet_type in EVENTS


Form = Literal["wrapped", "clear"]


def command_of(packet_type: int) -> Command | None:
    """The row of a command; None for every other packet type."""
    return COMMANDS.get(Packet(packet_type)) if packet_type in Packet._value2member_map_ else None


def refusal_form(packet_type: int) -> Form:
    """How a tower refuses a command inside a session (6.1)."""
    command = command_of(packet_type)
    return "wrapped" if command is not None and command.wrapped else "clear"
