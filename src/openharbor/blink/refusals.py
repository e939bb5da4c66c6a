"""Why a message, a command or a sealed payload is refused: Harbor's error codes (blink-protocol.md 6.3)."""

from typing import Final

MSG_INVALID_ID: Final = 101
MSG_ITEM_MISSING: Final = 102
MSG_ITEM_TYPE: Final = 103
MSG_ITEM_RANGE: Final = 104
MSG_ITEM_LENGTH: Final = 105
MSG_ITEM_VALUE: Final = 106
MSG_EXPIRED: Final = 107
MSG_CBOR_INVALID: Final = 108
AUTH_INVALID: Final = 201
AUTH_NO_SESSION: Final = 202
AUTH_KEY_INVALID: Final = 203
AUTH_PERMISSIONS: Final = 204
AUTH_SESSION_ID: Final = 205
AUTH_TOWER_ID: Final = 206
AUTH_SIGNATURE: Final = 207
AUTH_SIZE: Final = 208
SYS_RESOURCES: Final = 505

ERROR_NAMES: Final = {
    0: "NONE",
    1: "UNKNOWN",
    100: "MSG_UNKNOWN",
    101: "MSG_INVALID_ID",
    102: "MSG_ITEM_MISSING",
    103: "MSG_ITEM_TYPE",
    104: "MSG_ITEM_RANGE",
    105: "MSG_ITEM_LENGTH",
    106: "MSG_ITEM_VALUE",
    107: "MSG_EXPIRED",
    108: "MSG_CBOR_INVALID",
    200: "AUTH_UNKNOWN",
    201: "AUTH_INVALID",
    202: "AUTH_NO_SESSION",
    203: "AUTH_KEY_INVALID",
    204: "AUTH_PERMISSIONS",
    205: "AUTH_SESSION_ID",
    206: "AUTH_TOWER_ID",
    207: "AUTH_SIGNATURE",
    208: "AUTH_SIZE",
    300: "HW_UNKNOWN",
    301: "HW_PORT",
    302: "HW_MEMORY",
    303: "HW_OVERTEMP",
    304: "HW_UNDERTEMP",
    305: "HW_BATTERY_CRITICAL",
    306: "HW_SPI_INIT",
    307: "HW_RTC",
    308: "HW_BATTERY_MONITOR",
    309: "HW_KEYPAD",
    310: "HW_INTERNAL_FLASH",
    311: "HW_BATTERY_VOLTAGE",
    312: "HW_BATTERY_MON_CFG",
    313: "HW_BATTERY_EOS",
    314: "HW_BATTERY_DISABLED",
    400: "FW_UNKNOWN",
    401: "FW_CBOR_LIB",
    402: "FW_CBOR_MEM",
    403: "FW_CRYPTO_LIB",
    404: "FW_INVALID_EVENT",
    500: "SYS_UNKNOWN",
    501: "SYS_PORT_CONFIG",
    502: "SYS_LOCKER_NOT_FOUND",
    503: "SYS_LAST_OPEN_INFO",
    504: "SYS_LAST_OPEN",
    505: "SYS_RESOURCES",
    506: "SYS_FACTORY_RESET",
    507: "SYS_FLASH_RECOVERY",
    508: "SYS_SYNC_PUSH",
    509: "SYS_LOCKERS_BUSY",
    510: "SYS_SYNC_BUSY",
}


def error_name(code: int) -> str:
    """The name of a code; `UNKNOWN` for one that is not in the list."""
    return ERROR_NAMES.get(code, "UNKNOWN")


class Rejected(Exception):
    """Bytes that are not acted upon. `code` as above; `counts`: an authentication failure (6.4). Holds no secret."""

    def __init__(self, code: int, reason: str, *, counts: bool = False) -> None:
        super().__init__(f"{error_name(code)} ({code}): {reason}")
        self.code, self.reason, self.counts = code, reason, counts
