"""Error codes that only a tower uses (blink-protocol.md 6.3), and its enumerations (9.3)."""

from typing import Final

HW_UNKNOWN: Final = 300
HW_PORT: Final = 301
HW_RTC: Final = 307
HW_INTERNAL_FLASH: Final = 310
SYS_PORT_CONFIG: Final = 501
SYS_LOCKER_NOT_FOUND: Final = 502
SYS_LAST_OPEN_INFO: Final = 503
SYS_LAST_OPEN: Final = 504
SYS_SYNC_PUSH: Final = 508
SYS_LOCKERS_BUSY: Final = 509

# error_source (#4)
FROM_SYSTEM, FROM_PHONE, FROM_BOARD, FROM_STORE, FROM_KEYPAD, FROM_AUTHENTICATION, FROM_CLOCK, FROM_POWER = range(8)
# update_reason (#238)
BY_SERVER, BY_CONFIGURATION, CODE_SET, CODE_REMOVED, BY_STAFF_COMMAND = range(1, 6)
# key_action (#239)
KEY_INSTALLED, KEY_SUNSET, KEY_REVOKED, KEY_EXPIRED = range(1, 5)
