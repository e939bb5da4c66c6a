"""The line on a pseudo-terminal in raw mode, as a serial port shows it."""

import asyncio
import contextlib
import os
import tempfile
import tty
from pathlib import Path

from openharbor.boards.emulator.cable import Cable
from openharbor.boards.emulator.faults import Fault, Faults

READ_SIZE = 4096


class PtyFace:
    """A terminal under a path that stays the same, also when it is unplugged and comes back as another."""

    def __init__(self, cable: Cable, faults: Faults) -> None:
        self._cable = cable
        self._directory: Path | None = None
        self._master: int | None = None
        self._slave: int | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        faults.on(["pty_unplug"], begins=self._unplug, ends=self._plug)

    @property
    def path(self) -> Path:
        if self._directory is None:
            raise RuntimeError("a terminal has a path only while it is there")
        return self._directory / "tty"

    @property
    def place(self) -> str:
        return f"serial://{self.path}"

    async def start(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._directory = Path(tempfile.mkdtemp(prefix="openharbor-"))
        self._open()

    async def stop(self) -> None:
        self._close()
        self._loop = None
        if self._directory is not None:
            self._directory.rmdir()
            self._directory = None

    def send(self, data: bytes) -> None:
        """Hands bytes to whoever has the terminal open; what nobody reads is lost, as on a wire."""
        if self._master is not None:
            with contextlib.suppress(BlockingIOError):
                os.write(self._master, data)

    def reset(self) -> None:
        """A wire has no connection to cut."""

    def _open(self) -> None:
        if self._loop is None:
            return
        self._master, self._slave = os.openpty()  # the slave stays open: a driver that leaves is no hang-up
        tty.setraw(self._slave)
        os.set_blocking(self._master, False)
        self.path.unlink(missing_ok=True)
        self.path.symlink_to(os.ttyname(self._slave))
        self._loop.add_reader(self._master, self._readable)
        self._cable.attach(self)

    def _close(self) -> None:
        if self._master is None or self._slave is None or self._loop is None:
            return
        self._cable.detach(self)
        self._loop.remove_reader(self._master)
        os.close(self._slave)
        os.close(self._master)
        self._master = self._slave = None
        self.path.unlink(missing_ok=True)

    def _readable(self) -> None:
        if self._master is not None:
            with contextlib.suppress(BlockingIOError):
                self._cable.receive(os.read(self._master, READ_SIZE), self)

    def _unplug(self, _fault: Fault) -> None:
        self._close()

    def _plug(self, _fault: Fault) -> None:
        self._open()
