"""openharbor's services as the processes they are in the field."""

import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

OPENHARBOR = [sys.executable, "-m", "openharbor"]


@dataclass
class Service:
    """A running service and its ready line."""

    process: subprocess.Popen[bytes]
    ready: str
    log: Path

    @property
    def url(self) -> str:
        """The first http address of the ready line."""
        return next(word for word in self.ready.split() if word.startswith("http://"))

    @property
    def host_port(self) -> str:
        return self.url.removeprefix("http://")

    def kill(self) -> None:
        """kill -9."""
        self.process.kill()
        self.process.wait(10)
        self.close()

    def close(self) -> None:
        """Closes our end of its stdout."""
        if self.process.stdout is not None:
            self.process.stdout.close()

    def stop(self) -> int:
        """SIGTERM, and the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(40)


def start(*arguments: str, log: Path, env: dict[str, str] | None = None, within: float = 30.0) -> Service:
    """Starts `openharbor …` and waits for its ready line. Raises with the log when none comes."""
    with log.open("ab") as sink:
        process = subprocess.Popen(
            [*OPENHARBOR, *arguments], stdout=subprocess.PIPE, stderr=sink, env={**os.environ, **(env or {})}
        )
    assert process.stdout is not None
    readable, _, _ = select.select([process.stdout], [], [], within)
    line = process.stdout.readline().decode() if readable else ""
    if " ready" not in line:
        process.kill()
        process.wait(10)
        process.stdout.close()
        raise AssertionError(f"no ready line from {arguments}: {line!r}\n{log.read_text()[-4000:]}")
    return Service(process, line.strip(), log)


def start_and_kill(*arguments: str, log: Path, after: float) -> None:
    """Starts `openharbor …` and kills it `after` seconds, ready or not."""
    with log.open("ab") as sink:
        process = subprocess.Popen([*OPENHARBOR, *arguments], stdout=subprocess.DEVNULL, stderr=sink)
    try:
        process.wait(after)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(10)


@contextmanager
def serving(*arguments: str, log: Path, env: dict[str, str] | None = None) -> Iterator[Service]:
    """A service for the time of a block; it must end cleanly unless the block killed it."""
    service = start(*arguments, log=log, env=env)
    try:
        yield service
    finally:
        killed = service.process.poll() is not None
        code = service.stop()
        service.close()
    assert killed or code == 0, f"exit code {code}\n{log.read_text()[-4000:]}"


def openharbor(*arguments: str, stdin: str = "", check: bool = True) -> subprocess.CompletedProcess[str]:
    """Runs one command to its end."""
    done = subprocess.run([*OPENHARBOR, *arguments], input=stdin, capture_output=True, text=True, timeout=60)
    assert not check or done.returncode == 0, done.stderr
    return done


def until(condition: object, within: float = 10.0) -> None:
    """Waits for a condition that another process brings about."""
    assert callable(condition)
    end = time.monotonic() + within
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)
