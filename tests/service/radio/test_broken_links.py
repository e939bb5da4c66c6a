"""Links that break, phones that wait, controllers that go (blink-protocol.md 2.2, 2.4)."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from harness.towers import tower_on
from harness.virtual_radio import RadioPhone, advertisers, air, controller, hci, on_port, unplug
from openharbor.blink.packets import Packet
from openharbor.blink.phone_session import Reply
from openharbor.kit.clock import SteppedClock
from openharbor.kit.errors import Failed
from openharbor.phone.arrivals import chunks
from openharbor.phone.radio_bumble import BumbleRadio
from openharbor.phone.transport import Found, LinkLost
from openharbor.tower.bluetooth import on_bluetooth


async def test_a_link_that_breaks_at_any_chunk_of_an_open_fires_nothing_and_the_session_goes_on(on_air: Any) -> None:
    async with on_air.radio(mtu=23) as radio:
        phone = RadioPhone(await radio.connect(on_air.found))
        await phone.begin(on_air.rig.server.session())
        token = on_air.rig.server.token(3)
        question = phone.ask(Packet.OPEN_LOCKER_WITH_TOKEN, {9: token.payload, 10: token.auth})
        pieces = list(chunks(question.frame, 23))
        for count in range(1, len(pieces)):
            for piece in pieces[:count]:
                await phone.send(piece)
            await phone.close()
            phone.link = await radio.connect(on_air.found)
        assert on_air.rig.pulses() == []
        opened = phone.read(question, await phone.exchange(question.frame))
        assert isinstance(opened, Reply)
        assert on_air.rig.pulses() == [3]


async def test_a_phone_out_of_range_loses_its_link_and_both_ends_notice(on_air: Any) -> None:
    async with on_air.phone() as phone:
        await phone.begin(on_air.rig.server.session())
        on_air.tower.out_of_range()
        with pytest.raises(LinkLost, match="out of reach"):
            await phone.receive()
        with pytest.raises(LinkLost):
            await phone.send(b"\x40")
        await on_air.rig.until(lambda: bool(advertisers(on_air.tower)))


async def test_an_answer_that_was_lost_with_its_link_is_given_again_on_the_next_and_fires_nothing_twice(
    on_air: Any,
) -> None:
    async with on_air.radio() as radio:
        phone = RadioPhone(await radio.connect(on_air.found))
        await phone.begin(on_air.rig.server.session())
        token = on_air.rig.server.token(4)
        question = phone.ask(Packet.OPEN_LOCKER_WITH_TOKEN, {9: token.payload, 10: token.auth})
        await phone.send(question.frame)
        await on_air.rig.until(lambda: bool(on_air.rig.pulses()))
        on_air.tower.out_of_range()
        phone.link = await radio.connect(on_air.found)
        opened = phone.read(question, await phone.exchange(question.frame))
        assert isinstance(opened, Reply)
    assert on_air.rig.pulses() == [4]


async def test_a_second_phone_gets_in_when_the_first_leaves(on_air: Any) -> None:
    async with on_air.radio() as first, on_air.radio() as second:
        phone = RadioPhone(await first.connect(on_air.found))
        await phone.begin(on_air.rig.server.session())
        waiting = asyncio.create_task(second.connect(on_air.found))
        await on_air.rig.until(lambda: on_air.phones[1].pending_le_connection is not None)
        assert isinstance(await phone.do(Packet.REQUEST_SYNC_STATUS), Reply)
        assert not waiting.done()
        await phone.close()
        other = RadioPhone(await waiting)
        await other.begin(on_air.rig.server.session(client_id=b"another"))
        await other.close()


async def test_a_phone_that_connects_again_lets_its_old_link_go_first(on_air: Any) -> None:
    async with on_air.radio() as radio:
        old = await radio.connect(on_air.found)
        phone = RadioPhone(await radio.connect(on_air.found))
        await phone.begin(on_air.rig.server.session())
        with pytest.raises(LinkLost):
            await old.receive()


async def test_a_tower_that_is_not_there_is_tried_five_times_and_then_given_up() -> None:
    clock = SteppedClock()
    alone = controller(air(), "phone")
    nobody = Found(tower_id=None, name="", firmware="", address="C0:00:00:00:00:99")
    tries = 0
    async with BumbleRadio(hci(alone), clock=clock) as radio:
        connecting = asyncio.create_task(radio.connect(nobody))
        while not connecting.done():
            while alone.pending_le_connection is None and not connecting.done():
                await clock.advance(0.5)
            tries += alone.pending_le_connection is not None
            _give_up(alone)
        with pytest.raises(Failed, match="in 5 attempts") as failed:
            await connecting
    assert tries == 5
    assert failed.value.exit_code == 4


def _give_up(alone: Any) -> None:
    """As when the attempt's time is over."""
    if alone.pending_le_connection is not None:
        alone.on_hci_le_create_connection_cancel_command(None)


async def test_a_connection_attempt_that_is_given_up_leaves_the_radio_usable(on_air: Any) -> None:
    async with on_air.radio() as first, on_air.radio() as second:
        link = await first.connect(on_air.found)
        waiting = asyncio.create_task(second.connect(on_air.found))
        await on_air.rig.until(lambda: on_air.phones[1].pending_le_connection is not None)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        await link.close()
        phone = RadioPhone(await second.connect(on_air.found))
        await phone.begin(on_air.rig.server.session())


async def test_a_tower_comes_back_on_the_air_after_its_controller_was_lost(tmp_path: Path) -> None:
    here = air()
    ours, theirs = controller(here, "tower"), controller(here, "phone")
    async with (
        tower_on(tmp_path) as rig,
        on_port(ours) as port,
        on_bluetooth(rig.running, f"tcp-client:127.0.0.1:{port}") as address,
    ):
        await rig.until(lambda: bool(advertisers(ours)))
        unplug(ours)
        await rig.until(lambda: not advertisers(ours))
        await rig.until(lambda: bool(advertisers(ours)))
        found = Found(tower_id=None, name="", firmware="", address=address)
        async with BumbleRadio(hci(theirs)) as radio:
            phone = RadioPhone(await radio.connect(found))
            await phone.begin(rig.server.session())


@pytest.mark.parametrize("name", ["usb:99", "tcp-client:127.0.0.1:1", "tcp-client:nowhere", "radio", "usb"])
async def test_a_controller_that_is_not_there_is_a_clear_error(tmp_path: Path, name: str) -> None:
    async with tower_on(tmp_path, ready=False) as rig:
        with pytest.raises(Failed, match=f"no Bluetooth controller on {name} .*: name a transport"):
            async with on_bluetooth(rig.running, name):
                pass
    with pytest.raises(Failed, match=f"no Bluetooth controller on {name} .*: name a transport"):
        await BumbleRadio(name).connect(Found(tower_id=None, name="", firmware="", address="C0:00:00:00:00:99"))


@pytest.mark.slow
async def test_a_controller_that_does_not_answer_is_a_clear_error(tmp_path: Path) -> None:
    async def mute(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.read(100):
            pass
        writer.close()

    server = await asyncio.start_server(mute, "127.0.0.1", 0)
    name = f"tcp-client:127.0.0.1:{server.sockets[0].getsockname()[1]}"
    radio = BumbleRadio(name)
    async with tower_on(tmp_path, ready=False) as rig:
        with pytest.raises(Failed, match="does not answer"):
            async with on_bluetooth(rig.running, name):
                pass
        with pytest.raises(Failed, match="does not answer"):
            await radio.connect(Found(tower_id=None, name="", firmware="", address="C0:00:00:00:00:99"))
    server.close()
    await server.wait_closed()
