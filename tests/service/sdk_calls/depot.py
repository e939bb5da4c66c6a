"""Where a phone fetches command packets and hands in batches: the SDK API as far as a sync needs it, over HTTP."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from harness.towers import TOWER_ID, Server
from openharbor.blink.batches import Batch, open_batch
from openharbor.blink.cbor import Fields
from openharbor.blink.packets import Packet
from openharbor.blink.sealing import Sealed

STORED = {"msg": "Events stored"}


@dataclass
class Depot:
    """`events`: in the order they came, as often as they came. `waiting`: packets to be given out, with their ids."""

    server: Server
    url: str = ""
    events: list[Fields] = field(default_factory=list)
    waiting: list[tuple[int, Sealed]] = field(default_factory=list)

    def queue_receipt(self) -> None:
        """A packet that lets the tower forget what has come."""
        first = self.server.command
        seen = {1: Packet.SYNC_MARK_SEEN_EVENTS, 31: max((event[30] for event in self.events), default=0) + 1}
        self.waiting = [(first, self.server.packet(seen))]

    def accesses(self, locker: int) -> list[tuple[int, int]]:
        """Token and reason of the accesses to a locker, in order."""
        access = (event for event in self.events if event[1] == Packet.LOCKER_ACCESS_EVENT and event.get(70) == locker)
        return [(event[224], event[77]) for event in access]

    def take(self, packets: list[dict[str, Any]]) -> None:
        for one in packets:
            batch = open_batch(
                {1: self.server.key},
                bytes.fromhex(one["payload"]),
                bytes.fromhex(one["payloadAuth"]),
                tower_id=TOWER_ID,
                epoch=1,
                first=one["syncEventStart"],
                count=one["syncEventCount"],
            )
            assert isinstance(batch, Batch), batch
            assert batch.dropped == 0
            self.events.extend(batch.events)

    def commands(self) -> list[dict[str, Any]]:
        return [
            {
                "towerId": TOWER_ID.hex(),
                "syncCommandStart": first,
                "syncCommandCount": 1,
                "payload": sealed.payload.hex(),
                "payloadAuth": sealed.auth.hex(),
            }
            for first, sealed in self.waiting
        ]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        length = int(head.partition("content-length:")[2].partition("\r\n")[0] or 0)
        body = await reader.readexactly(length)
        if head.startswith("post"):
            self.take(json.loads(body))
        said = json.dumps(STORED if head.startswith("post") else self.commands()).encode()
        writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(said) + said)
        await writer.drain()
        writer.close()


@asynccontextmanager
async def open_depot(server: Server) -> AsyncIterator[Depot]:
    depot = Depot(server)
    listener = await asyncio.start_server(depot.serve, "127.0.0.1", 0)
    depot.url = f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
    try:
        yield depot
    finally:
        listener.close()
        await listener.wait_closed()
