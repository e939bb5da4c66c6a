"""Addresses of PostgreSQL databases: checked, and shown without their secrets."""

import psycopg
from psycopg.conninfo import conninfo_to_dict

from openharbor.kit.database.urls import is_postgres
from openharbor.kit.errors import NOT_REACHABLE, Failed


def checked(url: str) -> str:
    """The URL, if libpq can read it. Raises Failed, without the URL: it may have a password in it."""
    _parts(url)
    return url


def shown(url: str) -> str:
    """For people: the user, the host and the database."""
    parts = _parts(url)
    user = f"{parts['user']}@" if "user" in parts else ""
    port = f":{parts['port']}" if "port" in parts else ""
    return f"postgresql://{user}{parts.get('host', '')}{port}/{parts.get('dbname', '')}"


def failed(url: str, what: str, error: psycopg.Error) -> Failed:
    """`what` cannot be done ("reached", "read"), in a line without a secret. Exit code 4 without a session (cli.md)."""
    code = NOT_REACHABLE if isinstance(error, psycopg.OperationalError) else 1
    return Failed(f"{shown(url)} cannot be {what}: {' '.join(str(error).split())}", code)


def _parts(url: str) -> dict[str, str]:
    try:
        parts = conninfo_to_dict(url)
    except psycopg.Error:
        parts = None
    if parts is None or not is_postgres(url):
        raise Failed("this is not the URL of a PostgreSQL database (postgresql://USER:PASSWORD@HOST:PORT/DATABASE)")
    return {name: str(value) for name, value in parts.items()}
