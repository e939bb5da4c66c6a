"""What the URL of a database says: a file on this machine, or a server."""

from pathlib import Path

from openharbor.kit.errors import Failed

SQLITE = "sqlite:///"
POSTGRES = ("postgresql://", "postgres://")


def sqlite_url(path: Path) -> str:
    """The URL of a database in a file."""
    return f"{SQLITE}{path}"


def sqlite_path(url: str) -> Path:
    """The file of an SQLite database. Raises Failed when the URL is of none."""
    if not url.startswith(SQLITE) or "?" in url:
        raise Failed(f"{url.rpartition('@')[2]} is not the URL of an SQLite database ({SQLITE}PATH)")
    return Path(url.removeprefix(SQLITE))


def is_postgres(url: str) -> bool:
    """Whether it is the URL of a database on a server."""
    return url.startswith(POSTGRES)
