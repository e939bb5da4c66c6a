"""What this machine has for openharbor, what is missing, how to install it."""

import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from typing import TypedDict

from openharbor import __version__


class Finding(TypedDict):
    """One thing looked for. `needed_for` says who misses it; `remedy` is empty when it is there."""

    name: str
    present: bool
    found: str
    needed_for: str
    remedy: str


def examine() -> list[Finding]:
    """Looks at this machine; starts nothing and changes nothing."""
    return [
        _finding("openharbor", True, __version__, "everything", ""),
        _python(),
        _sqlite(),
        _serial_ports(),
        _program("postgres", "a cloud on PostgreSQL", "apt install postgresql", beside=Path("/usr/lib/postgresql")),
        _program("nats-server", "a fleet", "apt install nats-server"),
        _program("chromium", "the tests of pages", "apt install chromium"),
        _bluetooth(),
        _name(),
    ]


def line(finding: Finding) -> str:
    mark = "ok     " if finding["present"] else "missing"
    tail = f" (needed for {finding['needed_for']}: {finding['remedy']})" if not finding["present"] else ""
    return f"{mark} {finding['name']}: {finding['found']}{tail}"


def _finding(name: str, present: bool, found: str, needed_for: str, remedy: str) -> Finding:
    return Finding(name=name, present=present, found=found, needed_for=needed_for, remedy="" if present else remedy)


def _python() -> Finding:
    version = sys.version.split()[0]
    return _finding("Python", sys.version_info >= (3, 11), version, "everything", "install Python 3.11 or newer")


def _sqlite() -> Finding:
    from openharbor.kit.database.driver import sqlite3

    return _finding("SQLite", True, sqlite3.sqlite_version, "a gateway", "")


def _serial_ports() -> Finding:
    by_id = sorted(str(path) for path in Path("/dev/serial/by-id").glob("*"))
    ports = by_id or sorted(str(path) for path in Path("/dev").glob("tty[UA][SC][BM]*"))
    denied = [port for port in ports if not os.access(port, os.R_OK | os.W_OK)]
    found = ", ".join(ports) or "none"
    if denied:
        return _finding("serial ports", False, found, "boards on a serial line", "usermod -aG dialout YOU")
    return _finding("serial ports", bool(ports), found, "boards on a serial line", "plug the adapter in")


def _program(name: str, needed_for: str, remedy: str, beside: Path | None = None) -> Finding:
    where = shutil.which(name) or next(
        (str(path) for path in beside.glob(f"*/bin/{name}")) if beside else iter(()), None
    )
    version = _first_line([where, "--version"]) if where else "not found"
    return _finding(name, where is not None, version, needed_for, remedy)


def _first_line(command: list[str]) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)  # noqa: S603
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"does not start: {error}"
    return (done.stdout or done.stderr).strip().partition("\n")[0]


def _bluetooth() -> Finding:
    adapters = sorted(path.name for path in Path("/sys/class/bluetooth").glob("hci*"))
    return _finding("Bluetooth", bool(adapters), ", ".join(adapters) or "none", "a tower's radio", "plug an adapter in")


def _name() -> Finding:
    return _finding("host name", True, socket.gethostname(), "callers on the network", "")
