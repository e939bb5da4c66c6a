"""A tower that is killed in an opening, as the process it is in the field (blink-protocol.md 7.3, 12; T-18)."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from harness.processes import Service, start
from harness.towers import (
    LOCKERS,
    QUICK,
    Server,
    WirePhone,
    make_tower,
    phone_at,
    provision,
    until,
    with_short_times,
)
from openharbor.blink.batches import Batch, open_batch
from openharbor.blink.events import DROPPED_OFF
from openharbor.blink.packets import Packet
from openharbor.blink.phone_session import Reply
from openharbor.boards.emulator.emulator import Emulator
from openharbor.kit.clock import SystemClock

ACCESS, BOOT = 26, 20

pytestmark = pytest.mark.slow


async def serve(data: Path) -> Service:
    arguments = ("tower", "serve", "--data", str(data), "--listen", "127.0.0.1:0", "--log-format", "json")
    return await asyncio.to_thread(start, *arguments, log=data.parent / "tower.log")


@asynccontextmanager
async def visit(service: Service, server: Server) -> AsyncIterator[WirePhone]:
    async with phone_at(service.ready.split()[-1]) as phone:
        await phone.begin(server.session())
        yield phone


async def told(phone: WirePhone, server: Server) -> list[tuple[int, int | None]]:
    """Type and reason of every event."""
    events: list[tuple[int, int | None]] = []
    start_at = 1
    while True:
        reply = await phone.do(Packet.SYNC_PULL, {31: start_at})
        assert isinstance(reply, Reply)
        fields = reply.fields
        batch = open_batch(
            {1: server.key},
            fields[9],
            fields[10],
            tower_id=server.tower_id,
            epoch=1,
            first=fields[31],
            count=fields[32],
        )
        assert isinstance(batch, Batch), batch
        if not batch.count:
            return events
        events += [(one[1], one.get(77)) for one in batch.events]
        start_at = batch.end


async def test_the_ready_line_and_a_signal_are_as_in_the_field(tmp_path: Path) -> None:
    data = await make_tower(tmp_path, ["virtual://absent"], provision(made_at=0))
    service = await serve(data)
    assert service.ready.startswith("openharbor tower ready 0100000000000014 tcp://127.0.0.1:")
    async with phone_at(service.ready.split()[-1]) as phone:
        assert await phone.info()
        assert await asyncio.to_thread(service.stop) == 0
    service.close()
    assert "Traceback" not in service.log.read_text()


@pytest.mark.parametrize("after_ms", [0, 2, 5, 10, 20, 50, 150])
async def test_a_cut_in_a_dropoff_never_leaves_a_locker_free_that_was_fired(after_ms: int, tmp_path: Path) -> None:
    server = Server(SystemClock())
    async with Emulator("kerong-cu16", locks=8, **QUICK) as emulator:
        made = provision(made_at=server.now - 60)
        data = await make_tower(tmp_path, [with_short_times(emulator.url())], made)
        service = await serve(data)
        async with visit(service, server) as phone:
            await phone.do(Packet.FIND_AVAILABLE_LOCKERS)
            token = server.token(1)
            question = phone.ask(Packet.OPEN_LOCKER_WITH_TOKEN, {9: token.payload, 10: token.auth})
            await phone.send(question.frame)
            await asyncio.sleep(after_ms / 1000)  # where in the opening it strikes is the point of this test
            await asyncio.to_thread(service.kill)
        fired = [pulse.lock for pulse in emulator.pulses]
        service = await serve(data)
        try:
            async with visit(service, server) as phone:
                free = await phone.do(Packet.FIND_AVAILABLE_LOCKERS)
                assert isinstance(free, Reply)
                accesses = [reason for kind, reason in await told(phone, server) if kind == ACCESS]
                taken = free.fields[78] == {1: LOCKERS - 1}
                assert accesses.count(DROPPED_OFF) == taken
                assert fired in ([], [1])
                assert taken or fired == []
                await until(lambda: [pulse.lock for pulse in emulator.pulses] == fired)
        finally:
            assert await asyncio.to_thread(service.stop) == 0
            service.close()
        assert emulator.violations() == []
