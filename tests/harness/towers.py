"""A tower that is served on an emulated cabinet, the server's side of its keys, and a phone by hand.

`async with tower_on(directory) as rig`: `rig.address` is where it listens, `rig.running` the RunningTower,
`rig.emulator` its cabinet; `rig.server` seals session payloads, tokens and command packets for it.
"""

import asyncio
import itertools
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from openharbor.blink import provisioning
from openharbor.blink.frames import INFO_QUESTION
from openharbor.blink.keys import TowerKey, derive
from openharbor.blink.packets import Packet
from openharbor.blink.payloads import (
    DROPOFF,
    CommandsPayload,
    OpenPayload,
    SessionPayload,
    encode_commands,
    encode_open,
    encode_session,
)
from openharbor.blink.permissions import mask_of
from openharbor.blink.phone_session import (
    Credentials,
    Declined,
    PhoneSession,
    Question,
    Reply,
    ask,
    read_grant,
    read_reply,
    request_session,
)
from openharbor.blink.provisioning import DoorSensor, Key, Locker, Provision, Settings
from openharbor.blink.sealing import Sealed, seal
from openharbor.boards.emulator.emulator import Emulator
from openharbor.boards.emulator.lock import Lock
from openharbor.kit.clock import Clock, SystemClock
from openharbor.tower.app import RunningTower, running
from openharbor.tower.commands import initialise
from openharbor.tower.wire import listening

TOWER_ID = bytes.fromhex("0100000000000014")
ROOT = bytes(range(32))
LOCKERS = 4
QUICK: Mapping[str, Any] = {"pulse_ms": 120, "answer_delay_ms": 4, "release_ms": 30, "pop_ms": 30}
SHORT = "read_ms=150&unlock_ms=400&poll_ms=200&fast_poll_ms=50&min_repeat_ms=200"
USUAL = Settings(solenoid_delay_ms=200, visit_window_s=120, left_open_s=300, clock_mode="lenient")
USER = mask_of(["sync_packet", "locker_pickup", "locker_delivery"])
STAFF = mask_of(["technician"])


@dataclass
class Server:
    """What the cloud knows of the tower: its root key. `clock` gives the server's time."""

    clock: Clock
    tower_id: bytes = TOWER_ID
    key: TowerKey = field(default_factory=lambda: derive(ROOT, 1))
    token_ids: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    command: int = 1

    @property
    def now(self) -> int:
        return self.clock.now() // 1000

    def seal(self, plain: bytes) -> Sealed:
        return seal(self.key, plain, secrets.token_bytes(16))

    def session(self, permissions: int = USER, client_id: bytes = b"courier") -> Credentials:
        """What `POST session-token` gives a phone."""
        seed = secrets.token_bytes(32)
        payload = SessionPayload(
            issued=self.now,
            expires=self.now + 3600,
            tower_id=self.tower_id,
            permissions=permissions,
            client_id=client_id,
            seed=seed,
        )
        sealed = self.seal(encode_session(payload))
        return Credentials(sealed.payload, sealed.auth, seed)

    def token(self, locker: int, kind: int = DROPOFF, *, generation: int = 1, **fields: Any) -> Sealed:
        """A locker token. `fields`: of OpenPayload. All of one locker and generation hold the same locker_token."""
        given: dict[str, Any] = {
            "issued": self.now,
            "expires": self.now + 86_400,
            "tower_id": self.tower_id,
            "token_id": next(self.token_ids),
            "locker_number": locker,
            "generation": generation,
            "access_kind": kind,
            "locker_token": locker.to_bytes(8) + generation.to_bytes(8),
        }
        return self.seal(encode_open(OpenPayload(**{**given, **fields})))

    def packet(self, *commands: Mapping[int, Any]) -> Sealed:
        """The next commands, `{1: type, fields…}`, as one packet."""
        payload = CommandsPayload(
            issued=self.now, expires=self.now + 86_400, tower_id=self.tower_id, first=self.command, commands=commands
        )
        self.command += len(commands)
        return self.seal(encode_commands(payload))


