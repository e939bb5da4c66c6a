"""A tower that is killed and served again, and its cabinet, which lives on in the test's own process."""

import asyncio
import random
import secrets
import shutil
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from harness.processes import Service, start, start_and_kill
from harness.towers import ROOT, Server, make_tower, provision
from openharbor.blink.batches import Batch, BatchRefused, open_batch
from openharbor.blink.keys import TowerKey, derive
from openharbor.blink.provisioning import DoorSensor, Settings
from openharbor.boards.emulator.emulator import Emulator
from openharbor.boards.emulator.lock import Lock
from openharbor.kit.clock import SystemClock

COURIERS: Final[Mapping[str, tuple[int, ...]]] = {"ann": (1, 2), "ben": (3, 4), "cora": (5, 6)}
BLIND: Final = 2  # a locker without a sensor
TRIED: Final = 7  # a technician fires it, and nobody else
SPARE: Final = 8  # only configured
LOCKERS: Final = 8
SENSORS: Final[Mapping[int, DoorSensor]] = {BLIND: "none"}
# a busy machine is no dead board
PATIENT: Final = "pulse_ms=60&read_ms=1000&unlock_ms=1500&poll_ms=200&fast_poll_ms=20&min_repeat_ms=200"
SHUT: Final = 0.6  # of the open doors, while the tower is dead
SETTINGS: Final = Settings(solenoid_delay_ms=200, visit_window_s=120, left_open_s=300, clock_mode="lenient")


@dataclass
class World:
    """`server` mints with the newest rotation that the tower is known to have; `keys`: every one there ever was.

    `on_said`: told of every message before it leaves. `starts_cut_short`: killed before they were told of as ready.
    """

    data: Path
    log: Path
    emulator: Emulator
    server: Server
    keys: dict[int, TowerKey]
    tower: Service | None = None
    on_said: Callable[[str], None] = lambda _: None
    starts: int = 0
    starts_cut_short: int = 0

    @property
    def address(self) -> str:
        assert self.tower is not None
        return self.tower.ready.split()[-1]

    @property
    def journal(self) -> Path:
        return self.data / "tower.db-wal"

    def lock(self, number: int) -> Lock:
        """Lock and door of a locker."""
        return next(iter(self.emulator.locks.values()))[number]

    def pulses(self, number: int) -> int:
        """How often the solenoid of a locker was pulsed, ever."""
        return len(self.lock(number).pulses)

    async def serve(self) -> None:
        """Starts the tower."""
        arguments = ("tower", "serve", "--data", str(self.data), "--listen", "127.0.0.1:0", "--log-format", "json")
        self.tower = await asyncio.to_thread(start, *arguments, log=self.log)
        self.starts += 1

    async def serve_and_kill(self, after: float) -> None:
        """Starts the tower and kills it `after` seconds, wherever it is then."""
        arguments = ("tower", "serve", "--data", str(self.data), "--listen", "127.0.0.1:0", "--log-format", "json")
        await asyncio.to_thread(lambda: start_and_kill(*arguments, log=self.log, after=after))
        self.starts_cut_short += 1

    def strike(self) -> None:
        """kill -9, without waiting."""
        assert self.tower is not None
        self.tower.process.kill()

    async def kill(self) -> None:
        """kill -9, and it is gone."""
        if self.tower is not None:
            await asyncio.to_thread(self.tower.kill)
            self.tower = None

    def copy_of_flash(self, directory: Path) -> Path:
        """What is on flash, with its journal, while the tower is dead."""
        shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir()
        for name in ("tower.db", "tower.db-wal"):
            if (self.data / name).exists():
                shutil.copy(self.data / name, directory / name)
        return directory / "tower.db"

    def opened_batch(self, fields: Mapping[int, object], epoch: int) -> Batch:
        """A batch as the cloud verifies it."""
        first, count, payload, auth = fields[31], fields[32], fields[9], fields[10]
        assert isinstance(first, int) and isinstance(count, int)  # noqa: PT018
        assert isinstance(payload, bytes) and isinstance(auth, bytes)  # noqa: PT018
        batch = open_batch(
            self.keys, payload, auth, tower_id=self.server.tower_id, epoch=epoch, first=first, count=count
        )
        assert not isinstance(batch, BatchRefused), batch
        return batch

    def new_rotation(self) -> tuple[int, bytes]:
        """The next key of the tower, which the server mints with once it is confirmed."""
        number, root = max(self.keys) + 1, secrets.token_bytes(32)
        self.keys[number] = derive(root, number)
        return number, root

    def move_doors(self, chance: random.Random) -> None:
        """People let go of the doors that they leaned on, and shut some that are open."""
        for number in range(1, LOCKERS + 1):
            lock = self.lock(number)
            if lock.held:
                lock.let_go()
            elif lock.door != "closed" and chance.random() < SHUT:
                lock.push_shut()


@asynccontextmanager
async def founded(directory: Path) -> AsyncIterator[World]:
    """A new tower in an empty directory, and its cabinet; the tower is not served yet."""
    clock = SystemClock()
    async with Emulator(
        "kerong-cu16", locks=LOCKERS, pulse_ms=60, answer_delay_ms=4, release_ms=30, pop_ms=30
    ) as emulator:
        boards = (f"{emulator.url()}&{PATIENT}",)
        made = provision(LOCKERS, made_at=clock.now() // 1000 - 60, sensors=SENSORS, settings=SETTINGS)
        data = await make_tower(directory, boards, made)
        world = World(data, directory / "log", emulator, Server(clock), {1: derive(ROOT, 1)})
        try:
            yield world
        finally:
            await world.kill()
        assert emulator.violations() == []
