"""Virtual Bluetooth controllers for tests: each on a TCP port, and a phone by hand on a link of a radio.

`python -m harness.virtual_radio` prints one line of JSON with its HCI ports (`--ports 2`), and keeps the controllers
until its standard input ends.
"""

import argparse
import asyncio
import contextlib
import json
import sys
from collections.abc import AsyncIterator

from bumble.transport.common import PacketParser

from harness.towers import WirePhone
from openharbor.demo.air import VirtualController, advertisers, air, controller, hci
from openharbor.phone.transport import Transport

__all__ = ["RadioPhone", "VirtualController", "advertisers", "air", "controller", "hci", "on_port", "unplug"]


class RadioPhone(WirePhone):
    """A phone by hand on a link of a radio."""

    def __init__(self, link: Transport) -> None:
        self.link = link
        self.credentials, self.session = None, None

    async def send(self, data: bytes) -> None:
        await self.link.send(data)

    async def receive(self, within: float = 20.0) -> bytes:
        """The next frame of the tower. Raises LinkLost when the link is gone."""
        async with asyncio.timeout(within):
            return await self.link.receive()

    async def close(self) -> None:
        await self.link.close()


class _Wire:
    """The host's end of a controller's TCP port."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self._writer = writer

    def on_packet(self, packet: bytes) -> None:
        self._writer.write(packet)

    def close(self) -> None:
        self._writer.close()


def unplug(one: VirtualController) -> None:
    """Closes the connection of its TCP port, as a USB controller that is pulled out."""
    if isinstance(one.host, _Wire):
        one.host.close()


@contextlib.asynccontextmanager
async def on_port(one: VirtualController, port: int = 0) -> AsyncIterator[int]:
    """The controller on a TCP port (HCI, H4), for `tcp-client:127.0.0.1:PORT`; one host after another."""
    hosts: set[asyncio.StreamWriter] = set()

    async def served(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        hosts.add(writer)
        one.set_packet_sink(_Wire(writer))
        parser = PacketParser(one)
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(4096):
                parser.feed_data(data)
        hosts.discard(writer)
        writer.close()
        one.set_packet_sink(None)
        one.silenced()

    server = await asyncio.start_server(served, "127.0.0.1", port)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for writer in tuple(hosts):
            writer.close()
            await writer.wait_closed()
        await server.wait_closed()


async def main(count: int) -> None:
    """Serves controllers until standard input ends."""
    here = air()
    async with contextlib.AsyncExitStack() as stack:
        ports = [await stack.enter_async_context(on_port(controller(here, f"port{n}"))) for n in range(count)]
        print(json.dumps({"ports": ports}), flush=True)
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ports", type=int, default=2)
    asyncio.run(main(parser.parse_args().ports))
