"""The kinds of values in the contract's requests, with their limits and the rule that an error names."""

from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from typing import Annotated, Literal

from msgspec import Meta

# `\Z`, not `$`: that one would let a line feed at the end through.
Slug = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=64,
        pattern=r"^[a-z0-9]+(-[a-z0-9]+)*\Z",
        description="must be lower-case words joined by hyphens",
    ),
]
TransactionId = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=128,
        pattern=r"^[A-Za-z0-9_:-][A-Za-z0-9._:-]{0,127}\Z",
        description="must be 1 to 128 characters of A-Z a-z 0-9 . _ : -, the first not a dot",
    ),
]
DeviceId = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=64,
        pattern=r"^[A-Za-z0-9_:-][A-Za-z0-9._:-]{0,63}\Z",
        description="must be 1 to 64 characters of A-Z a-z 0-9 . _ : -, the first not a dot",
    ),
]
IdempotencyKey = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=255,
        pattern=r"^[!-~]{1,255}\Z",
        description="must be 1 to 255 visible ASCII characters",
    ),
]
GatewayId = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=64,
        pattern=r"^[A-Za-z0-9._-]+\Z",
        description="must be 1 to 64 characters of A-Z a-z 0-9 . _ -",
    ),
]
Driver = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=64,
        pattern=r"^[a-z0-9]+(-[a-z0-9]+)*\Z",
        description="must be the name of a driver: lower-case words joined by hyphens",
    ),
]
BoardUrl = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=255,
        pattern=r"^[a-z0-9]+(-[a-z0-9]+)*(\+[a-z0-9]+)?://.+\Z",
        description="must be the URL of a board, at most 255 characters, its scheme beginning with the driver name",
    ),
]
Id = Annotated[int, Meta(ge=1, le=2**31 - 1, description="must be an integer of 1 to 2147483647")]
Flag = Annotated[bool, Meta(description="must be true or false")]
Name = Annotated[str, Meta(min_length=1, max_length=100, description="must be 1 to 100 characters")]
Text = Annotated[str, Meta(max_length=500, description="must be at most 500 characters")]
Version = Annotated[str, Meta(max_length=64, description="must be at most 64 characters")]
Address = Annotated[str, Meta(max_length=45, description="must be an IPv4 or IPv6 address")]
Timezone = Annotated[str, Meta(min_length=1, max_length=64, description="must be an IANA time zone name")]
Millimetres = Annotated[int, Meta(ge=1, le=10_000, description="must be 1 to 10000")]
PulseMs = Annotated[int, Meta(ge=50, le=2000, description="must be 50 to 2000")]
DoorLeftOpenSeconds = Annotated[int, Meta(ge=0, le=86400, description="must be 0 to 86400")]
OpenDetectionSeconds = Annotated[int, Meta(ge=1, le=18, description="must be 1 to 18")]
Limit = Annotated[int, Meta(ge=1, le=1000, description="must be 1 to 1000")]
Moment = Annotated[datetime, Meta(tz=True, description="must be an RFC 3339 date and time with its offset")]
LogLevel = Annotated[
    Literal["debug", "info", "warning", "error", "critical"],
    Meta(description="must be debug, info, warning, error or critical"),
]
DeviceType = Annotated[
    Literal["kiosk", "screen", "keypad", "camera", "other"],
    Meta(description="must be kiosk, screen, keypad, camera or other"),
]
DeviceStatus = Annotated[Literal["ok", "degraded", "error"], Meta(description="must be ok, degraded or error")]
SCOPES = ("read", "transactions", "maintenance", "devices", "system")

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)


def milliseconds(moment: datetime) -> int:
    """Milliseconds since 1970, UTC, rounded down."""
    return (moment - EPOCH) // MILLISECOND


def is_address(text: str) -> bool:
    """Whether this is an IPv4 or IPv6 address, without a scope."""
    try:
        return "%" not in text and bool(ip_address(text))
    except ValueError:
        return False
