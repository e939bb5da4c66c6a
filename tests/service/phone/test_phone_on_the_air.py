"""`openharbor phone …` over Bluetooth: tower, air and phone are processes of their own."""

import asyncio
import json
import secrets
import time
from pathlib import Path
from typing import Any

from harness.processes import openharbor
from harness.towers import QUICK, TOWER_ID, Server, make_tower, provision, with_short_times
from openharbor.boards.emulator.emulator import Emulator
from openharbor.kit.clock import SystemClock
from service.phone.small_cloud import answer, small_cloud
from service.phone.test_harbor_sdk import handed_out
from service.radio.test_radio_processes import air_process, serve


async def test_a_locker_opens_by_radio_with_a_tower_that_is_found_by_its_id(tmp_path: Path) -> None:
    made = provision(made_at=int(time.time()) - 60)
    server = Server(SystemClock())
    token, access = server.token(2), secrets.token_urlsafe(30)
    async with (
        Emulator("kerong-cu16", locks=8, **QUICK) as emulator,
        air_process() as (ours, theirs),
        small_cloud(handed_out(server.session()), answer(503, {"detail": "away"})) as cloud,
    ):
        data = await make_tower(tmp_path, [with_short_times(emulator.url())], made)
        service = await serve(data, ours)

        async def phone(*words: str) -> Any:
            done = await asyncio.to_thread(openharbor, "phone", *words, "--bluetooth", theirs, "--json")
            return json.loads(done.stdout)

        (found,) = await phone("scan", "--seconds", "1")
        assert (found["towerId"], found["name"]) == (TOWER_ID.hex(), "Library foyer")
        place = ("--tower", TOWER_ID.hex(), "--api", cloud.url, "--token", access, "--state", str(tmp_path / "state"))
        assert (await phone("session", "--no-sync", *place))["inSession"] is True
        sealed = ("--payload", token.payload.hex(), "--payload-auth", token.auth.hex().upper())
        opened = await phone("open", *sealed, "--keep", *place)
        assert (opened["locker"], opened["seen"]) == (2, True)
        assert await phone("door", *place) == {"open": True}
        assert [pulse.lock for pulse in emulator.pulses] == [2]
        assert await asyncio.to_thread(service.stop) == 0
        service.close()
