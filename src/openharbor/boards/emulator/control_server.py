"""Serves the control API on a port of its own."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Iterator

import uvicorn

from openharbor.boards.emulator.control import control_app
from openharbor.boards.emulator.emulator import Emulator

ANYWHERE = "0.0.0.0"  # noqa: S104 - only with --allow-remote-control


class _Server(uvicorn.Server):
    """Leaves signals to the program around it, and tells when it accepts work."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@contextlib.asynccontextmanager
async def serve_control(emulator: Emulator, port: int = 0, *, remote: bool = False) -> AsyncIterator[str]:
    """The API's URL while it is served. On loopback only, unless `remote`. Raises OSError for a port that is taken."""
    listener = socket.socket()
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((ANYWHERE if remote else "127.0.0.1", port))
        app = control_app(emulator, remote=remote)
        config = uvicorn.Config(app, log_config=None, access_log=False, lifespan="off", ws="none")
        server = _Server(config)
        task = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            await server.ready.wait()
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            await task
    finally:
        listener.close()
