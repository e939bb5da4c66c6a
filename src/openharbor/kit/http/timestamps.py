"""Times on the wire: RFC 3339 in UTC with exactly three decimals and `Z`."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

import msgspec

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)
MALFORMED = "must be an RFC 3339 date and time with its offset, such as 2026-03-02T17:05:02Z"

_Moment = Annotated[datetime, msgspec.Meta(tz=True)]
# One pair, replaced as a whole: several threads may read and write it.
_latest: tuple[int, str] = (0, "1970-01-01T00:00:00")


def rfc3339(ms: int) -> str:
    """Milliseconds since 1970, UTC, as `2026-03-02T17:05:02.117Z`; years 1 to 9999."""
    global _latest  # noqa: PLW0603  # most calls fall into the second of the call before
    second, rest = divmod(ms, 1000)
    known, text = _latest
    if second != known:
        text = (EPOCH + timedelta(seconds=second)).isoformat()[:19]
        _latest = second, text
    return f"{text}.{rest:03d}Z"


def parse_rfc3339(text: str) -> int:
    """Milliseconds since 1970, UTC, rounded down, of a time with any offset. Raises ValueError that says the rule."""
    try:
        moment = msgspec.convert(text, _Moment)
    except msgspec.ValidationError:
        raise ValueError(MALFORMED) from None
    return (moment - EPOCH) // MILLISECOND
