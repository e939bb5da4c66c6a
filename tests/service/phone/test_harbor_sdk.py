"""What an app calls, at a real tower on an emulated cabinet: sessions that are kept, doors that are watched."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from core.blink.rig import phone as session_a
from harness.towers import STAFF, TOWER_ID, Server, TowerRig, tower_on
from openharbor.blink.cbor import encode
from openharbor.blink.frames import INFO_QUESTION
from openharbor.blink.keys import derive
from openharbor.blink.packets import Packet
from openharbor.blink.phone_session import Credentials
from openharbor.blink.sealing import Sealed
from openharbor.blink.tower_session import session_error
from openharbor.kit.clock import SystemClock
from openharbor.phone import wire
from openharbor.phone.errors import NO_SESSION, NOT_CONNECTED, TOWER_NOT_FOUND, ApiError, FirmwareError, SdkError
from openharbor.phone.results import Configured, Opened
from openharbor.phone.sdk import HarborSdk
from openharbor.phone.sdk_api import SdkApi
from openharbor.phone.shelf import Shelf
from openharbor.phone.transport import Found, Transport
from openharbor.tower.links import info_answer
from service.phone.played import TowerEnd, played, reply
from service.phone.small_cloud import CUT, HurriedClock, SmallCloud, answer, small_cloud


def handed_out(made: Credentials) -> bytes:
    """What `POST session-token` answers."""
    body = {
        "payload": made.payload.hex(),
        "payload_auth": made.auth.hex(),
        "session_seed": made.seed.hex(),
        "tower_id": TOWER_ID.hex(),
    }
    return answer(200, body)


def stranger() -> Server:
    """A server that has another key for the tower."""
    return Server(SystemClock(), key=derive(bytes(32), 1))


@asynccontextmanager
async def app(
    rig: TowerRig, *answers: bytes, shelf: Shelf | None = None
) -> AsyncIterator[tuple[HarborSdk, SmallCloud]]:
    """A phone that is connected, and syncs only when it is told to."""
    async with small_cloud(*answers) as cloud:
        sdk = HarborSdk(SdkApi(cloud.url, "token", clock=HurriedClock()), shelf=shelf, auto_sync=False)
        await sdk.connect_to_tower(rig.address)
        try:
            yield sdk, cloud
        finally:
            await sdk.close()


async def opened(sdk: HarborSdk, token: Sealed) -> Opened:
    return await sdk.send_open_locker_with_token(token.payload, token.auth)


async def test_a_session_payload_is_fetched_once_and_used_again_while_it_lasts(tmp_path: Path) -> None:
    async with tower_on(tmp_path) as rig, app(rig, handed_out(rig.server.session()), CUT) as (sdk, cloud):
        for _ in range(3):
            await sdk.send_request_session(duration=3600)
            assert sdk.in_session
            await sdk.send_terminate_session()
        assert [asked.json for asked in cloud.asked] == [
            {"duration": 3600, "claims": ["locker_delivery"], "version": rig.running.state.hardware.firmware}
        ]
        with pytest.raises(ApiError):
            await sdk.send_request_session(("technician",))


async def test_a_payload_that_the_tower_refuses_is_fetched_anew_once(tmp_path: Path) -> None:
    async with tower_on(tmp_path) as rig:
        bad, good = handed_out(stranger().session()), handed_out(rig.server.session())
        async with app(rig, bad, good) as (sdk, cloud):
            await sdk.send_request_session()
            assert (sdk.in_session, len(cloud.asked)) == (True, 2)
        async with app(rig, bad) as (sdk, cloud):
            with pytest.raises(FirmwareError, match="AUTH_SIGNATURE"):
                await sdk.send_request_session()
            assert (sdk.in_session, len(cloud.asked)) == (False, 2)


async def test_a_refused_payload_is_kept_while_the_cloud_cannot_give_another(tmp_path: Path) -> None:
    """Anybody on the link may have refused it."""
    shelf, kept = Shelf(), stranger().session()
    now_s = SystemClock().now() // 1000
    shelf.keep_credentials(TOWER_ID, ("locker_delivery",), kept, now_s + 600)
    async with tower_on(tmp_path) as rig, app(rig, CUT, shelf=shelf) as (sdk, _):
        with pytest.raises(FirmwareError, match="AUTH_SIGNATURE"):
            await sdk.send_request_session()
    assert shelf.credentials(TOWER_ID, ("locker_delivery",), now_s) == kept
    assert shelf.credentials(TOWER_ID, ("locker_delivery",), now_s + 600) is None
    assert shelf.credentials(TOWER_ID, ("technician",), now_s) is None


async def test_a_session_goes_on_over_another_link_and_in_another_process(tmp_path: Path) -> None:
    state = tmp_path / "phone.json"
    async with tower_on(tmp_path) as rig:
        async with app(rig, handed_out(rig.server.session()), shelf=Shelf(state)) as (sdk, _):
            await sdk.send_request_session()
            assert await opened(sdk, rig.server.token(2)) == Opened(2, seen=True)
        async with app(rig, CUT, shelf=Shelf(state)) as (sdk, cloud):
            assert await sdk.send_check_locker_door() is True
            rig.lock(2).push_shut()
            assert await sdk.wait_for_closing() is True
            assert (await sdk.send_reopen_locker()).locker == 2
            await sdk.send_revert_locker_state(b"does not fit")
            await sdk.send_terminate_session()
            assert cloud.asked == []
        async with app(rig, CUT, shelf=Shelf(state)) as (sdk, _):
            assert not sdk.in_session


async def test_the_shelf_has_the_number_of_every_answer_even_if_the_process_is_killed(tmp_path: Path) -> None:
    state = tmp_path / "phone.json"
    async with tower_on(tmp_path) as rig, app(rig, handed_out(rig.server.session()), shelf=Shelf(state)) as (sdk, _):
        await sdk.send_request_session()
        await sdk.send_find_available_lockers()
        await sdk.send_find_available_lockers()
        kept = Shelf(state).session(TOWER_ID)
        assert kept is not None
        assert kept.number == 5


async def test_a_refusal_in_the_clear_does_not_end_a_session_whatever_it_says() -> None:
    session, shelf = session_a("A"), Shelf()
    shelf.keep_session(TOWER_ID, session)

    async def who(end: TowerEnd) -> None:
        assert await end.receive() == INFO_QUESTION
        await end.send(info_answer(bytes(5) + TOWER_ID + bytes(16)))

    async def tower(end: TowerEnd) -> None:
        await end.receive()
        await end.send(session_error(205, 1))
        await end.receive()
        await end.send(reply(session, 2, Packet.LOCKER_DOOR_STATE, {76: False}))

    async with played(who, tower) as there, small_cloud(CUT) as cloud:
        sdk = HarborSdk(SdkApi(cloud.url, clock=HurriedClock()), shelf=shelf, auto_sync=False)
        await sdk.connect_to_tower(there.address)
        with pytest.raises(FirmwareError, match="AUTH_SESSION_ID"):
            await sdk.send_check_locker_door()
        assert sdk.in_session
        assert await sdk.send_check_locker_door() is False
        await sdk.close()


async def test_a_door_is_watched_for_a_minute_at_most(tmp_path: Path) -> None:
    async with tower_on(tmp_path, sensors={4: "none"}) as rig, small_cloud(handed_out(rig.server.session())) as cloud:
        sdk = HarborSdk(SdkApi(cloud.url), auto_sync=False)
        await sdk.connect_to_tower(rig.address)
        await sdk.send_request_session()
        await opened(sdk, rig.server.token(1))
        assert await sdk.wait_for_closing(seconds=0) is False
        rig.lock(1).push_shut()
        assert await sdk.wait_for_closing() is True
        assert (await opened(sdk, rig.server.token(4))).seen is None
        assert await sdk.wait_for_closing() is None
        await sdk.close()


async def test_nothing_is_asked_without_a_tower_or_without_a_session(tmp_path: Path) -> None:
    sdk = HarborSdk(SdkApi("http://127.0.0.1:9"))
    for call in (sdk.send_request_session, sdk.sync_connected_tower):
        with pytest.raises(SdkError) as caught:
            await call()
        assert caught.value.code == NOT_CONNECTED
    with pytest.raises(SdkError, match="no radio"):
        await sdk.connect_to_tower(TOWER_ID.hex())
    with pytest.raises(SdkError) as caught:
        await sdk.send_reopen_locker()
    assert caught.value.code == NO_SESSION
    await sdk.close()


class Neighbourhood:
    """A radio that hears towers on TCP."""

    def __init__(self, *towers: Found) -> None:
        self.towers = towers
        self.listening = False

    async def discover(self, seconds: float) -> AsyncIterator[Found]:
        self.listening = seconds > 0
        try:
            for one in self.towers:
                yield one
        finally:
            self.listening = False

    async def connect(self, found: Found) -> Transport:
        assert not self.listening
        return await wire.connect(found.address)


async def test_a_tower_is_found_by_its_id_and_the_scan_is_over_before_the_connection_begins(tmp_path: Path) -> None:
    async with tower_on(tmp_path) as rig:
        other = Found(tower_id=bytes(8), name="", firmware="", address="tcp://127.0.0.1:9")
        radio = Neighbourhood(other, await wire.who_is(rig.address), other)
        async with small_cloud(handed_out(rig.server.session())) as cloud:
            sdk = HarborSdk(SdkApi(cloud.url), radio=radio, auto_sync=False)
            assert (await sdk.connect_to_tower(TOWER_ID.hex().upper())).address == rig.address
            await sdk.send_request_session()
            with pytest.raises(SdkError) as caught:
                await sdk.connect_to_tower("0100000000000099")
            assert caught.value.code == TOWER_NOT_FOUND
            await sdk.close()


async def test_a_configuration_is_sent_in_order_and_what_was_refused_is_named(tmp_path: Path) -> None:
    name, taken, wrong = (
        {1: 89, 60: "North wall"},
        {1: 102, 70: 1, 72: 9, 71: 1},
        {1: 89, 60: "A name that is too long"},
    )
    configuration = {"towerId": TOWER_ID.hex(), "commands": [encode(one).hex() for one in (taken, wrong, name)]}
    async with tower_on(tmp_path) as rig:
        answers = handed_out(rig.server.session(STAFF)), answer(200, configuration)
        async with app(rig, *answers) as (sdk, _):
            await sdk.send_request_session(("technician",))
            await opened(sdk, rig.server.token(1))
            assert await sdk.download_tower_configuration() == Configured(1, ("CONFIGURE_LOCKER", "SET_TOWER_NAME"))
            assert rig.running.identity.name == "North wall"


async def test_staff_can_ask_for_everything_that_the_tower_has(tmp_path: Path) -> None:
    async with tower_on(tmp_path) as rig, app(rig, handed_out(rig.server.session(STAFF))) as (sdk, _):
        await sdk.send_request_session(("technician",))
        assert (await sdk.send_get_device_info()).tower_id == TOWER_ID
        assert (await sdk.send_get_locker_info(3)).port == 2
        assert (await sdk.send_get_key_info(1)).valid
        assert (await sdk.send_read_device_status()).disabled is False
        assert (await sdk.send_read_port_status(0)).door_open is False
        assert await sdk.send_open_available_locker(locker_token=b"1234") == Opened(1, seen=True)
        assert await sdk.send_find_lockers_with_token(match_available=False, match_token=b"1234") == {1: 1}
        assert await sdk.send_check_all_locker_doors() == (1,)
        code = await sdk.send_set_keypad_code("auto")
        assert code is not None
        assert code.isdecimal()
        await sdk.send_add_client_event(b"app 1.0")
        await sdk.send_tap_locker(50, 1)
        await sdk.send_terminate_session(3, "the app stopped")


async def test_calls_at_once_are_carried_out_one_after_another(tmp_path: Path) -> None:
    async with tower_on(tmp_path) as rig, app(rig, handed_out(rig.server.session())) as (sdk, _):
        await sdk.send_request_session()
        counts = await asyncio.gather(*(sdk.send_find_available_lockers() for _ in range(5)))
        assert counts == [{1: 4}] * 5
