"""The line on a TCP port, as a serial converter or a board with a network socket shows it."""

import asyncio
import socket
import struct
from typing import cast

from openharbor.boards.emulator.cable import Cable
from openharbor.boards.emulator.faults import Fault, Faults

UNREAD = 65536  # bytes a client may leave unread before it is cut off
MOST_CLIENTS = 32
RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class TcpFace:
    """Listens on `host:port`; port 0 picks a free one, which stays the same while it lives."""

    def __init__(self, cable: Cable, faults: Faults, host: str = "127.0.0.1", port: int = 0) -> None:
        self._cable = cable
        self._faults = faults
        self._address = (host, port)
        self._server: asyncio.Server | None = None
        self._again: asyncio.Task[None] | None = None
        self.clients: list[_Client] = []
        faults.on(["tcp_refuse"], begins=self._refuse, ends=self._accept_again)

    @property
    def place(self) -> str:
        host, port = self._address
        return f"tcp://{f'[{host}]' if ':' in host else host}:{port}"

    @property
    def port(self) -> int:
        return self._address[1]

    async def start(self) -> None:
        family = socket.AF_INET6 if ":" in self._address[0] else socket.AF_INET
        listener = socket.socket(family, socket.SOCK_STREAM)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(self._address)
            listener.listen(MOST_CLIENTS)
        except OSError:
            listener.close()
            raise
        self._address = (self._address[0], listener.getsockname()[1])
        self._server = await asyncio.get_running_loop().create_server(lambda: _Client(self), sock=listener)

    async def stop(self) -> None:
        if self._again is not None:
            self._again.cancel()
            await asyncio.gather(self._again, return_exceptions=True)
        self._close()
        await asyncio.sleep(0)

    def joined(self, client: "_Client") -> None:
        """A client connected; some converters keep one only."""
        one = self._faults.active("tcp_one_client")
        if one is not None and self.clients:
            if one.options["keeps"] == "first":
                client.reset()
                return
            for other in tuple(self.clients):
                other.reset()
        if len(self.clients) >= MOST_CLIENTS:
            client.reset()
            return
        self.clients.append(client)
        self._cable.attach(client)

    def left(self, client: "_Client") -> None:
        if client in self.clients:
            self.clients.remove(client)
            self._cable.detach(client)

    def heard(self, client: "_Client", data: bytes) -> None:
        self._cable.receive(data, client)

    def _close(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        for client in tuple(self.clients):
            client.reset()

    def _refuse(self, _fault: Fault) -> None:
        self._close()

    def _accept_again(self, _fault: Fault) -> None:
        self._again = asyncio.get_running_loop().create_task(self.start())


class _Client(asyncio.Protocol):
    """One connection."""

    def __init__(self, face: TcpFace) -> None:
        self._face = face
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is none by its class
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._face.joined(self)

    def connection_lost(self, _error: Exception | None) -> None:
        self._face.left(self)

    def data_received(self, data: bytes) -> None:
        self._face.heard(self, data)

    def send(self, data: bytes) -> None:
        if self._transport is None or self._transport.is_closing():
            return
        self._transport.write(data)
        if self._transport.get_write_buffer_size() > UNREAD:
            self.reset()

    def reset(self) -> None:
        """Cuts the connection, so that the other end sees a reset."""
        self._face.left(self)
        if self._transport is not None and not self._transport.is_closing():
            self._transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
            self._transport.abort()
