"""A tower as it is served: from a phone's message to the last byte of the pulse on the line, and its memory.

The tower, its boards and the phone are processes of their own; by radio the HCI of two virtual controllers, which are
a fourth, runs over TCP.
"""

import asyncio
import json
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from harness.processes import Service, serving
from harness.towers import Server, make_tower, phone_at, provision
from openharbor.blink.packets import Packet
from openharbor.blink.payloads import DROPOFF, PICKUP
from openharbor.blink.phone_session import PhoneSession, Reply, ask, read_grant, read_reply, request_session
from openharbor.kit.clock import SystemClock
from openharbor.phone.radio_bumble import BumbleRadio
from openharbor.phone.transport import Transport

from .figures import Figure, most
from .lines import LOCKS
from .opens import AFTER_POLL_S, BOARDS, Lines, addresses, boards, percentile

LOCKERS, ROUNDS = BOARDS * LOCKS, 4
TCP_P99_MS, RADIO_P99_MS, MEMORY_MIB = 10.0, 50.0, 60.0


def measure(directory: Path) -> list[Figure]:
    """Sixty-four lockers on eight polled lines; each is opened for a drop-off and a pick-up in turn."""
    figures = []
    for name, limit, way in (("TCP", TCP_P99_MS, _over_tcp), ("Bluetooth", RADIO_P99_MS, _over_radio)):
        folder = directory / name
        folder.mkdir()
        with boards() as lines:
            took, memory = asyncio.run(way(folder, lines))
        note = f"p50 {percentile(took, 50):.2f} ms, {len(took)} opens"
        figures.append(most(f"tower: message to pulse over {name}, p99", percentile(took, 99), limit, "ms", note))
        figures.append(most(f"tower: memory with {LOCKERS} lockers, {name}", memory, MEMORY_MIB, "MiB"))
    return figures


async def _over_tcp(folder: Path, lines: Lines) -> tuple[list[float], float]:
    made = await _made(folder, lines)
    with _serving(made, "--listen", "127.0.0.1:0") as tower:
        async with phone_at(tower.ready.split()[-1]) as link:
            return await _opens(link, lines), _resident_mib(tower)


async def _over_radio(folder: Path, lines: Lines) -> tuple[list[float], float]:
    made = await _made(folder, lines)
    with _controllers() as (at_tower, at_phone), _serving(made, "--bluetooth", at_tower) as tower:
        async with BumbleRadio(at_phone) as radio:
            found = await anext(one async for one in radio.discover(20))
            link = await radio.connect(found)
            took = await _opens(link, lines)
            await link.close()
        return took, _resident_mib(tower)


async def _made(folder: Path, lines: Lines) -> Path:
    urls = [f"{url}&locks={locks}" for url, locks in addresses(lines)]
    return await make_tower(folder, urls, provision(LOCKERS, made_at=int(time.time()) - 60))


@contextmanager
def _serving(data: Path, *way: str) -> Iterator[Service]:
    with serving("tower", "serve", "--data", str(data), *way, log=data.parent / "log") as service:
        yield service


@contextmanager
def _controllers() -> Iterator[tuple[str, str]]:
    """Two virtual controllers that hear each other, as transports."""
    with subprocess.Popen(
        [sys.executable, "-m", "harness.virtual_radio"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parent.parent,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        first, second = json.loads(process.stdout.readline())["ports"]
        yield f"tcp-client:127.0.0.1:{first}", f"tcp-client:127.0.0.1:{second}"
        process.stdin.close()


async def _opens(link: Transport, lines: Lines) -> list[float]:
    """Milliseconds from the first byte of each message to its pulse."""
    server = Server(SystemClock())
    session = await _session(link, server)
    took = []
    for turn in range(ROUNDS):
        kind, generation = (PICKUP if turn % 2 else DROPOFF), 1 + turn // 2
        for locker in range(1, LOCKERS + 1):
            board = (locker - 1) // LOCKS
            token = server.token(locker, kind, generation=generation)
            fields = {9: token.payload, 10: token.auth}
            question = ask(session, Packet.OPEN_LOCKER_WITH_TOKEN, fields, secrets.token_bytes(16))
            await asyncio.to_thread(lines.next_read, board)
            await asyncio.sleep(AFTER_POLL_S)
            sent = time.monotonic()
            await link.send(question.frame)
            session, answer = read_reply(session, question, await link.receive())
            assert isinstance(answer, Reply), answer
            took.append((lines.pulses[board].get(timeout=5) - sent) * 1000)
    assert all(one.empty() for one in lines.pulses), "fired twice"
    return took


async def _session(link: Transport, server: Server) -> PhoneSession:
    credentials = server.session()
    question = request_session(credentials, secrets.token_bytes(16), 0)
    await link.send(question.frame)
    granted = read_grant(credentials, question, await link.receive())
    assert isinstance(granted, PhoneSession), granted
    return granted


def _resident_mib(tower: Service) -> float:
    return float(psutil.Process(tower.process.pid).memory_info().rss) / (1 << 20)
