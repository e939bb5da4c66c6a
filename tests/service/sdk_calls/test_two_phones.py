"""Two phones at one tower, which has one link and one session (blink-protocol.md 2.2, 2.4, 5.3, 5.6)."""

import asyncio
from pathlib import Path

import pytest

from harness.towers import TOWER_ID
from openharbor.blink.payloads import PICKUP
from openharbor.blink.refusals import AUTH_NO_SESSION, AUTH_SESSION_ID
from openharbor.phone.errors import FirmwareError
from openharbor.phone.results import Opened
from openharbor.phone.transport import Found
from service.sdk_calls.calls import refused
from service.sdk_calls.place import MovedClock, Phone, Place, tower_in_air

STRANGER_S = 90.0
IDLE_S = 300.0


async def waiting(place: Place, phone: Phone) -> "asyncio.Task[Found]":
    """Connects as soon as the tower lets it."""
    task = asyncio.create_task(phone.sdk.connect_to_tower_with_identifier(TOWER_ID, 60))
    await place.rig.until(lambda: phone.controller.le_scan_enable or phone.controller.pending_le_connection is not None)
    return task


async def test_a_second_phone_waits_while_the_first_is_there_and_gets_in_when_it_leaves(tmp_path: Path) -> None:
    async with (
        tower_in_air(tmp_path) as place,
        place.phone() as first,
        place.phone(connected=False) as second,
    ):
        await first.begin()
        coming = await waiting(place, second)
        assert await first.open(place.rig.server.token(1)) == Opened(1, seen=True)
        assert not coming.done()
        await first.sdk.send_terminate_session()
        assert not coming.done()
        await first.sdk.disconnect()
        await coming
        await second.begin(client_id=b"recipient")
        await first.shut(1)
        assert await second.open(place.rig.server.token(1, PICKUP)) == Opened(1, seen=True)
        assert place.rig.running.state.lockers[1].available
        assert place.rig.pulses() == [1, 1]


async def test_a_second_phone_gets_in_when_the_first_goes_out_of_range(tmp_path: Path) -> None:
    async with (
        tower_in_air(tmp_path) as place,
        place.phone() as first,
        place.phone(connected=False) as second,
    ):
        await first.begin()
        coming = await waiting(place, second)
        first.controller.out_of_range()
        await coming
        await second.begin()


async def test_sessions_of_two_phones_do_not_disturb_each_other_until_the_new_one_speaks(tmp_path: Path) -> None:
    async with tower_in_air(tmp_path) as place, place.phone() as first, place.phone(connected=False) as second:
        await first.begin()
        assert await first.open(place.rig.server.token(1)) == Opened(1, seen=True)
        await first.sdk.disconnect()
        await second.sdk.connect_to_tower_with_identifier(TOWER_ID)
        await second.begin(client_id=b"another")  # granted, and not spoken yet: nothing to the first
        await second.sdk.disconnect()
        await first.sdk.connect_to_tower_with_identifier(TOWER_ID)
        assert await first.sdk.send_check_locker_door() is True
        await first.sdk.disconnect()


async def test_the_first_command_of_a_new_session_ends_the_other(tmp_path: Path) -> None:
    async with tower_in_air(tmp_path) as place, place.phone() as first, place.phone(connected=False) as second:
        await first.begin()
        assert await first.open(place.rig.server.token(1)) == Opened(1, seen=True)
        await first.sdk.disconnect()
        await second.sdk.connect_to_tower_with_identifier(TOWER_ID)
        await second.begin(client_id=b"another")
        assert sum((await second.sdk.send_find_available_lockers()).values()) == 3
        with refused(504):  # what another session opened is not this one's
            await second.sdk.send_reopen_locker()
        await second.sdk.disconnect()
        await first.sdk.connect_to_tower_with_identifier(TOWER_ID)
        with refused(AUTH_SESSION_ID):
            await first.sdk.send_reopen_locker()
        assert place.rig.pulses() == [1]
        await first.begin()
        await first.shut(1)
        assert await first.open(place.rig.server.token(2)) == Opened(2, seen=True)


@pytest.mark.parametrize(("in_session", "after_s"), [(False, STRANGER_S), (True, IDLE_S)], ids=["stranger", "idle"])
async def test_a_phone_that_says_nothing_is_sent_away_and_the_next_gets_in(
    tmp_path: Path, in_session: bool, after_s: float
) -> None:
    clock = MovedClock()
    async with (
        tower_in_air(tmp_path, clock=clock) as place,
        place.phone() as first,
        place.phone(connected=False) as second,
    ):
        if in_session:
            await first.begin()
            await first.sdk.send_request_sync_status()
        coming = await waiting(place, second)
        clock.move(after_s + 1)
        await coming
        await second.begin()
        await second.sdk.send_request_sync_status()
        await second.sdk.disconnect()
        if in_session:
            with pytest.raises(FirmwareError) as caught:
                await first.sdk.send_request_sync_status()
            assert caught.value.code in (AUTH_SESSION_ID, AUTH_NO_SESSION)
