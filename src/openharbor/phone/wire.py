"""A link to a tower over TCP (blink-protocol.md 2.3)."""

import asyncio
from typing import Final

from openharbor.blink.advertising import read_info
from openharbor.blink.frames import INFO_QUESTION
from openharbor.kit.errors import NOT_REACHABLE, Failed
from openharbor.phone.arrivals import Arrivals
from openharbor.phone.scan import found
from openharbor.phone.transport import Found, LinkLost

SCHEME: Final = "tcp://"
CONNECT_S: Final = 10.0
INFO_S: Final = 5.0
HEADER_BYTES: Final = 2  # of the byte string with the info value
AT_ONCE: Final = 4096


class WireLink:
    """A link over TCP; leave it with `close`."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writer, self._arrivals = writer, Arrivals()
        self._reading = asyncio.create_task(self._read(reader))

    async def send(self, frame: bytes) -> None:
        """Raises LinkLost."""
        if self._arrivals.lost is not None:
            raise LinkLost(self._arrivals.lost)
        self._writer.write(frame)
        try:
            await self._writer.drain()
        except OSError as error:
            raise LinkLost(str(error)) from None

    async def receive(self) -> bytes:
        """The next whole frame. Raises LinkLost."""
        return await self._arrivals.next()

    async def close(self) -> None:
        """Hangs up."""
        self._arrivals.end("the link was closed")
        self._reading.cancel()
        self._writer.close()
        await asyncio.gather(self._reading, self._writer.wait_closed(), return_exceptions=True)

    async def _read(self, reader: asyncio.StreamReader) -> None:
        try:
            while data := await reader.read(AT_ONCE):
                self._arrivals.feed(data)
        except OSError as error:
            self._arrivals.end(str(error))
        self._arrivals.end("the tower hung up")


async def connect(address: str) -> WireLink:
    """A link to `tcp://host:port`. Raises Failed."""
    host, port = host_and_port(address)
    try:
        async with asyncio.timeout(CONNECT_S):
            return WireLink(*await asyncio.open_connection(host, port))
    except (OSError, TimeoutError) as error:
        reason = str(error) or "no answer"
        raise Failed(f"no tower can be reached at {address} ({reason}): is it served?", NOT_REACHABLE) from None


async def who_is(address: str) -> Found:
    """What the tower there tells about itself. Raises Failed."""
    link = await connect(address)
    try:
        async with asyncio.timeout(INFO_S):
            await link.send(INFO_QUESTION)
            who = read_info((await link.receive())[HEADER_BYTES:])
    except (LinkLost, TimeoutError):
        who = None
    finally:
        await link.close()
    if who is None:
        raise Failed(f"what answers at {address} is no tower: it does not say who it is", NOT_REACHABLE)
    return found(who, address)


def host_and_port(address: str) -> tuple[str, int]:
    """Of `tcp://host:port`. Raises Failed for another form."""
    host, _, port = address.removeprefix(SCHEME).rpartition(":")
    if not address.startswith(SCHEME) or not host or not port.isdecimal() or int(port) > 65_535:
        raise Failed(f"{address} is no address of a tower: write tcp://host:port", 2)
    return host.strip("[]"), int(port)
