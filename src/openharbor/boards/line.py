"""Lines to lock boards: serial ports, TCP connections and the emulated cabinet's memory (lock-boards.md 4.1, 4.7)."""

import asyncio
import errno
import socket
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Protocol

import serialx

from openharbor.boards.address import Address

CONNECT_S = 3.0
KEEP_ALIVE = ((socket.TCP_KEEPIDLE, 10), (socket.TCP_KEEPINTVL, 3), (socket.TCP_KEEPCNT, 3))
MOST_BYTES = 4096  # in one read

Received = Callable[[bytes], None]
Lost = Callable[[str], None]


class CannotConnect(Exception):
    """There is no line; the text says why."""


class NothingSent(Exception):
    """The operating system took no byte: provably not sent (lock-boards.md 4.6)."""


class Line(Protocol):
    """One connected line. Whoever connected it gets its bytes, and is told once when it is lost."""

    def write(self, data: bytes) -> None:
        """Hands a frame to the operating system. Raises NothingSent; any later failure ends in `Lost`."""

    async def close(self) -> None:
        """Returns when the port is free again. Nothing is reported any more."""


Connect = Callable[[Received, Lost], Awaitable[Line]]


def connector(address: Address) -> Connect:
    """What connects the line of this address. It raises CannotConnect."""

    async def connect(received: Received, lost: Lost) -> Line:
        if address.transport == "serial":
            return await _connect_serial(address, received, lost)
        if address.transport == "tcp":
            return await _connect_tcp(address, received, lost)
        return await _connect_virtual(address, received, lost)

    return connect


class TcpLine:
    """A socket read and written without a transport in between, to know of every byte whether it left."""

    def __init__(self, sock: socket.socket, received: Received, lost: Lost) -> None:
        self._socket, self._received, self._lost = sock, received, lost
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(sock, self._readable)
        self._open = True

    def write(self, data: bytes) -> None:
        if not self._open:
            raise NothingSent("the connection is closed")
        try:
            sent = self._socket.send(data)
        except OSError as error:  # a full buffer included: it means that the other side has taken nothing for long
            self._end(str(error))
            raise NothingSent(str(error)) from error
        if sent < len(data):
            self._end("the connection took only a part of a frame")

    async def close(self) -> None:
        self._shut()

    def _readable(self) -> None:
        try:
            data = self._socket.recv(MOST_BYTES)
        except (BlockingIOError, InterruptedError):
            return
        except OSError as error:
            self._end(str(error))
            return
        if data:
            self._received(data)
        else:
            self._end("closed by the other side")

    def _end(self, why: str) -> None:
        if self._open:
            self._shut()
            self._lost(why)

    def _shut(self) -> None:
        if self._open:
            self._open = False
            self._loop.remove_reader(self._socket)
            self._socket.close()


class SerialLine(asyncio.Protocol):
    """A serial port, taken exclusively."""

    def __init__(self, received: Received, lost: Lost) -> None:
        self._received, self._lost = received, lost
        self.transport: serialx.BaseSerialTransport | None = None

    def data_received(self, data: bytes) -> None:
        self._received(data)

    def connection_lost(self, exc: Exception | None) -> None:
        self._lost(str(exc) if exc else "closed")

    def write(self, data: bytes) -> None:
        transport = self.transport
        if transport is None or transport.is_closing():
            raise NothingSent("the port is closed")
        try:
            transport.write(data)
        except OSError as error:
            raise NothingSent(str(error)) from error
        left = transport.get_write_buffer_size()
        failed_at_once = transport.is_closing()
        if left:
            transport.abort()
        if failed_at_once or left == len(data):
            raise NothingSent("the port took no byte")

    async def close(self) -> None:
        self._received, self._lost = _ignore, _ignore
        if self.transport is not None:
            self.transport.abort()
            await self.transport.wait_closed()


class VirtualLine:
    """A line to an emulated cabinet in this process."""

    def __init__(self, pipe: "Duplex", received: Received, lost: Lost) -> None:
        self._pipe, self._lost = pipe, lost
        pipe.set_receiver(received)
        pipe.on_lost(lambda: self._lost("the emulated cabinet is gone"))

    def write(self, data: bytes) -> None:
        try:
            self._pipe.write(data)
        except OSError as error:
            raise NothingSent(str(error)) from error

    async def close(self) -> None:
        self._lost = _ignore
        self._pipe.close()


class Duplex(Protocol):
    """One end of a memory pipe, as `emulator.pipe` gives it."""

    def write(self, data: bytes) -> None: ...

    def set_receiver(self, receive: Callable[[bytes], None], /) -> None: ...

    def on_lost(self, lost: Callable[[], None], /) -> None: ...

    def close(self) -> None: ...


def _ignore(_: object) -> None:
    """A closed line reports nothing."""


async def _connect_tcp(address: Address, received: Received, lost: Lost) -> Line:
    host = address.host.strip("[]")
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(CONNECT_S):
            found = await loop.getaddrinfo(host, address.port, type=socket.SOCK_STREAM)
            return TcpLine(await _first_socket(found), received, lost)
    except TimeoutError:
        raise CannotConnect(f"{address.host}:{address.port} did not answer within {CONNECT_S:.0f} s") from None
    except OSError as error:
        raise CannotConnect(f"{address.host}:{address.port}: {error.strerror or error}") from error


async def _first_socket(found: Sequence[tuple[int, int, int, str, Any]]) -> socket.socket:
    failed: OSError = OSError("the name has no address")
    for family, kind, protocol, _, where in found:
        sock = socket.socket(family, kind, protocol)
        try:
            sock.setblocking(False)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            for option, value in KEEP_ALIVE:
                sock.setsockopt(socket.IPPROTO_TCP, option, value)
            await asyncio.get_running_loop().sock_connect(sock, where)
            return sock
        except OSError as error:
            sock.close()
            failed = error
        except BaseException:
            sock.close()
            raise
    raise failed


async def _connect_serial(address: Address, received: Received, lost: Lost) -> Line:
    line = SerialLine(received, lost)
    parity = {"N": serialx.Parity.NONE, "E": serialx.Parity.EVEN, "O": serialx.Parity.ODD}[address.parity]
    stopbits = serialx.StopBits.TWO if address.stopbits == 2 else serialx.StopBits.ONE
    try:
        line.transport, _ = await serialx.create_serial_connection(
            asyncio.get_running_loop(), lambda: line, address.path, address.baudrate, parity, stopbits, exclusive=True
        )
    except serialx.UnsupportedSetting as error:
        raise CannotConnect(f"{address.path}: {error}") from error
    except OSError as error:
        in_use = error.errno in (errno.EBUSY, errno.EWOULDBLOCK)
        why = "already in use by another program" if in_use else error.strerror or str(error)
        raise CannotConnect(f"{address.path}: {why}") from error
    return line


async def _connect_virtual(address: Address, received: Received, lost: Lost) -> Line:
    from openharbor.boards.emulator.pipe import open_virtual  # only who asks for an emulated cabinet loads it

    try:
        return VirtualLine(await open_virtual(address), received, lost)
    except ValueError as error:  # two addresses that differ over one cabinet
        raise CannotConnect(str(error)) from error
