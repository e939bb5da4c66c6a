"""What an emulated cabinet shows to the outside: a TCP port, a pseudo-terminal, or a pipe in memory."""

from typing import Protocol


class Face(Protocol):
    """One way to reach the line. `start` may be called once; `stop` leaves nothing behind."""

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    @property
    def place(self) -> str:
        """Where a connection URL points: `tcp://host:port`, `serial:///path`, `virtual://name`."""
