"""Names of time zones."""

from zoneinfo import ZoneInfo


def is_timezone(name: str) -> bool:
    """Whether the time zone database has this name."""
    try:
        ZoneInfo(name)
    except (ValueError, OSError, KeyError):  # no such zone, a directory of zones, or no name for one at all
        return False
    return True
