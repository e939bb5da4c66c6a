"""Boards for measuring: Modbus relay boards on TCP lines of their own, which note when the last byte of a pulse came.

A process of its own: `python -m tests.bench.lines BOARDS` prints its ports, then one line for each frame: `P BOARD
RELAY TIME` for a pulse, `R BOARD 0 TIME` for a read that was answered. TIME is of the system-wide monotonic clock (s).
"""

import asyncio
import sys
import time
from functools import partial
from typing import cast

from .modbus import crc16

LOCKS = 8
REQUEST = 8  # bytes of each request that a driver sends
DOOR_OPENS_S, DOOR_SHUTS_S = 0.02, 1.5
NORMAL_MODES = bytes(16)
FIRMWARE = (200).to_bytes(2, "big")


class Line(asyncio.Protocol):
    """One board on one line."""

    def __init__(self, board: int) -> None:
        self.board, self.buffer = board, b""
        self.doors = 0xFF  # closed_is_1

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        at = time.monotonic()
        self.buffer += data
        while len(self.buffer) >= REQUEST:
            frame, self.buffer = self.buffer[:REQUEST], self.buffer[REQUEST:]
            self.answer(frame, at)

    def answer(self, frame: bytes, at: float) -> None:
        function, register = frame[1], int.from_bytes(frame[2:4], "big")
        if function == 5:
            self.transport.write(frame)
            if register >= 0x0200:
                self.pulse(register - 0x0200, at)
            return
        payload = {2: bytes([self.doors]), 3: FIRMWARE if register == 0x8000 else NORMAL_MODES}.get(function, b"\0")
        reply = bytes([frame[0], function, len(payload)]) + payload
        self.transport.write(reply + crc16(reply))
        if function == 2:
            note("R", self.board, 0, time.monotonic())

    def pulse(self, relay: int, at: float) -> None:
        note("P", self.board, relay, at)
        loop, bit = asyncio.get_running_loop(), 1 << relay
        loop.call_later(DOOR_OPENS_S, self.move, 0, bit)
        loop.call_later(DOOR_SHUTS_S, self.move, bit, bit)

    def move(self, value: int, bit: int) -> None:
        self.doors = (self.doors & ~bit) | value


def note(kind: str, board: int, relay: int, at: float) -> None:
    print(kind, board, relay, f"{at:.6f}", flush=True)


async def main(boards: int) -> None:
    loop = asyncio.get_running_loop()
    servers = [await loop.create_server(partial(Line, board), "127.0.0.1") for board in range(boards)]
    print(*(server.sockets[0].getsockname()[1] for server in servers), flush=True)
    await asyncio.gather(*(server.serve_forever() for server in servers))


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
