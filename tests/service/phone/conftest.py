"""A cloud as a process, with a tower of its own on an emulated cabinet, and `openharbor phone` as a process."""

import asyncio
import json
import shutil
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest

from harness.clouds import TOWER, Cloud, CloudDatabase, cloud, new_database, token
from harness.processes import openharbor
from harness.towers import QUICK, TowerRig, make_tower, served, with_short_times
from openharbor.blink import provisioning
from openharbor.boards.emulator.emulator import Emulator
from openharbor.kit.clock import SystemClock

LOCKERS = f"/api/v1/towers/{TOWER}/lockers"


@dataclass(frozen=True)
class Place:
    """A tower that a cloud knows. `directory` is the phone's own."""

    cloud: Cloud
    tower: TowerRig
    directory: Path

    @property
    def state(self) -> Path:
        return self.directory / "phone.json"

    def locker(self, name: str = "1") -> dict[str, Any]:
        """A locker as the shop sees it, by the number on its door."""
        reply = self.cloud.api().get(LOCKERS)
        found: dict[str, Any] = next(one for one in reply.body if one["name"] == name)
        return found

    def token(self, name: str = "1", kind: str = "dropoff") -> tuple[str, ...]:
        """The flags of `phone open` for a locker token of the delivery API."""
        reply = self.cloud.api().post(f"{LOCKERS}/{self.locker(name)['id']}/{kind}-locker-tokens", {})
        assert reply.status == 200, reply
        return "--payload", reply.body["payload"], "--payload-auth", reply.body["payload_auth"]

    async def phone(self, *words: str, access: str | None = None, **others: str) -> CompletedProcess[str]:
        """`openharbor phone …` at the tower. `others`: instead of the usual tower, api and state."""
        access = access or token(self.cloud.url, self.cloud.database.acme, "tower_access")
        given = {"tower": self.tower.address, "api": self.cloud.url, "state": str(self.state), **others}
        flags = [text for name, value in given.items() for text in (f"--{name}", value)]
        return await asyncio.to_thread(openharbor, "phone", *words, *flags, "--token", access, check=False)

    async def json(self, *words: str, **others: str) -> Any:
        """The one document that it prints, and nothing else."""
        done = await self.phone(*words, "--json", **others)
        assert (done.returncode, done.stderr) == (0, ""), done
        assert done.stdout.count("\n") == 1
        return json.loads(done.stdout)


def copied(made: CloudDatabase, directory: Path) -> CloudDatabase:
    """The same in a directory of its own."""
    shutil.copytree(made.master_key_file.parent, directory)
    return replace(made, url=f"sqlite:///{directory}/cloud.db", master_key_file=directory / "master.key")


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> CloudDatabase:
    """The database of a cloud with the catalog that ships, and the file for its tower; nobody touches them.

    Acme's people may be technicians.
    """
    database = new_database(tmp_path_factory.mktemp("made"))
    openharbor("cloud", "client", "claims", *database.flags, database.acme.client_id, "technician")
    return database


@pytest.fixture
async def place(made: CloudDatabase, tmp_path: Path) -> AsyncIterator[Place]:
    """Everything new: a test changes what lockers hold."""
    clock = SystemClock()
    directory = tmp_path / "cloud"
    database = copied(made, directory)
    provision = provisioning.read((directory / f"{TOWER}.json").read_bytes())
    async with AsyncExitStack() as stack:
        running = stack.enter_context(cloud(database, directory / "cloud.log"))
        emulator = await stack.enter_async_context(Emulator("kerong-cu48", locks=48, **QUICK))
        boards = (with_short_times(emulator.url()),)
        data = await make_tower(tmp_path, boards, provision)
        rig = await stack.enter_async_context(served(data, emulator, clock, boards))
        await rig.ready()
        yield Place(running, rig, tmp_path / "phone")
