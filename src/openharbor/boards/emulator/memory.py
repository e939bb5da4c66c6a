"""The line as a pipe in memory, so that a virtual cabinet is driven through the real bus and codec."""

import asyncio
from collections.abc import Callable

from openharbor.boards.emulator.cable import Cable

Receiver = Callable[[bytes], None]
Lost = Callable[[], None]


class Duplex:
    """The driver's end of the pipe. Bytes arrive in later turns of the event loop, never inside `write`."""

    def __init__(self, cable: Cable) -> None:
        self._cable = cable
        self._loop = asyncio.get_running_loop()
        self._receiver: Receiver | None = None
        self._waiting: list[bytes] = []
        self._lost: Lost | None = None
        self.closed = False
        cable.attach(self)

    def write(self, data: bytes) -> None:
        """Hands bytes to the line. Raises ConnectionError when it is closed; then nothing was taken."""
        if self.closed:
            raise ConnectionError("the pipe is closed")
        self._cable.receive(data, self)

    def set_receiver(self, callback: Receiver) -> None:
        """Who gets what arrives, from now on, and what arrived before."""
        self._receiver = callback
        waiting, self._waiting = self._waiting, []
        for data in waiting:
            self._loop.call_soon(self._deliver, data)

    def on_lost(self, callback: Lost) -> None:
        """Who is told, once, when the far end goes away."""
        self._lost = callback

    def close(self) -> None:
        """Ends it from the driver's side; nothing arrives any more. May be called again."""
        self.closed = True
        self._cable.detach(self)

    # the cabinet's side

    def send(self, data: bytes) -> None:
        self._loop.call_soon(self._deliver, data)

    def reset(self) -> None:
        """The far end went away."""
        if self.closed:
            return
        self.close()
        if self._lost is not None:
            self._loop.call_soon(self._lost)

    def _deliver(self, data: bytes) -> None:
        if self.closed:
            return
        if self._receiver is None:
            self._waiting = [*self._waiting[-63:], data]
        else:
            self._receiver(data)


class PipeFace:
    """Gives out pipes to the line by name."""

    def __init__(self, cable: Cable, name: str) -> None:
        self._cable = cable
        self.name = name

    @property
    def place(self) -> str:
        return f"virtual://{self.name}"

    async def start(self) -> None:
        """A pipe needs nothing."""

    async def stop(self) -> None:
        """Whoever holds a pipe sees that it is lost."""
        for link in self._cable.links:
            link.reset()

    def open(self) -> Duplex:
        return Duplex(self._cable)
