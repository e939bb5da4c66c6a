"""A real PostgreSQL for tests: a cluster in a directory of its own, on a loopback port, gone when the tests are."""

import atexit
import ctypes
import fcntl
import itertools
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

import psycopg
import pytest

USER, PASSWORD = "openharbor", "not-for-production"
PREFIX = "openharbor-postgres-"
START_S = 60.0
DIES_WITH_PARENT = 1  # PR_SET_PDEATHSIG
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "200",
    "shared_buffers": "32MB",
    "max_wal_size": "512MB",
    "autovacuum": "off",
    "deadlock_timeout": "100ms",
    "log_min_messages": "fatal",
    "restart_after_crash": "on",
}
NUMBERS = itertools.count(1)


@cache
def binaries() -> Path:
    """The directory with `initdb` and `postgres`: of the PATH, or the newest that Debian has put aside."""
    found = shutil.which("initdb")
    if found and (Path(found).resolve().parent / "postgres").exists():
        return Path(found).resolve().parent
    versions = [path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/initdb")]
    if not versions:
        raise AssertionError("these tests need a PostgreSQL server, and there is none: apt install postgresql")
    return max(versions, key=lambda path: float(path.parent.name))


def unprivileged() -> str | None:
    """Whom the server runs as: it refuses to be root. None: as ourselves."""
    if os.geteuid() != 0:
        return None
    names = [line.split(":")[0] for line in Path("/etc/passwd").read_text().splitlines()]
    return "postgres" if "postgres" in names else "nobody"


class Server:
    """One cluster; `start` and `stop` as often as a test likes, always on the same port with the same data."""

    def __init__(self, directory: Path, *, fsync: bool = True) -> None:
        self._directory = directory
        self._settings = {**SETTINGS, "fsync": "on" if fsync else "off", "port": str(_free_port())}
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def port(self) -> int:
        return int(self._settings["port"])

    def url(self, database: str = "postgres") -> str:
        return f"postgresql://{USER}:{PASSWORD}@127.0.0.1:{self.port}/{database}"

    def database(self, name: str = "test") -> str:
        """The URL of a fresh, empty database whose name begins with `name`."""
        unique = f"{name}_{os.getpid()}_{next(NUMBERS)}"
        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{unique}"'.encode())
        return self.url(unique)

    def start(self) -> None:
        """Returns when it takes connections; at once if it runs. It ends with the thread that started it."""
        if self._process is not None:
            return
        options = [word for name, value in self._settings.items() for word in ("-c", f"{name}={value}")]
        with (self._directory / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [binaries() / "postgres", "-D", self._directory / "data", *options],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                user=unprivileged(),
                extra_groups=[] if unprivileged() else None,
                preexec_fn=_die_with_parent,  # noqa: PLW1509  # a test process that is killed leaves no server behind
            )
        self.wait_until_ready()

    def wait_until_ready(self) -> None:
        """Returns when it takes connections, also after it was started again by a crash."""
        until = time.monotonic() + START_S
        while True:
            try:
                psycopg.connect(self.url(), connect_timeout=5).close()
            except psycopg.OperationalError:
                if self._process is None or self._process.poll() is not None or time.monotonic() > until:
                    log = (self._directory / "log").read_text()[-2000:]
                    raise AssertionError(f"PostgreSQL does not start:\n{log}") from None
                time.sleep(0.02)
            else:
                return

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """SIGINT: sessions are ended, everything is written. SIGQUIT: as after a crash. SIGTERM: waits for sessions."""
        process, self._process = self._process, None
        if process is not None:
            process.send_signal(how)
            process.wait(60)

    def kill_backend(self, pid: int) -> None:
        """kill -9 of one session's process; the server then ends all sessions and recovers."""
        assert pid in self.backends(), f"{pid} is no process of this server"
        os.kill(pid, signal.SIGKILL)

    def pause(self) -> None:
        """The server and its sessions stand still: connected, and silent."""
        assert self._process is not None
        for pid in [self._process.pid, *self.backends()]:
            os.kill(pid, signal.SIGSTOP)

    def resume(self) -> None:
        """The end of `pause`."""
        assert self._process is not None
        for pid in [*self.backends(), self._process.pid]:
            os.kill(pid, signal.SIGCONT)

    def backends(self) -> list[int]:
        """Its child processes: the sessions' and its own workers'."""
        assert self._process is not None
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children")
        return [int(pid) for pid in children.read_text().split()]


@contextmanager
def running(*, fsync: bool = True) -> Iterator[Server]:
    """A server of one's own, started. `fsync` off: quicker, for what does not test durability."""
    with _directory() as directory:
        server = Server(directory, fsync=fsync)
        _own(directory)
        _as_server("cp", "--archive", "--reflink=auto", str(_template()), str(directory / "data"))
        server.start()
        try:
            yield server
        finally:
            server.stop(signal.SIGQUIT)  # nobody reads the data any more


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """The server that tests share; each takes a `database()` of its own, and none stops it."""
    with running() as server:
        yield server


@cache
def _template() -> Path:
    """An empty cluster, made once a process: to copy it is quicker than to make another."""
    stack = _directory()
    directory = stack.__enter__()
    atexit.register(stack.__exit__, None, None, None)
    _own(directory)
    password = directory / "password"
    password.write_text(PASSWORD)
    _own(password)
    options = ["--no-sync", "--encoding=UTF8", "--locale=C", "--auth=scram-sha-256", f"--username={USER}"]
    _as_server(
        str(binaries() / "initdb"), *options, f"--pwfile={password}", "--no-instructions", f"--pgdata={directory}/data"
    )
    return directory / "data"


@contextmanager
def _directory() -> Iterator[Path]:
    """A directory that the server's user can reach. What killed test processes left of theirs is removed first."""
    for old in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        with suppress(OSError), (old / "owner").open("r+b") as owner:
            fcntl.flock(owner, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(old)
    directory = Path(tempfile.mkdtemp(prefix=PREFIX))
    with (directory / "owner").open("xb") as owner:
        fcntl.flock(owner, fcntl.LOCK_EX | fcntl.LOCK_NB)
        try:
            yield directory
        finally:
            shutil.rmtree(directory, ignore_errors=True)


def _own(path: Path) -> None:
    user = unprivileged()
    if user is not None:
        shutil.chown(path, user)


def _as_server(*command: str) -> None:
    user = unprivileged()
    ran = subprocess.run(command, user=user, extra_groups=[] if user else None, capture_output=True, cwd="/", text=True)
    assert ran.returncode == 0, f"{command[0]}: {ran.stderr}"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(DIES_WITH_PARENT, signal.SIGQUIT)
