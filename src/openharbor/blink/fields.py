"""The fields of Blink: ids, names, kinds (blink-protocol.md 3.2, 3.3), and the checks that every receiver makes."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

import msgspec

from openharbor.blink import refusals
from openharbor.blink.refusals import Rejected

Kind = Literal["int", "bool", "bytes", "text", "map", "array"]

PUBLIC: Final[dict[int, tuple[str, Kind]]] = {
    1: ("packet_type", "int"),
    2: ("error_code", "int"),
    3: ("error_message", "text"),
    4: ("error_source", "int"),
    5: ("packet_timestamp", "int"),
    6: ("packet_expires", "int"),
    7: ("inner_wrapper", "bytes"),
    8: ("inner_auth", "bytes"),
    9: ("payload", "bytes"),
    10: ("payload_auth", "bytes"),
    20: ("session_request_nonce", "bytes"),
    21: ("session_grant_nonce", "bytes"),
    22: ("session_id", "bytes"),
    23: ("session_key", "bytes"),
    25: ("session_sequence", "int"),
    26: ("session_permissions", "int"),
    27: ("session_client_id", "bytes"),
    30: ("sync_id", "int"),
    31: ("sync_event_start", "int"),
    32: ("sync_event_count", "int"),
    33: ("sync_command_start", "int"),
    34: ("sync_command_count", "int"),
    35: ("sync_batch_data", "array"),
    40: ("key_id", "int"),
    41: ("key_data", "bytes"),
    43: ("key_rotation", "int"),
    44: ("key_locator", "text"),
    45: ("key_sunset", "bool"),
    46: ("key_expires", "int"),
    47: ("key_valid", "bool"),
    50: ("event_dups", "int"),
    51: ("event_dropped", "int"),
    60: ("tower_name", "text"),
    61: ("tower_id", "bytes"),
    62: ("client_info", "bytes"),
    70: ("locker_id", "int"),
    71: ("locker_type_id", "int"),
    72: ("locker_physical_id", "int"),
    73: ("locker_available", "bool"),
    74: ("locker_disabled", "bool"),
    75: ("locker_token", "bytes"),
    76: ("locker_door_open", "bool"),
    77: ("locker_open_reason", "int"),
    78: ("locker_type_map", "map"),
    79: ("locker_doors_open", "bytes"),
    80: ("keypad_code", "text"),
    81: ("keypad_code_persists", "bool"),
    82: ("keypad_next_token", "bytes"),
    83: ("keypad_next_available", "bool"),
    90: ("match_token", "bytes"),
    91: ("match_available", "bool"),
    92: ("match_locker_type", "int"),
    100: ("buzzer_sound", "int"),
    101: ("locker_tap_interval", "int"),
    102: ("locker_tap_count", "int"),
    103: ("locker_light_on", "bool"),
    104: ("locker_lock_firing", "bool"),
    110: ("count_ble_connections", "int"),
    111: ("count_board_wakeups", "int"),
    112: ("count_doors_opened", "int"),
    113: ("count_locker_sessions", "int"),
    114: ("count_special_sessions", "int"),
    115: ("count_faults", "int"),
    116: ("count_errors", "int"),
    117: ("count_failed_sessions", "int"),
    118: ("count_session_timeouts", "int"),
    120: ("info_uptime", "int"),
    121: ("info_temp_low", "int"),
    122: ("info_temp_high", "int"),
    123: ("info_battery_health", "int"),
    124: ("info_battery_change", "int"),
    125: ("info_firmware_version", "text"),
    126: ("info_device_model", "text"),
    127: ("info_device_serial", "text"),
    129: ("info_clock_time", "int"),
    135: ("mainboard_id", "int"),
    136: ("shield1_id", "int"),
    137: ("shield2_id", "int"),
    138: ("info_tower_serial", "text"),
    140: ("info_keys_held", "int"),
    141: ("info_keys_pressed", "int"),
    142: ("info_keys_released", "int"),
    143: ("info_temperature", "int"),
    144: ("info_counter_id", "int"),
    145: ("info_counter_value", "int"),
    146: ("info_counter_last_reset", "int"),
    147: ("info_battery_mv", "int"),
    152: ("adjust_clock", "int"),
    153: ("clear_all_state", "bool"),
    154: ("solenoid_delay", "int"),
    155: ("tower_disabled", "bool"),
    156: ("tower_reason", "text"),
}
PRIVATE: Final[dict[int, tuple[str, Kind]]] = {
    224: ("token_id", "int"),
    225: ("generation", "int"),
    226: ("access_kind", "int"),
    227: ("reuse", "bool"),
    228: ("session_seed", "bytes"),
    229: ("time_challenge", "bytes"),
    230: ("clock_state", "int"),
    231: ("event_epoch", "int"),
    232: ("boot_count", "int"),
    233: ("reset_cause", "int"),
    234: ("open_confirmed", "bool"),
    235: ("opened_at", "int"),
    236: ("closed_at", "int"),
    237: ("command_results", "map"),
    238: ("update_reason", "int"),
    239: ("key_action", "int"),
    240: ("other_locker_id", "int"),
    241: ("since_pulse_ms", "int"),
    242: ("session_ref", "bytes"),
    243: ("period_start", "int"),
    244: ("command_types", "array"),
    245: ("lockout_seconds", "int"),
    246: ("door_sensor", "int"),
    247: ("keypad_set", "bool"),
    249: ("retired_generation", "int"),
    250: ("pad", "bytes"),
}
NOT_USED: Final = {  # further public ids
    12: "payload_type",
    42: "key_auth",
    128: "info_device_attached",
    130: "info_ram_size",
    131: "info_code_size",
    132: "info_components",
    133: "info_locker",
    134: "info_keys",
    150: "set_battery_data",
    151: "set_clock",
}
FIELDS: Final = PUBLIC | PRIVATE

PYTHON: Final[dict[Kind, type]] = {"int": int, "bool": bool, "bytes": bytes, "text": str, "map": dict, "array": list}
INT32: Final = 2**31 - 1
INT53: Final = 2**53 - 1


class Item(msgspec.Struct, frozen=True):
    """One field of a layout. `low`, `high`: range of a number, or of the length in bytes. `code`: if it is too long."""

    number: int
    low: int = 0
    high: int = INT32
    optional: bool = False
    too_long: int = refusals.MSG_ITEM_LENGTH


Layout = Sequence[Item]


def optional(number: int, low: int = 0, high: int = INT32) -> Item:
    """A field that may be absent."""
    return Item(number, low, high, optional=True)


def check(fields: Mapping[int, Any], layout: Layout) -> None:
    """Every field of the layout, in its order. Raises Rejected: 102 missing, 103 kind, 104 range, 105 or 208 length."""
    for item in layout:
        value = fields.get(item.number)
        if value is not None:
            _check_value(item, value)
        elif item.number in fields:
            _refuse(item, refusals.MSG_ITEM_TYPE, "is null")
        elif not item.optional:
            _refuse(item, refusals.MSG_ITEM_MISSING, "is missing")


def _check_value(item: Item, value: Any) -> None:
    kind = FIELDS[item.number][1]
    if type(value) is not PYTHON[kind]:
        _refuse(item, refusals.MSG_ITEM_TYPE, f"is no {kind}")
    if kind == "int":
        if not item.low <= value <= item.high:
            _refuse(item, refusals.MSG_ITEM_RANGE, f"is not {item.low} to {item.high}")
    elif kind in ("bytes", "text"):
        _check_length(item, len(value) if kind == "bytes" else len(value.encode()))


def _check_length(item: Item, length: int) -> None:
    if length > item.high:
        _refuse(item, item.too_long, f"has {length} bytes, and may have {item.high}")
    if length < item.low:
        _refuse(item, refusals.MSG_ITEM_LENGTH, f"has {length} bytes, and must have {item.low}")


def _refuse(item: Item, code: int, what: str) -> None:
    raise Rejected(code, f"{FIELDS[item.number][0]} (#{item.number}) {what}")