@dataclass
class WirePhone:
    """A phone on one TCP link that sends and reads frames as they are."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    credentials: Credentials | None = None
    session: PhoneSession | None = None

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def receive(self, within: float = 20.0) -> bytes:
        """The next frame of the tower. Raises EOFError when the link was cut."""
        async with asyncio.timeout(within):
            head = await self.reader.read(1)
            if not head:
                raise EOFError("the tower cut the link")
            width = {24: 1, 25: 2}.get(head[0] & 31, 0)
            more = await self.reader.readexactly(width)
            size = int.from_bytes(more) if width else head[0] & 31
            return head + more + await self.reader.readexactly(size)

    async def exchange(self, data: bytes) -> bytes:
        await self.send(data)
        return await self.receive()

    async def is_cut(self, within: float = 20.0) -> bool:
        """Waits until the tower cuts the link; whether it sent nothing before."""
        async with asyncio.timeout(within):
            return await self.reader.read(1) == b""

    async def info(self) -> bytes:
        return (await self.exchange(INFO_QUESTION))[2:]

    async def begin(self, credentials: Credentials) -> PhoneSession:
        """A session. Raises AssertionError with the code of a refusal."""
        question = request_session(credentials, secrets.token_bytes(16), 0)
        granted = read_grant(credentials, question, await self.exchange(question.frame))
        assert isinstance(granted, PhoneSession), granted
        self.credentials, self.session = credentials, granted
        return granted

    def ask(self, packet: Packet, fields: Mapping[int, Any] | None = None) -> Question:
        """A command, not sent yet."""
        assert self.session is not None
        return ask(self.session, packet, fields or {}, secrets.token_bytes(16))

    def read(self, question: Question, frame: bytes) -> Reply | Declined:
        assert self.session is not None
        self.session, reply = read_reply(self.session, question, frame)
        return reply

    async def do(self, packet: Packet, fields: Mapping[int, Any] | None = None) -> Reply | Declined:
        """A command and what the tower made of it."""
        question = self.ask(packet, fields)
        return self.read(question, await self.exchange(question.frame))

    async def open(self, token: Sealed) -> Reply | Declined:
        return await self.do(Packet.OPEN_LOCKER_WITH_TOKEN, {9: token.payload, 10: token.auth})

    async def push(self, packet: Sealed) -> Reply | Declined:
        return await self.do(Packet.SYNC_PUSH, {9: packet.payload, 10: packet.auth})

    async def close(self) -> None:
        self.writer.close()
        await asyncio.gather(self.writer.wait_closed(), return_exceptions=True)


@asynccontextmanager
async def phone_at(address: str) -> AsyncIterator[WirePhone]:
    """A phone on a link of its own to `tcp://host:port`."""
    host, _, port = address.removeprefix("tcp://").rpartition(":")
    reader, writer = await asyncio.open_connection(host.strip("[]"), int(port))
    phone = WirePhone(reader, writer)
    try:
        yield phone
    finally:
        await phone.close()


@dataclass
class TowerRig:
    """A served tower. `boards`: the URLs that it was made with."""

    data: Path
    boards: tuple[str, ...]
    running: RunningTower
    address: str
    emulator: Emulator
    server: Server
    stopped: Callable[[], Awaitable[None]]

    async def stop(self) -> None:
        """Ends the tower before its block does; the cabinet stays, and its directory may be served again."""
        await self.stopped()

    def lock(self, number: int) -> Lock:
        """Lock and door of a locker, where port = number - 1."""
        return next(iter(self.emulator.locks.values()))[number]

    def pulses(self) -> list[int]:
        """The locks that were fired, in order."""
        return [pulse.lock for pulse in self.emulator.pulses]

    def phone(self) -> AbstractAsyncContextManager[WirePhone]:
        """`async with rig.phone() as phone`."""
        return phone_at(self.address)

    async def until(self, met: Callable[[], bool], seconds: float = 20.0) -> None:
        """Waits for something to be so. Raises TimeoutError."""
        await until(met, seconds)

    async def ready(self) -> None:
        """Until every door that can be read was read."""
        await self.until(lambda: any(one is not None for one in self.running.state.doors.values()))


async def until(met: Callable[[], bool], seconds: float = 20.0) -> None:
    """Waits for something to be so. Raises TimeoutError."""
    async with asyncio.timeout(seconds):
        while not met():  # noqa: ASYNC110 - what is waited for is another side's state, which tells nobody
            await asyncio.sleep(0.005)


def provision(
    lockers: int = LOCKERS,
    *,
    made_at: int,
    sensors: Mapping[int, DoorSensor] | None = None,
    settings: Settings = USUAL,
    tower_id: bytes = TOWER_ID,
) -> Provision:
    """A provisioning file in which locker n has port n-1. `sensors`: of those that are not normal."""
    given = sensors or {}
    return Provision(
        format="openharbor-tower-provision/1",
        tower_id=tower_id.hex(),
        name="Library foyer",
        made_at=made_at,
        key=Key(key_id=1, rotation=1, root=ROOT.hex(), expires=0),
        last_command=0,
        next_event=1,
        event_epoch=1,
        settings=settings,
        lockers=tuple(
            Locker(
                number=number,
                port=number - 1,
                type=1,
                door_sensor=given.get(number, "normal"),
                disabled=False,
                retired_generation=0,
            )
            for number in range(1, lockers + 1)
        ),
    )


def with_short_times(url: str) -> str:
    """A board URL whose times are short, so that a test takes little of them."""
    return f"{url}{'&' if '?' in url else '?'}{SHORT}"


async def make_tower(directory: Path, boards: Sequence[str], made: Provision) -> Path:
    """A tower's data directory, made by `tower init`."""
    file, data = directory / "provision.json", directory / "tower"
    file.write_bytes(provisioning.write(made))
    await asyncio.to_thread(initialise, data, file, boards)
    return data


@asynccontextmanager
async def served(
    data: Path, emulator: Emulator, clock: Clock, boards: Sequence[str] = (), *, links: int = 16
) -> AsyncIterator[TowerRig]:
    """A tower that was made before, running and listening for the time of a block."""
    async with AsyncExitStack() as stack:
        tower = await stack.enter_async_context(running(data, None, clock))
        address = await stack.enter_async_context(listening(tower, "127.0.0.1", 0, most=links))
        stack.push_async_callback(tower.drain)
        yield TowerRig(data, tuple(boards), tower, address, emulator, Server(clock), stack.aclose)


@asynccontextmanager
async def tower_on(
    directory: Path,
    protocol: str = "kerong-cu16",
    *,
    lockers: int = LOCKERS,
    sensors: Mapping[int, DoorSensor] | None = None,
    settings: Settings = USUAL,
    clock: Clock | None = None,
    links: int = 16,
    ready: bool = True,
    **model: Any,
) -> AsyncIterator[TowerRig]:
    """An emulated cabinet and a served tower on it. `model`: options of the cabinet. Broken rules of 6.5 fail it."""
    clock = clock or SystemClock()
    async with Emulator(protocol, locks=max(lockers, 8), **{**QUICK, **model}) as emulator:
        boards = (with_short_times(emulator.url()),)
        made = provision(lockers, made_at=clock.now() // 1000 - 60, sensors=sensors, settings=settings)
        data = await make_tower(directory, boards, made)
        async with served(data, emulator, clock, boards, links=links) as rig:
            if ready:
                await rig.ready()
            yield rig
        assert emulator.violations() == []
