"""Tower, phone and air as processes of their own: `openharbor tower serve --bluetooth` (cli.md)."""

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from harness.processes import Service, start
from harness.towers import QUICK, TOWER_ID, Server, make_tower, provision, with_short_times
from harness.virtual_radio import RadioPhone
from openharbor.blink.phone_session import Reply
from openharbor.boards.emulator.emulator import Emulator
from openharbor.kit.clock import SystemClock
from openharbor.phone.radio_bumble import BumbleRadio
from openharbor.phone.transport import LinkLost

TESTS = Path(__file__).resolve().parents[2]


@asynccontextmanager
async def air_process() -> AsyncIterator[list[str]]:
    """Names of two transports whose controllers hear each other."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "harness.virtual_radio", "--ports", "2"),
        cwd=TESTS,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    try:
        line = await process.stdout.readline()
        yield [f"tcp-client:127.0.0.1:{port}" for port in json.loads(line)["ports"]]
    finally:
        await process.communicate(b"")
    assert process.returncode == 0


async def serve(data: Path, transport: str) -> Service:
    arguments = ("tower", "serve", "--data", str(data), "--bluetooth", transport)
    return await asyncio.to_thread(lambda: start(*arguments, log=data.parent / "tower.log"))


async def test_a_tower_process_is_found_by_radio_and_opens_what_a_token_says(tmp_path: Path) -> None:
    made = provision(made_at=int(time.time()) - 60)
    async with Emulator("kerong-cu16", locks=8, **QUICK) as emulator, air_process() as (ours, theirs):
        data = await make_tower(tmp_path, [with_short_times(emulator.url())], made)
        service = await serve(data, ours)
        assert service.ready.split()[:4] == ["openharbor", "tower", "ready", TOWER_ID.hex()]
        async with BumbleRadio(theirs) as radio:
            (found,) = [one async for one in radio.discover(0.5)]
            assert (found.tower_id, found.name) == (TOWER_ID, "Library foyer")
            phone = RadioPhone(await radio.connect(found))
            server = Server(SystemClock())
            await phone.begin(server.session())
            opened = await phone.open(server.token(2))
            assert isinstance(opened, Reply)
            assert [pulse.lock for pulse in emulator.pulses] == [2]
            assert await asyncio.to_thread(service.stop) == 0
            with pytest.raises(LinkLost):
                await phone.receive()
        service.close()
        assert "Traceback" not in service.log.read_text()
